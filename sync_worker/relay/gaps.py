"""Ids that were passed over: events whose transactions committed later than their neighbours'."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

KEEP = 2.0  # s; a transaction that takes longer is found by the sweep
MOST = 2000  # ids asked for by name in one query


class Gaps:
    """Remembers the ids missing among those read, for a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[int, float] = {}

    def read(self, after: int, ids: Iterable[int]) -> int:
        """Take note of ids read beyond `after`; return the last of them."""
        found = set(ids)
        for id in found:
            self._since.pop(id, None)
        last = max(found, default=after)
        now = self._clock()
        # From the end: of a wide gap (ids reserved by a bulk insert) the newest are the likeliest.
        if last > after > 0:
            for id in range(last, max(after, last - MOST), -1):
                if id not in found:
                    self._since[id] = now
        return max(last, after)

    def missing(self) -> list[int]:
        """The ids to ask for again, the newest first if there are too many."""
        oldest = self._clock() - KEEP
        for id in [id for id, since in self._since.items() if since < oldest]:
            del self._since[id]
        return sorted(self._since, reverse=True)[:MOST]

    def clear(self) -> None:
        """Forget all."""
        self._since.clear()
