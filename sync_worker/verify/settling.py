"""Tells drift from changes that are still on their way.

A key is held against its row three times: its value is read; then the row; then all events that are
in the outbox at that moment are let through; then the value again. If no event of the key came
through between the two looks at its value, the last change before the row was read had been applied
before the first look already. So a value that differs from the row then is no change on its way. If
one came through, the value has another version, and the key is looked at once more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sync_worker.backfill.copying import Copier
from sync_worker.backfill.fence import Fence
from sync_worker.config import Config
from sync_worker.errors import GearmanError
from sync_worker.gearman import Admin
from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.session import Session

from .looking import Candidate, Looking
from .values import Expected, Found, agree

log = logging.getLogger(__name__)

ROUNDS = 8  # looks at a key that changes all the while, before it counts as undecided
PATIENCE = 60.0  # s for the relay to deliver what is in the outbox
LOOK = 0.05  # s between two looks at the outbox
# Jobs of direct delivery go to the job server past the outbox; one is done long before.
DIRECT_SECONDS = 5.0
_ADMIN_SECONDS = 2.0


@dataclass(frozen=True)
class Drift:
    """A key that is not as its row says, and that no event on its way will mend."""

    candidate: Candidate
    expected: Expected
    found: Found


@dataclass
class Settled:
    """What became of the candidates that were not in step after all."""

    drifts: list[Drift] = field(default_factory=list)
    undecided: list[Candidate] = field(default_factory=list)
    delivered: bool = True
    """False if the outbox was not emptied in time"""


class Settling:
    """Settles candidates of one table."""

    def __init__(
        self,
        config: Config,
        session: Session,
        outbox: Outbox,
        looking: Looking,
        *,
        stopping: threading.Event,
        patience: float = PATIENCE,
    ) -> None:
        self._config = config
        self._session = session
        self._outbox = outbox
        self._copier = Copier(session, outbox)
        self._looking = looking
        self._stopping = stopping
        self._patience = patience
        self._direct = outbox.mapping.config.delivery == "direct"

    def settle(self, candidates: Sequence[Candidate]) -> Settled:
        """Look until every candidate is decided, or ROUNDS are over."""
        settled = Settled()
        open_ = list(candidates)
        before = self._looking.found([c.key for c in open_])
        for _ in range(ROUNDS):
            if not open_:
                break
            expected = self._looking.expected(open_)
            if not self.delivered():
                settled.delivered = False
                break
            now = self._looking.found([c.key for c in open_])
            undecided, marks = [], []
            for candidate, e, f, b in zip(open_, expected, now, before, strict=True):
                if agree(e, f):
                    continue
                if f.mark == b.mark:
                    settled.drifts.append(Drift(candidate, e, f))
                else:
                    undecided.append(candidate)
                    marks.append(f)
            open_, before = undecided, marks
        settled.undecided = open_
        return settled

    def delivered(self) -> bool:
        """Wait until all events that are in the outbox now are delivered; False: not in time."""
        fence = Fence(self._session, self._outbox, self._copier)
        if not self._wait(fence.passed, self._patience):
            return False
        if self._direct:
            self._wait(self._queue_is_empty, DIRECT_SECONDS)
        return True

    def _wait(self, done: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline or self._stopping.wait(LOOK):
                return False
        return True

    def _queue_is_empty(self) -> bool:
        function = self._config.gearman.function
        queued = 0
        for address in self._config.gearman.servers:
            with suppress(GearmanError, OSError):
                rows = Admin(address, _ADMIN_SECONDS).status()
                queued += sum(row.queued for row in rows if row.function == function)
        return queued == 0
