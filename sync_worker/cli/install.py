"""sync-worker install"""

from __future__ import annotations

from pathlib import Path

import click

from ..config import load
from . import exit_codes
from .database import database_errors, dry_run_option, functions_option, note, show_statements
from .options import config_option


@click.command("install")
@config_option
@functions_option
@dry_run_option("SYNC_WORKER_INSTALL_DRY_RUN")
def command(config_path: Path | None, functions: str, *, dry_run: bool) -> int:
    """Create functions, outboxes and triggers for the configured tables.

    Only what is missing is created, and of its own triggers those that no longer fit are replaced.
    If a statement fails, what this run did is undone.
    """
    config = load(config_path)
    from ..mysql.install import install  # noqa: PLC0415 - the MySQL library is slow to import

    with database_errors():
        statements = install(config, dry_run=dry_run, functions=functions, note=note)
    show_statements(statements, dry_run=dry_run, done="Installed")
    return exit_codes.OK
