"""When to look at the outbox next: at once after the doorbell, then ever more rarely."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST = 0.00005  # s; the doorbell rings before the commit, and every wait counts


class Schedule:
    """`next` is the moment of the next look, on the monotonic clock."""

    def __init__(self, poll: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._poll = poll
        self._clock = clock
        self._step = 0.0
        self.next = clock()

    def ring(self) -> None:
        """Look at once, then after 0.05, 0.1, 0.2, … ms."""
        self._step = 0.0
        self.next = self._clock()

    def looked(self, *, more: bool) -> None:
        """A look is over; `more`: the batch was full, so look again at once."""
        if more:
            self.ring()
            return
        self._step = min(max(self._step * 2, FIRST), self._poll)
        self.next = self._clock() + self._step
