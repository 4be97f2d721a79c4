"""What `doctor` looks at for each configured table: outbox, triggers, clock."""

from __future__ import annotations

from collections.abc import Iterator

import mysql.connector

from sync_worker.config import Config, SyncedTable
from sync_worker.errors import ConfigError
from sync_worker.findings import Finding, fail, ok, warn

from . import functions as loadable
from . import grants, inspect
from .checks import check_key_spaces
from .diff import table_diff
from .inspect import FoundOutbox
from .install import definer_lacks, leftovers
from .outbox import Outbox
from .outboxes import compile_outbox
from .plan import columns, want
from .session import Session

_INSTALL = "`sync-worker install`"
_LATE_SECONDS = 60.0  # an event that waits longer than this is worth a line
_CLOCK_SECONDS = 1.0  # ids may be this far above the clock before it counts as set back


def check_tables(session: Session, settings: Config) -> Iterator[Finding]:
    """Every configured table, and what is left over of others."""
    if not settings.tables:
        yield ok("no [[table]] is configured: hand-written triggers only")
        return
    triggers = inspect.triggers(session)
    there = inspect.outboxes(session, settings.relay.schema)
    compiled = []
    for table in settings.tables:
        try:
            outbox = compile_outbox(session, settings, table)
        except ConfigError as error:
            yield fail(str(error), "correct the [[table]] entry, or the table")
            continue
        compiled.append(outbox)
        check = _TableCheck(session, settings, table, outbox)
        yield from check.outbox(there.get(outbox.name))
        yield from check.triggers(triggers)
        yield from check.blind_spots()
    try:
        check_key_spaces([outbox.mapping for outbox in compiled])
    except ConfigError as error:
        yield fail(str(error), "correct the key templates")
    names = {(t.schema, t.table) for t in settings.tables}
    for trigger in leftovers(triggers, compiled, settings.relay.schema):
        if (trigger.schema, trigger.table) not in names:
            yield warn(
                f"trigger {trigger.full_name} is left over: its table is not configured",
                f"`sync-worker uninstall {trigger.schema}.{trigger.table}`",
            )


class _TableCheck:
    def __init__(
        self, session: Session, settings: Config, table: SyncedTable, outbox: Outbox
    ) -> None:
        self._session = session
        self._settings = settings
        self._table = table
        self._outbox = outbox
        self._name = f"table {table.full_name}"

    def outbox(self, found: FoundOutbox | None) -> Iterator[Finding]:
        """Whether it is there, fits the table, and its ids go on where they were."""
        if found is None:
            yield fail(f"{self._name}: has no outbox (or this account may not see it)", _INSTALL)
            return
        if dict(found.columns) != dict(columns(self._outbox)):
            yield fail(
                f"{self._name}: the outbox has the columns of another key or primary key", _INSTALL
            )
            return
        before = list(self._clock(found))
        yield from before
        waiting, late = self._waiting(found)
        if late > _LATE_SECONDS:
            yield warn(
                f"{self._name}: {waiting} events wait, the oldest for {late:.0f} s",
                "see that `sync-worker run` runs with a relay, and `sync-worker status`",
            )
        elif not before:
            yield ok(f"{self._name}: outbox fits, {waiting} events in it")

    def _clock(self, found: FoundOutbox) -> Iterator[Finding]:
        if found.set_back:
            yield fail(
                f"{self._name}: the outbox was truncated or restored: its next id {found.next_id} "
                f"is below {found.since}, so Redis would refuse its events as older",
                f"{_INSTALL}, then `sync-worker backfill {self._table.full_name}`",
            )
            return
        now = inspect.clock(self._session)
        ahead = (found.next_id - now) / 1e6
        if ahead > _CLOCK_SECONDS:
            text = f"{self._name}: the newest event is {ahead:.0f} s ahead of the server's clock"
            if self._table.delivery == "direct":
                yield fail(
                    f"{text}, which was set back: rows sent now are refused as older",
                    "set the clock right, or wait; then `sync-worker verify --repair`",
                )
            else:
                yield warn(f"{text}, which was set back", "set the clock right; nothing is lost")

    def _waiting(self, found: FoundOutbox) -> tuple[int, float]:
        """How many events, and for how many seconds the oldest."""
        count, oldest = self._session.row(f"SELECT COUNT(*), MIN(`sync$id`) FROM {found.sql}")
        waiting = int(count)
        kept = not inspect.server(self._session).keeps_auto_increment
        if waiting <= (1 if kept else 0):  # the newest event is never deleted there
            return waiting, 0.0
        # The id of an event is no later than its time, but an idle outbox lags behind the clock.
        (age,) = self._session.row("SELECT UNIX_TIMESTAMP(NOW(6)) - %s / 1000000", (int(oldest),))
        return waiting, float(age)

    def triggers(self, found: list[inspect.FoundTrigger]) -> Iterator[Finding]:
        """Whether all three are there and are those that would be generated now."""
        table = self._outbox.mapping.table
        own = grants.own(self._session)
        if own.entries and not own.allow("TRIGGER", table.schema, table.name):
            yield warn(
                f"{self._name}: this account may not see its triggers",
                "run doctor with the account that installs",
            )
            return
        wanted = want(
            self._outbox,
            definer=self._settings.mysql.definer,
            functions=loadable.present(self._session).usable,
            sync_function=self._settings.gearman.function,
        )
        if table_diff(wanted, found):
            yield fail(
                f"{self._name}: its triggers are missing or not those that are configured",
                f"`sync-worker triggers diff`, then {_INSTALL}",
            )
        else:
            yield ok(f"{self._name}: triggers fit")
        yield from self._definers({t.definer for t in found if wanted.is_for(t)})

    def _definers(self, definers: set[str]) -> Iterator[Finding]:
        for definer in sorted(definers):
            try:
                rights = grants.of(self._session, definer)
            except mysql.connector.Error:
                continue
            lacks = definer_lacks(rights, self._outbox) if rights and rights.entries else ""
            if lacks:
                yield fail(
                    f"{self._name}: the triggers' definer {definer} lacks {lacks}; writes fail",
                    "GRANT it; see docs/install.md",
                )

    def blind_spots(self) -> Iterator[Finding]:
        """Changes that fire no trigger."""
        table = self._outbox.mapping.table
        for text in inspect.blind_spots(self._session, table.schema, table.name):
            yield warn(text, "`sync-worker verify --repair` from time to time (run --every)")
