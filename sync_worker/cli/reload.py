"""sync-worker reload"""

from __future__ import annotations

import signal
from pathlib import Path

import click

from .. import pidfile
from ..config import load
from . import exit_codes
from .failure import not_running
from .options import config_option
from .signalling import send


@click.command("reload")
@config_option
def command(config_path: Path | None) -> int:
    """Read the configuration again and reopen the logs, without a gap.

    A configuration that is not valid is refused here, and nothing is changed. New worker
    processes start with the new one; once all are up, the old ones drain.
    """
    config = load(config_path)
    pid = pidfile.running(config.run.directory)
    if pid is None:
        raise not_running(config.run.directory)
    send(pid, signal.SIGUSR1)  # SIGHUP would be ignored under nohup
    click.echo(f"Process {pid} reloads; its log says how it went.")
    return exit_codes.OK
