"""Compares a table with its keys: first row by row, then key by key for those without a row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sync_worker.backfill.copying import Copier
from sync_worker.backfill.pace import Pace
from sync_worker.config import Config, SyncedTable
from sync_worker.mysql.chunks import Chunks
from sync_worker.mysql.outboxes import compile_outboxes
from sync_worker.mysql.session import Session
from sync_worker.mysql.streaming import rows_up_to
from sync_worker.store.connection import passing

from .keyspace import KeySpace
from .looking import MOST_BYTES, Candidate, Looking
from .repair import Repair
from .report import Difference, Report
from .settling import PATIENCE, Drift, Settling
from .values import TOO_LARGE, Values, agree, kind_of

SETTLE_AT = 5000  # candidates gathered before they are looked at again
SCAN_COUNT = 1000
_MOST_ROWS = 5000  # of a chunk


def verify_table(
    config: Config,
    table: SyncedTable,
    session: Session,
    client: Any,
    *,
    repair: bool = False,
    rate: float | None = None,
    patience: float = PATIENCE,
    stopping: threading.Event | None = None,
    on_progress: Callable[[Report], None] | None = None,
) -> Report:
    """Compare one table with Redis (`client`), and with `repair` send again what differs.

    `rate`: rows, and then keys, a second. `patience`: seconds for the relay to deliver what is in
    the outbox. `on_progress` is called after each chunk. When `stopping` is set, the report is of
    what was seen so far. Raises DatabaseUnavailable, StoreUnavailable, ConfigError.
    """
    stopping = stopping or threading.Event()
    start = time.monotonic()
    verification = _Verification(config, table, session, client, stopping, patience, repair=repair)
    report = verification.report
    tell = on_progress or (lambda report: None)
    for step in (verification.rows, verification.keys):
        step(Pace(rate, most_rows=_MOST_ROWS), lambda: tell(report))
    verification.settle(all_=True)
    if stopping.is_set():
        report.note("stopped before the end")
    report.seconds = time.monotonic() - start
    return report


class _Verification:
    def __init__(
        self,
        config: Config,
        table: SyncedTable,
        session: Session,
        client: Any,
        stopping: threading.Event,
        patience: float,
        *,
        repair: bool,
    ) -> None:
        self.report = Report(table.full_name)
        self._session = session
        self._client = client
        self._stopping = stopping
        self._versions = table.versions
        # All of them, since the key spaces must not meet: what looks orphaned might be another's.
        outbox = compile_outboxes(session, config)[config.tables.index(table)]
        self._chunks = Chunks(outbox)
        member = config.events.version_member
        self._values = Values(table, member)
        self._looking = Looking(
            session,
            client,
            self._chunks,
            self._values,
            version_member=member,
            cluster=config.redis.cluster,
        )
        self._keyspace = KeySpace(outbox.mapping)
        self._settling = Settling(
            config, session, outbox, self._looking, stopping=stopping, patience=patience
        )
        self._repair = Repair(
            Copier(session, outbox),
            self._keyspace,
            client,
            lambda: int(session.row(self._chunks.newest())[0]),
            stopping=stopping,
        )
        self._mend = repair
        self._candidates: list[Candidate] = []

    def rows(self, pace: Pace, tell: Callable[[], None]) -> None:
        """Hold every row against its key."""
        last: bytes | None = None
        while not self._stopping.wait(pace.wait):
            start = time.monotonic()
            limit = pace.rows
            statement = self._chunks.select(self._chunks.rendered, self._chunks.after(last), limit)
            rows, complete = rows_up_to(self._session, statement, MOST_BYTES)
            self._compare(rows)
            pace.took(len(rows), time.monotonic() - start)
            if not complete:
                pace.rows = max(1, len(rows))
            tell()
            self.settle()
            if complete and len(rows) < limit:
                return
            last = rows[-1][0]

    def keys(self, pace: Pace, tell: Callable[[], None]) -> None:
        """Look for keys that have no row."""
        unreadable = self._keyspace.unreadable
        if unreadable is not None:
            self.report.note(
                f"keys without a row are not looked for: column {unreadable.name} in the key has "
                f"type {unreadable.type}"
            )
            return
        if not self._versions and not self._keyspace.named:
            self.report.note(
                "keys without a row are not looked for: neither the key template nor a version "
                "tells them from those of others"
            )
            return
        batch: list[bytes] = []
        with passing(always=True):
            for key in self._client.scan_iter(match=self._keyspace.pattern, count=SCAN_COUNT):
                batch.append(key)
                if len(batch) >= SCAN_COUNT:
                    if self._stopping.wait(pace.wait):
                        return
                    self._orphans(batch)
                    pace.took(len(batch), 0.0)
                    batch = []
                    tell()
                    self.settle()
        self._orphans(batch)
        tell()

    def settle(self, *, all_: bool = False) -> None:
        """Decide, count and mend what has gathered, if that is much or `all_` is to be done."""
        if len(self._candidates) < (1 if all_ else SETTLE_AT) or self._stopping.is_set():
            return
        candidates, self._candidates = self._candidates, []
        drifts = self._settle(candidates)
        for drift in drifts:
            self.report.add(_difference(drift))
        if self._mend and drifts:
            self._repair.send(drifts)
            drifts = self._settle([drift.candidate for drift in drifts])
        for drift in drifts:
            self.report.left[kind_of(drift.expected, drift.found)] += 1
            if drift.expected.shown == TOO_LARGE:
                self.report.note(TOO_LARGE.decode().strip("()") + ", so it has no key in step")

    def _settle(self, candidates: Sequence[Candidate]) -> list[Drift]:
        settled = self._settling.settle(candidates)
        self.report.undecided += len(settled.undecided)
        if not settled.delivered and not self._stopping.is_set():
            self.report.note(
                "events wait in the outbox and are not delivered; is `sync-worker run` at work?"
            )
        elif settled.undecided:
            self.report.note(
                "some keys changed all the while; verify again when there is less load"
            )
        # A row that has gone meanwhile: its key, if it stays, is found among those without a row.
        return [d for d in settled.drifts if d.expected.identity or not d.candidate.identity]

    def _compare(self, rows: list[tuple[Any, ...]]) -> None:
        expected = [self._values.expected(row) for row in rows]
        found = self._looking.quickly([row[1] for row in rows])
        self.report.rows += len(rows)
        for row, e, f in zip(rows, expected, found, strict=True):
            if not agree(e, f):
                self._candidates.append(Candidate(row[1], row[0]))
            elif e.digest is not None and f.digest is None:
                self.report.expired += 1

    def _orphans(self, keys: list[bytes]) -> None:
        readable = [(key, self._keyspace.read(key)) for key in dict.fromkeys(keys)]
        ours = [Candidate(key, None, tuple(map(tuple, r))) for key, r in readable if r]
        self.report.keys += len(ours)
        absent = self._looking.without_row(ours)
        if self._versions and absent:  # what others wrote is none of our business
            marked = set(self._looking.ours([candidate.key for candidate in absent]))
            absent = [candidate for candidate in absent if candidate.key in marked]
        seen = {candidate.key for candidate in self._candidates}
        self._candidates += [c for c in absent if c.key not in seen]


def _difference(drift: Drift) -> Difference:
    kind = kind_of(drift.expected, drift.found)
    return Difference(kind, drift.candidate.key, drift.expected.shown, drift.found.shown)
