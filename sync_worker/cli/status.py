"""sync-worker status"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..config import load
from . import exit_codes
from .options import config_option
from .survey import survey


@click.command("status")
@config_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="SYNC_WORKER_STATUS_JSON",
    show_envvar=True,
    help="Print one JSON object instead of tables.",
)
def command(config_path: Path | None, as_json: bool) -> int:
    """Show the job servers' queues and what this host's workers have applied.

    Exit code 0: all is well. 1: something is down, the output says what. 3: nothing runs here.
    """
    found = survey(load(config_path))
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _show(found)
    if not found["host"]["running"]:
        return exit_codes.NOT_RUNNING
    return exit_codes.FAILED if found["problems"] else exit_codes.OK


def _show(found: dict[str, Any]) -> None:
    from .tables import show  # noqa: PLC0415 - rich is slow to import and --json needs none

    show(found)
