"""One process's figures in shared memory: the process writes, its parent reads, without locks.

Every figure is one aligned 8-byte word with one writer, so a reader sees an old or a new value and
never half of one. Two figures read together may be a moment apart.
"""

from __future__ import annotations

import mmap
import os

# Counts only rise. Each job and each event counts once, when Redis and the job server have it.
COUNTS = {
    "jobs": "Jobs completed.",
    "applied": "Events written to Redis.",
    "stale": "Events refused because Redis holds the same or a newer version.",
    "dead_lettered": "Jobs and events kept as dead letters.",
    "retries": "Writes to Redis tried again.",
    "relayed": "Events of the outboxes that were delivered.",
    "batches": "Batches written to Redis.",
    "bytes": "Bytes of the workloads of completed jobs.",
}
GAUGES = {
    "held": "Jobs kept because Redis does not take writes now.",
    "redis_up": "1 if Redis took the last write, else 0.",
    "job_servers_up": "Job servers connected now.",
}
TIMES = {
    "last_applied_at": "When the last event was applied, seconds since 1970; 0 before the first.",
    "heartbeat": "When the process last came round its loop, seconds of the monotonic clock.",
}
DOCS = {**COUNTS, **GAUGES, **TIMES}

_WORD = 8  # bytes
_INDEX = {name: index for index, name in enumerate(DOCS)}
_SIZE = _WORD * len(_INDEX)


class Counters:
    """The figures of one process; all are 0 at first. Names are those of the tables above.

    `fd` is a counters file made by another process (see the attribute of that name), else a new
    one is made. It can be passed to a child, which gives it to its own Counters.
    """

    def __init__(self, fd: int | None = None) -> None:
        if fd is None:
            fd = os.memfd_create("sync-worker-counters", os.MFD_CLOEXEC)
            os.ftruncate(fd, _SIZE)
        self.fd = fd
        self._map = mmap.mmap(fd, _SIZE)
        self._view = memoryview(self._map)
        self._whole = self._view.cast("Q")
        self._real = self._view.cast("d")

    def add(self, name: str, amount: int = 1) -> None:
        """Raise a count, or move a gauge by a signed amount. Only the process counted calls it."""
        self._whole[_INDEX[name]] += amount

    def set(self, name: str, value: float) -> None:
        """Set a gauge (a whole number, 0 or more) or a time (seconds)."""
        if name in TIMES:
            self._real[_INDEX[name]] = value
        else:
            self._whole[_INDEX[name]] = int(value)

    def get(self, name: str) -> float:
        """Return one figure."""
        return (self._real if name in TIMES else self._whole)[_INDEX[name]]

    def snapshot(self) -> dict[str, float]:
        """Return every figure by name; counts and gauges are int."""
        return {name: self.get(name) for name in _INDEX}

    def close(self) -> None:
        """Unmap the figures and close the file."""
        self._whole.release()
        self._real.release()
        self._view.release()
        self._map.close()
        os.close(self.fd)
