"""sync-worker backfill"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config import Config, SyncedTable, load
from . import exit_codes
from .choosing import chosen
from .failure import CommandFailed
from .options import config_option
from .progress import progress_of

if TYPE_CHECKING:
    from ..backfill import Report

_STATES = {
    "copying": "copying",
    "throttled": "waiting: many events are in the outbox",
    "locked": "waiting: a row is locked by the application",
    "delivering": "waiting for the relay to deliver",
    "restarted": "Redis was emptied; starting over",
    "done": "done",
}


@click.command("backfill")
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
@config_option
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(min=1),
    envvar="SYNC_WORKER_BACKFILL_RATE",
    show_envvar=True,
    help="At most N rows a second.",
)
@click.option(
    "--restart",
    is_flag=True,
    envvar="SYNC_WORKER_BACKFILL_RESTART",
    show_envvar=True,
    help="Begin at the first row, though an earlier run was interrupted.",
)
def command(
    config_path: Path | None, tables: tuple[str, ...], rate: float | None, *, restart: bool
) -> int:
    """Copy the rows that are there to Redis: of each TABLE (schema.table), or of all.

    The rows go through the outbox, so `sync-worker run` must be at work, here or elsewhere. Safe
    while the application writes. A run that was interrupted is resumed by the next.
    """
    config = load(config_path)
    for table in chosen(config, tables):
        try:
            _backfill(config, table, rate, restart=restart)
        except KeyboardInterrupt:
            raise CommandFailed(
                f"the backfill of {table.full_name} was interrupted",
                "the same command again; it goes on from there",
            ) from None
    return exit_codes.OK


def _backfill(config: Config, table: SyncedTable, rate: float | None, *, restart: bool) -> None:
    from ..backfill import Backfill  # noqa: PLC0415 - the MySQL library is slow to import
    from ..mysql.outboxes import compile_outbox  # noqa: PLC0415
    from ..mysql.session import Session  # noqa: PLC0415
    from ..store.connection import connect  # noqa: PLC0415

    session = Session(config.mysql)
    try:
        outbox = compile_outbox(session, config, table)
    finally:
        session.close()
    client: Any = connect(config.redis)
    with progress_of(table.full_name, "rows") as show:

        def told(report: Report) -> None:
            show(_STATES[report.state], report.rows, report.total)

        backfill = Backfill(
            config,
            outbox,
            client,
            stopping=threading.Event(),
            rate=rate,
            restart=restart,
            on_progress=told,
        )
        backfill.run()
    client.close()
    if backfill.busy:
        raise CommandFailed(
            f"another backfill of {table.full_name} runs",
            "wait for its end; a relay starts one by itself when Redis has no rows of a table",
        )
