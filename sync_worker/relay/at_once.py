"""Small batches are written to Redis by the relay itself, which saves a commit half its way."""

from __future__ import annotations

import time

from sync_worker.counters import Counters
from sync_worker.errors import StoreUnavailable
from sync_worker.store.events import parse_lines
from sync_worker.store.redis_store import RedisStore

from .batch import Batch

MOST_BYTES = 64 << 10


class AtOnce:
    """Applies what a relay may apply itself. What it cannot is for a worker, as larger batches are.

    A worker keeps what Redis does not take now, and makes dead letters of what it never takes. The
    relay has better things to do than wait, so after a failure it leaves Redis to the workers until
    one of them has had a batch of this table applied.
    """

    def __init__(self, store: RedisStore, counters: Counters, most: int) -> None:
        self._store = store
        self._most = most
        self._counters = counters
        self._well = True

    def delivered(self) -> None:
        """A worker has had a batch applied: Redis takes writes."""
        self._well = True

    def apply(self, batch: Batch) -> bool:
        """Whether all of the batch is in Redis now. Applied again by a worker, it is stale."""
        if not self._well or len(batch.lines) > self._most:
            return False
        workload = batch.workload
        if len(workload) > MOST_BYTES:
            return False
        events, bad = parse_lines(workload)
        if bad:
            return False
        try:
            outcome = self._store.apply(events)
        except StoreUnavailable:
            self._well = False
            return False
        if outcome.kept or outcome.refused:
            self._well = not outcome.kept
            return False
        self._counters.add("applied", len(events) - len(outcome.stale))
        self._counters.add("stale", len(outcome.stale))
        self._counters.set("last_applied_at", time.time())
        return True
