"""How many rows the next chunk takes, and how long to wait before it."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_ROWS = 200
MOST_ROWS = 20_000
SHORTEST = 0.05  # s; a chunk that took less is followed by a larger one
LONGEST = 0.1  # s; writers of a chunk's rows wait as long


class Pace:
    """Sizes chunks by time, and holds a rate in rows a second if one is given."""

    def __init__(
        self,
        rate: float | None = None,
        *,
        first_rows: int = FIRST_ROWS,
        most_rows: int = MOST_ROWS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._rate = rate
        # A tenth of a second's rows at a time keeps the rate even.
        self._most = max(1, min(most_rows, int(rate / 10))) if rate else most_rows
        self._free_at = clock()
        self._singly = 0
        self.rows = min(first_rows, self._most)

    def took(self, rows: int, seconds: float) -> None:
        """A chunk of `rows` rows took so long."""
        self._singly -= rows
        if self._singly > 0:
            pass
        elif rows >= self.rows and seconds < SHORTEST:
            self.rows = min(self.rows * 2, self._most)
        elif seconds > LONGEST:
            self.rows = max(1, min(self.rows // 2, int(self.rows * LONGEST / seconds)))
        if self._rate:
            self._free_at = max(self._free_at, self._clock() - 1.0) + rows / self._rate

    def locked(self, rows: int, *, waited: bool) -> None:
        """One of the next `rows` rows is locked: take fewer, to find those that are not.

        `waited`: it took its time to learn this, so take them one by one rather than try again.
        """
        if waited and rows > 1:
            self.rows = 1
            self._singly = rows
        elif not waited:
            self.rows = max(1, rows // 4)

    @property
    def wait(self) -> float:
        """Seconds to wait, so that the rate holds."""
        return max(0.0, self._free_at - self._clock()) if self._rate else 0.0
