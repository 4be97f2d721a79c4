"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..config import DEFAULT_PATH

config_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path, resolve_path=True),  # absolute: a daemon changes directory
    envvar="SYNC_WORKER_CONFIG",
    show_envvar=True,
    help=f"Configuration file. Without it: {DEFAULT_PATH} if there, else defaults.",
)
