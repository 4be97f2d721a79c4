"""Deletes delivered events, in a thread with a connection of its own, so that reading goes on."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

import mysql.connector

from sync_worker.errors import SyncWorkerError
from sync_worker.logs import fields
from sync_worker.mysql.outbox import Outbox, runs
from sync_worker.mysql.session import Session

log = logging.getLogger(__name__)

MOST_RUNS = 200  # of one statement, so that it stays short
RETRY = 1.0  # s
PAUSE = 0.02  # s between two rounds: a DELETE for each commit would cost as much as the commits


class Remover:
    """Deletes ids that are given to `remove`. `waiting` are those not deleted yet."""

    def __init__(self, open_session: Callable[[], Session], outbox: Outbox) -> None:
        self._open_session = open_session
        self._outbox = outbox
        self._queue: queue.SimpleQueue[tuple[int, ...] | None] = queue.SimpleQueue()
        self._waiting: set[int] = set()
        self._lock = threading.Lock()
        self._kept_back = 0
        self._keeps_newest = not outbox.mapping.server.keeps_auto_increment
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="remover", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> frozenset[int]:
        """Delivered, and still in the outbox as far as is known."""
        with self._lock:
            return frozenset(self._waiting)

    def remove(self, ids: tuple[int, ...]) -> None:
        """Delete these soon. Returns at once."""
        with self._lock:
            self._waiting.update(ids)
        self._queue.put(ids)

    def close(self, seconds: float) -> None:
        """Delete what is waiting, for at most `seconds`, and end."""
        deadline = time.monotonic() + seconds
        self._queue.put(None)
        self._thread.join(max(0.0, deadline - time.monotonic()))
        self._stopping.set()

    def _run(self) -> None:
        session: Session | None = None
        ids: set[int] = set()
        last = False
        while not (last and not ids) and not self._stopping.is_set():
            if not ids:
                ids, last = self._next()
            try:
                session = session or self._open_session()
                self._delete(session, ids)
                ids = set()
                if not last:
                    self._stopping.wait(PAUSE)
            except (SyncWorkerError, mysql.connector.Error) as error:
                log.warning(
                    "Delivered events cannot be deleted from the outbox yet; tried again.",
                    extra=fields(outbox=self._outbox.name, reason=str(error), retry_s=RETRY),
                )
                if session:
                    session.close()
                    session = None
                self._stopping.wait(RETRY)
        if session:
            session.close()

    def _next(self) -> tuple[set[int], bool]:
        """What has been given since, and whether it is the last."""
        given = [self._queue.get()]
        while not self._queue.empty():
            given.append(self._queue.get())
        ids = {id for batch in given if batch for id in batch}
        return ids, None in given

    def _delete(self, session: Session, ids: set[int]) -> None:
        doomed = self._but_the_newest(ids) if self._keeps_newest else ids
        found = runs(doomed)
        for start in range(0, len(found), MOST_RUNS):
            session.execute(self._outbox.delete(found[start : start + MOST_RUNS]))
        with self._lock:
            self._waiting -= doomed

    def _but_the_newest(self, ids: set[int]) -> set[int]:
        """A server that forgets AUTO_INCREMENT at a restart must find its newest row again."""
        both = ids | ({self._kept_back} if self._kept_back else set())
        self._kept_back = max(both)
        return both - {self._kept_back}
