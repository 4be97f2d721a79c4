"""sync-worker triggers diff"""

from __future__ import annotations

from pathlib import Path

import click

from ..config import load
from . import exit_codes
from .database import database_errors, functions_option
from .options import config_option


@click.command("triggers")
@click.argument("action", type=click.Choice(["diff"]), default="diff")
@config_option
@functions_option
def command(action: str, config_path: Path | None, functions: str) -> int:
    """Show how the triggers on the server differ from those that the configuration asks for.

    The output is a unified diff: missing triggers, changed ones, those of another definer, and
    those of tables that are no longer configured. `sync-worker install` makes them fit.

    Exit code 0: no difference. 1: there is one.
    """
    del action  # there is only one so far
    config = load(config_path)
    from ..mysql.diff import triggers_diff  # noqa: PLC0415 - the MySQL library is slow to import

    with database_errors():
        lines = triggers_diff(config, functions=functions)
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    return exit_codes.FAILED if lines else exit_codes.OK
