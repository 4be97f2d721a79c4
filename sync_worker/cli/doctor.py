"""sync-worker doctor"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from ..config import load
from . import exit_codes
from .options import config_option

_COLOURS = {"OK": "green", "WARN": "yellow", "FAIL": "red"}


@click.command("doctor")
@config_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="SYNC_WORKER_DOCTOR_JSON",
    show_envvar=True,
    help="Print one JSON list instead of lines.",
)
def command(config_path: Path | None, *, as_json: bool) -> int:
    """Look at the database, its outboxes and triggers, the job servers and Redis.

    Each line is OK, WARN or FAIL; what is not OK has a line that says what to try.

    Exit code 0: no FAIL. 1: there is one.
    """
    config = load(config_path)
    from ..doctor import examine  # noqa: PLC0415 - the libraries are slow to import

    failed = False
    shown = []
    for finding in examine(config):
        failed |= finding.state == "FAIL"
        if as_json:
            shown.append(dataclasses.asdict(finding))
            continue
        state = click.style(f"{finding.state:<5}", fg=_COLOURS[finding.state])
        click.echo(f"{state}{finding.text}")
        if finding.cure:
            click.echo(f"     Try: {finding.cure}")
    if as_json:
        click.echo(json.dumps(shown, indent=1, ensure_ascii=False))
    return exit_codes.FAILED if failed else exit_codes.OK
