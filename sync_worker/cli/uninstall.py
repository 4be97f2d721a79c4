"""sync-worker uninstall"""

from __future__ import annotations

from pathlib import Path

import click

from ..config import load
from . import exit_codes
from .database import database_errors, dry_run_option, note, show_statements
from .options import config_option


@click.command("uninstall")
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
@config_option
@click.option(
    "--functions",
    is_flag=True,
    envvar="SYNC_WORKER_UNINSTALL_FUNCTIONS",
    show_envvar=True,
    help="Drop the loadable functions as well.",
)
@click.option(
    "--force",
    is_flag=True,
    envvar="SYNC_WORKER_UNINSTALL_FORCE",
    show_envvar=True,
    help="Also when events wait in an outbox; they are lost.",
)
@dry_run_option("SYNC_WORKER_UNINSTALL_DRY_RUN")
def command(
    tables: tuple[str, ...],
    config_path: Path | None,
    *,
    functions: bool,
    force: bool,
    dry_run: bool,
) -> int:
    """Remove triggers and outboxes, of these tables (schema.table) or of all.

    What is removed is found on the server, so tables that are no longer configured are removed too.
    The schema of the outboxes goes when nothing else is in it. The keys in Redis stay.
    """
    config = load(config_path)
    from ..mysql.uninstall import uninstall  # noqa: PLC0415 - the MySQL library is slow to import

    with database_errors():
        statements = uninstall(
            config, tables=tables, functions=functions, force=force, dry_run=dry_run, note=note
        )
    show_statements(statements, dry_run=dry_run, done="Removed")
    return exit_codes.OK
