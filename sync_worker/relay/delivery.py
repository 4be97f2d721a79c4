"""Batches on their way: applied at once if small, else submitted as foreground jobs.

Several jobs are under way at a time; what fails is sent again.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from sync_worker.errors import GearmanError, JobFailed
from sync_worker.gearman import Client, Task
from sync_worker.logs import fields

from .at_once import AtOnce
from .batch import Batch

log = logging.getLogger(__name__)

TRIES = 3  # of a batch before it is halved, of a single event before it is given up
FIRST_RETRY = 0.1  # s
LONGEST_RETRY = 5.0  # s
# A worker keeps a job while Redis is away, and a frozen one for ever: then it is sent again, to
# another, after a minute, two, four, …, so that an outage of hours does not fill the job server.
RESULT_SECONDS = 60.0
LONGEST_RESULT = 3600.0  # s


class Delivery:
    """Applies batches, or sends them to workers, and says which are done.

    `give_up(batch, reason)` is called with a batch of one line that always fails.
    """

    def __init__(
        self,
        servers: tuple[str, ...],
        function: str,
        *,
        at_once: AtOnce,
        done: Callable[[Batch], None],
        give_up: Callable[[Batch, str], None],
    ) -> None:
        self.client = Client(servers, timeout=RESULT_SECONDS)
        self._function = function.encode()
        self._at_once = at_once
        self._done = done
        self._give_up = give_up
        self._sent: dict[int, tuple[Batch, float]] = {}
        self._later: list[tuple[float, int, Batch]] = []
        self._numbers = itertools.count()
        self._failures = 0

    @property
    def under_way(self) -> int:
        """Batches not done yet."""
        return len(self._sent) + len(self._later)

    @property
    def ids(self) -> set[int]:
        """The ids of the batches not done yet."""
        batches = [batch for batch, _ in self._sent.values()]
        return {id for batch in (*batches, *(b for _, _, b in self._later)) for id in batch.ids}

    def due(self) -> float | None:
        """When something is to be sent again or has waited too long, on the monotonic clock."""
        times = [sent + _patience(batch) for batch, sent in self._sent.values()]
        if self._later:
            times.append(self._later[0][0])
        return min(times, default=None)

    def send(self, batch: Batch) -> None:
        """Apply or submit a batch; when no job server takes it, later.

        Nothing is applied at once while another batch is under way.
        """
        if not self.under_way and self._at_once.apply(batch):
            self._done(batch)
            return
        try:
            token = self.client.send(Task(self._function, batch.workload))
        except GearmanError as error:
            self._again(batch, error, counts=False)
        else:
            self._sent[token] = (batch, time.monotonic())

    def collect(self) -> None:
        """Take the results that are here, and send again what is due."""
        if self._sent:
            for token, result in self.client.wait(0):
                found = self._sent.pop(token, None)
                if found is None:
                    continue
                if result.error is None:
                    self._failures = 0
                    self._done(found[0])
                else:
                    self._again(found[0], result.error, counts=isinstance(result.error, JobFailed))
        now = time.monotonic()
        for token, (batch, sent) in list(self._sent.items()):
            if sent + _patience(batch) < now:
                del self._sent[token]
                late = TimeoutError(f"no result within {_patience(batch):g} s")
                self._again(replace(batch, waits=batch.waits + 1), late, counts=False)
        while self._later and self._later[0][0] <= now:
            self.send(heapq.heappop(self._later)[2])

    def close(self) -> None:
        """Close the connection; what is under way may still be applied."""
        self.client.close()

    def _again(self, batch: Batch, error: Exception, *, counts: bool) -> None:
        self._failures += 1
        wait = min(FIRST_RETRY * 2 ** min(self._failures - 1, 10), LONGEST_RETRY)
        log.warning(
            "A batch was not delivered; it is sent again.",
            extra=fields(events=len(batch.lines), reason=str(error), retry_s=wait),
        )
        if not counts or batch.tries + 1 < TRIES:
            parts = [replace(batch, tries=batch.tries + counts)]
        elif len(batch.lines) > 1:
            parts = [replace(half, tries=0) for half in batch.halves()]
        else:
            self._give_up(batch, str(error))
            return
        for part in parts:
            heapq.heappush(self._later, (time.monotonic() + wait, next(self._numbers), part))


def _patience(batch: Batch) -> float:
    return float(min(RESULT_SECONDS * 2**batch.waits, LONGEST_RESULT))
