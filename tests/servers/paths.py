"""Where things are: the tree, the loadable functions, the cache of downloads."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "sync_worker" / "lib" / "gman_udf.so"  # as setup.py leaves it


def cache_directory() -> Path:
    """Return where downloads and initialised data directories are kept.

    scripts/common.sh has the same rule.
    """
    chosen = os.environ.get("SYNC_WORKER_CACHE")
    if chosen:
        return Path(chosen)
    home = Path(os.environ.get("HOME") or "/nonexistent")
    usable = home.is_dir() and os.access(home, os.W_OK)
    return home / ".cache" / "sync-worker" if usable else ROOT / ".run" / "cache"
