"""Small batches are written to Redis by the relay itself, which saves a commit half its way."""

from __future__ import annotations

import logging
import time

from sync_worker.counters import Counters
from sync_worker.errors import StoreUnavailable
from sync_worker.store.events import parse_lines
from sync_worker.store.redis_store import RedisStore

from .batch import Batch

log = logging.getLogger(__name__)

MOST_BYTES = 64 << 10
FIRST_PAUSE = 1.0  # s
LONGEST_PAUSE = 30.0  # s


class AtOnce:
    """Applies batches of up to `most` lines. What it cannot is for a worker, as larger ones are.

    A worker keeps what Redis does not take now, and makes dead letters of what it never takes. The
    relay has better things to do than wait: after a failure it leaves Redis to the workers for a
    second, then for ever longer.
    """

    def __init__(self, store: RedisStore, counters: Counters, most: int) -> None:
        self._store = store
        self._most = most
        self._counters = counters
        self._not_before = 0.0
        self._pause = 0.0

    def apply(self, batch: Batch) -> bool:
        """Whether all of the batch is in Redis now. Applied again by a worker, it is stale."""
        if len(batch.lines) > self._most or time.monotonic() < self._not_before:
            return False
        workload = batch.workload
        if len(workload) > MOST_BYTES:
            return False
        try:
            return self._apply(workload)
        except StoreUnavailable:
            self._leave_it()
        except Exception:  # whatever it is, it must not cost the table its relay
            log.exception("A batch is left to a worker.")
        return False

    def _apply(self, workload: bytes) -> bool:
        events, bad = parse_lines(workload)
        if bad:
            return False
        outcome = self._store.apply(events)
        if outcome.kept:
            self._leave_it()
        if outcome.kept or outcome.refused:
            return False
        self._pause = 0.0
        self._counters.add("batches")
        self._counters.add("applied", len(events) - len(outcome.stale))
        self._counters.add("stale", len(outcome.stale))
        self._counters.set("last_applied_at", time.time())
        return True

    def _leave_it(self) -> None:
        self._pause = min(max(2 * self._pause, FIRST_PAUSE), LONGEST_PAUSE)
        self._not_before = time.monotonic() + self._pause
