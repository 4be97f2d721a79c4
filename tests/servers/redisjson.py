"""The module RedisJSON for a test Redis: the real one if there is one, else our stand-in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "c" / "redisjson.c"
FLAGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC")


def redisjson_module(directory: Path) -> Path:
    """Return the module's file: SYNC_TEST_REDISJSON, or the stand-in, built into `directory`."""
    real = os.environ.get("SYNC_TEST_REDISJSON")
    if real:
        return Path(real)
    built = directory / "redisjson.so"
    subprocess.run(["cc", *FLAGS, "-o", str(built), str(SOURCE)], check=True)
    return built
