"""Sends a signal to the sync-worker that runs."""

from __future__ import annotations

import os

from . import exit_codes
from .failure import CommandFailed


def send(pid: int, number: int) -> None:
    """Send it. Raises CommandFailed when the process is not ours or has just gone."""
    try:
        os.kill(pid, number)
    except PermissionError:
        raise CommandFailed(
            f"process {pid} belongs to another user", "the same command with sudo"
        ) from None
    except ProcessLookupError:
        raise CommandFailed(
            f"process {pid} has just ended", "`sync-worker status`", exit_codes.NOT_RUNNING
        ) from None
