"""sync-worker stop"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import click

from .. import pidfile, status
from ..config import load
from ..slot import DRAIN_MARGIN
from . import exit_codes
from .failure import CommandFailed, not_running
from .options import config_option
from .signalling import send

_MARGIN = DRAIN_MARGIN + 5.0  # seconds beyond the drain limit
_LOOK_EVERY = 0.05  # seconds


@click.command("stop")
@config_option
def command(config_path: Path | None) -> int:
    """Stop what runs on this host, and wait until it has gone.

    The jobs in hand are finished, for at most worker.drain. Given twice, it stops at once.
    """
    config = load(config_path)
    directory = config.run.directory
    pid = pidfile.running(directory)
    if pid is None:
        raise not_running(directory)
    send(pid, signal.SIGTERM)
    deadline = time.monotonic() + config.worker.drain + _MARGIN
    while pidfile.running(directory) == pid:
        if time.monotonic() > deadline:
            raise CommandFailed(
                f"process {pid} still runs after {config.worker.drain + _MARGIN:g} s",
                "`sync-worker stop` once more, which ends it at once",
            )
        time.sleep(_LOOK_EVERY)
    report = status.read(directory)
    if report and report.pid == pid and report.drained is False:
        click.echo("Stopped. Jobs in hand were given back; other workers get them.")
        return exit_codes.GAVE_BACK
    click.echo("Stopped.")
    return exit_codes.OK
