"""The backfill of one table, from its first row to the moment when all of it is in Redis.

Its life: take the lock; go on where a killed run stopped, or mark a new run in Redis; copy chunk by
chunk, as long as not too many events wait; wait until the relay has delivered them; set the epoch,
unless Redis was emptied meanwhile, for then it starts over.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sync_worker.config import Config
from sync_worker.logs import fields
from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.progress import Progress, ProgressTable
from sync_worker.mysql.session import Session
from sync_worker.store.epoch import Epoch

from .copying import Copied, Copier, Locked
from .fence import Fence
from .pace import Pace

log = logging.getLogger(__name__)

MOST_WAITING = 100_000  # events in the outbox; beyond, the relay comes first
WAIT = 0.1  # s between two looks at the outbox
LOOK = 1.0  # s; the outbox is looked at as often, since the application fills it too


@dataclass(frozen=True)
class Report:
    """How a backfill stands. `state`: copying, throttled, locked, delivering, restarted, done."""

    state: str
    rows: int
    total: int
    """an estimate by the server"""


class Backfill:
    """Backfills the table of `outbox`; its events are delivered by the relay, which must run.

    `client` is a Redis client. `rate`: rows a second. `restart`: do not resume a run that was
    killed. `on_progress` is called after each chunk and at least once a second.
    """

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        client: Any,
        *,
        stopping: threading.Event,
        rate: float | None = None,
        most_waiting: int = MOST_WAITING,
        restart: bool = False,
        on_progress: Callable[[Report], None] | None = None,
    ) -> None:
        self._config = config
        self._outbox = outbox
        self._table = outbox.mapping.config.full_name
        self._epoch = epoch_of(client, outbox)
        self._progress_table = ProgressTable(config.relay.schema)
        self._stopping = stopping
        self._rate = rate
        self._most_waiting = most_waiting
        self._restart = restart
        self._on_progress = on_progress or (lambda report: None)
        self._room = 0
        self._looked_at = 0.0
        self._total = 0
        self.busy = False
        """Whether `run` did nothing because another backfill of the table runs."""

    def run(self) -> bool:
        """Backfill; return whether it came to its end, rather than being stopped or not begun.

        Raises DatabaseUnavailable, StoreUnavailable and ConfigError; the next run resumes it.
        """
        session = Session(self._config.mysql)
        try:
            return self._run(session)
        finally:
            session.close()

    def _run(self, session: Session) -> bool:
        chunks = Copier(session, self._outbox).chunks
        if session.row("SELECT GET_LOCK(%s, 0)", (chunks.lock_name(),))[0] != b"1":
            self.busy = True
            return False
        self._progress_table.ensure(session)
        found = session.rows(*chunks.estimate())
        self._total = int(found[0][0]) if found else 0
        progress = self._resumable(session)
        while not self._stopping.is_set():
            progress = progress or self._begin(session)
            copier = Copier(session, self._outbox, everything=progress.everything)
            copied = self._copy(session, copier, progress)
            if copied is None or not self._await_delivery(session, copier, copied):
                return False
            if self._epoch.finish(progress.run):
                self._progress_table.finish(session, progress)
                log.info("Backfilled.", extra=fields(table=self._table, rows=copied.rows))
                self._tell("done", copied)
                return True
            log.warning(
                "Redis was emptied during the backfill; starting over.",
                extra=fields(table=self._table),
            )
            self._tell("restarted", copied)
            progress = None
        return False

    def _resumable(self, session: Session) -> Progress | None:
        """The run that was stopped or killed, if Redis still holds what it has sent."""
        found = self._progress_table.read(session, self._table)
        if found is None or found.finished or self._restart:
            return None
        if found.fingerprint != self._outbox.mapping.fingerprint:
            return None
        if not self._epoch.is_marked(found.run):
            return None
        log.info("Resuming a backfill.", extra=fields(table=self._table, rows=found.rows))
        return found

    def _begin(self, session: Session) -> Progress:
        # In an empty Redis no key of a row that the filter leaves out needs to be deleted.
        everything = self._epoch.exists()
        fingerprint = self._outbox.mapping.fingerprint
        progress = Progress(self._table, uuid.uuid4().hex, fingerprint, everything)
        self._progress_table.start(session, progress)
        self._epoch.begin(progress.run)
        return progress

    def _copy(self, session: Session, copier: Copier, progress: Progress) -> Progress | None:
        """Copy from where the run stands to the end; None when stopped."""
        pace = Pace(self._rate)
        while not self._stopping.wait(pace.wait):
            room = self._make_room(session, copier, progress)
            if not room:
                return None
            rows = min(pace.rows, copier.most_rows or pace.rows, room)
            before = progress

            def advance(copied: Copied, before: Progress = before) -> Any:
                assert copied.last is not None
                return self._progress_table.advance(before.advanced(copied.last, copied.rows))

            start = time.monotonic()
            try:
                copied = copier.copy(copier.chunks.after(progress.last), rows, advance)
            except Locked as error:
                pace.locked(rows, waited=copier.waits)
                if rows == 1:
                    log.debug("A row is locked.", extra=fields(table=self._table, reason=error))
                    self._tell("locked", progress)
                continue
            pace.took(copied.rows, time.monotonic() - start)
            self._room -= copied.sent
            if copied.last is not None:
                progress = progress.advanced(copied.last, copied.rows)
                self._tell("copying", progress)
            if copied.rows < rows:
                return progress
        return None

    def _make_room(self, session: Session, copier: Copier, progress: Progress) -> int:
        """How many events may be added now; waits while there are too many. 0 when stopped."""
        enough = max(1, self._most_waiting // 10)
        while not self._stopping.is_set():
            if self._room > 0 and time.monotonic() < self._looked_at + LOOK:
                return self._room
            depth = int(session.row(copier.chunks.depth(self._most_waiting))[0])
            self._room = self._most_waiting - depth
            self._looked_at = time.monotonic()
            if self._room >= enough:
                return self._room
            self._room = 0
            self._tell("throttled", progress)
            self._stopping.wait(WAIT)
        return 0

    def _await_delivery(self, session: Session, copier: Copier, progress: Progress) -> bool:
        fence = Fence(session, self._outbox, copier)
        while not fence.passed():
            self._tell("delivering", progress)
            if self._stopping.wait(WAIT):
                return False
        return True

    def _tell(self, state: str, progress: Progress) -> None:
        self._on_progress(Report(state, progress.rows, max(self._total, progress.rows)))


def epoch_of(client: Any, outbox: Outbox) -> Epoch:
    """The epoch of the table of `outbox`."""
    mapping = outbox.mapping
    # An outbox that was made again has missed what happened before it.
    return Epoch(client, mapping.config.full_name, f"{mapping.fingerprint}:{outbox.since}")


def epoch_is_current(client: Any, outbox: Outbox) -> bool:
    """Whether Redis holds the table as it is rendered now. Raises StoreUnavailable."""
    return epoch_of(client, outbox).is_current()
