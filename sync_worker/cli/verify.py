"""sync-worker verify"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config import Config, SyncedTable, load
from ..config.fields import positive_duration
from . import exit_codes
from .choosing import chosen
from .options import config_option
from .progress import progress_of

if TYPE_CHECKING:
    from ..verify import Report


def _duration(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else positive_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("verify")
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
@config_option
@click.option(
    "--repair",
    is_flag=True,
    envvar="SYNC_WORKER_VERIFY_REPAIR",
    show_envvar=True,
    help="Send again what differs, wait for its delivery, and compare it once more.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="SYNC_WORKER_VERIFY_JSON",
    show_envvar=True,
    help="Print one JSON object a run instead of tables.",
)
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(min=1),
    envvar="SYNC_WORKER_VERIFY_RATE",
    show_envvar=True,
    help="At most N rows, and then keys, a second.",
)
@click.option(
    "--patience",
    metavar="DURATION",
    callback=_duration,
    default="60s",
    show_default=True,
    envvar="SYNC_WORKER_VERIFY_PATIENCE",
    show_envvar=True,
    help="How long the relay may take to deliver what waits in the outbox.",
)
@click.option(
    "--every",
    metavar="DURATION",
    callback=_duration,
    envvar="SYNC_WORKER_VERIFY_EVERY",
    show_envvar=True,
    help='Go on for ever, a run each DURATION such as "1h".',
)
def command(
    config_path: Path | None,
    tables: tuple[str, ...],
    rate: float | None,
    patience: float,
    every: float | None,
    *,
    repair: bool,
    as_json: bool,
) -> int:
    """Compare each TABLE (schema.table), or all, with Redis, in both directions.

    A difference counts only if it is still there once the outbox has nothing waiting for its key.
    Exit code 0: all is in step. Else the sum of 8: some keys could not be decided, 16: keys are
    missing, 32: keys are stale, 64: keys have no row. With --repair: what is left of it.
    """
    config = load(config_path)
    selected = chosen(config, tables)
    while True:
        start = time.monotonic()
        reports = [_verify(config, table, rate, patience, repair=repair) for table in selected]
        if as_json:
            document: dict[str, Any] = {
                "in_step": all(report.in_step for report in reports),
                "tables": [report.document() for report in reports],
            }
            click.echo(json.dumps(document, ensure_ascii=False, indent=None if every else 1))
        else:
            from .differences import show  # noqa: PLC0415 - rich is slow to import

            show(reports, repaired=repair)
        if every is None:
            return code_of(reports)
        time.sleep(max(0.0, start + every - time.monotonic()))


def code_of(reports: list[Report]) -> int:
    """The exit code that tells what differs."""
    code = exit_codes.OK
    for report in reports:
        code |= exit_codes.UNDECIDED if report.undecided else 0
        code |= exit_codes.MISSING if report.left["missing"] else 0
        code |= exit_codes.STALE if report.left["stale"] else 0
        code |= exit_codes.ORPHAN if report.left["orphan"] else 0
    return code


def _verify(
    config: Config, table: SyncedTable, rate: float | None, patience: float, *, repair: bool
) -> Report:
    from ..mysql.session import Session  # noqa: PLC0415 - the MySQL library is slow to import
    from ..store.connection import connect  # noqa: PLC0415
    from ..verify import verify_table  # noqa: PLC0415

    session = Session(config.mysql)
    client: Any = connect(config.redis)
    try:
        with progress_of(table.full_name, "rows and keys") as tell:

            def told(report: Report) -> None:
                tell("comparing", report.rows + report.keys, 0)

            return verify_table(
                config,
                table,
                session,
                client,
                repair=repair,
                rate=rate,
                patience=patience,
                stopping=threading.Event(),
                on_progress=told,
            )
    finally:
        session.close()
        client.close()
