"""How many GRAB_JOBs to have out at one job server, without I/O.

The job server answers each GRAB_JOB in order, with a job or with NO_JOB. Many out at once hide the
round trip; many out at an empty queue are as many useless answers. So a wake starts with a few, and
the number doubles while all of them come back with jobs.
"""

from __future__ import annotations

from ..errors import RemoteProtocolError

#: GRAB_JOBs sent after a wake. One would cost a round trip for the second job of a burst; more
#: would cost that many useless answers at every single job.
FIRST_GRABS = 4


class GrabWindow:
    """Counts the GRAB_JOBs out at one job server and says how many more to send.

    `limit` is the most that may be out; `batch_bytes` about how many bytes of jobs may be on their
    way, judged by the size of those that came.
    """

    def __init__(self, limit: int, batch_bytes: int) -> None:
        self.outstanding = 0
        self.asleep = False
        self._limit = limit
        self._batch_bytes = batch_bytes
        self._first = min(FIRST_GRABS, limit)
        self._size = self._first
        self._mean_bytes = 0.0
        self._drying = False

    @property
    def size(self) -> int:
        """How many may be out now."""
        return self._size

    def take(self) -> int:
        """Return how many GRAB_JOBs to send now, and count them as out."""
        if self.asleep or self._drying:
            return 0
        due = max(0, self._size - self.outstanding)
        self.outstanding += due
        return due

    def answered(self, jobs: int, job_bytes: int, empty: int, *, last_empty: bool) -> bool:
        """Count the answers of one read; return whether to send PRE_SLEEP now.

        `jobs` came with a job, of `job_bytes` together, `empty` without; `last_empty` says whether
        the last answer was without. Raises RemoteProtocolError on more answers than were asked for.
        """
        self.outstanding -= jobs + empty
        if self.outstanding < 0:
            raise RemoteProtocolError("The job server answered a GRAB_JOB that was never sent.")
        if jobs:
            self._mean_bytes += (job_bytes / jobs - self._mean_bytes) / 4
        if empty:
            self._drying = True
        if not self._drying:
            by_bytes = int(self._batch_bytes / max(self._mean_bytes, 1.0))
            self._size = min(self._size + jobs, self._limit, max(by_bytes, self._first))
        elif not self.outstanding:
            self._drying = False
            self._size = self._first
            self.asleep = last_empty
            return last_empty
        return False

    def woken(self) -> None:
        """Take note of a NOOP: there are jobs again."""
        self.asleep = False
