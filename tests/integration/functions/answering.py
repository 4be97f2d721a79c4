"""A Gearman worker in a thread, which answers jobs and remembers them."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from functions.sql import eventually
from sync_worker.gearman import Job, Worker

Handler = Callable[[bytes], bytes | None]


class Answering:
    """Answers each job of a function with what its handler returns; None is WORK_FAIL.

    together: jobs are answered only once this many are in hand at the same time.
    """

    def __init__(self, address: str, handlers: Mapping[str, Handler], together: int = 1) -> None:
        self._handlers = handlers
        self._together = together
        self._worker = Worker([address], list(handlers))
        self._wake, self._waker = os.pipe()
        self._worker.watch(self._wake)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: BaseException | None = None
        self.seen: list[tuple[str, bytes]] = []
        """function and workload of every job, in the order they came"""

    @property
    def workloads(self) -> list[bytes]:
        """The workloads of all jobs so far."""
        return [workload for _, workload in self.seen]

    def wait_for(self, count: int) -> list[bytes]:
        """Return the workloads once at least `count` jobs have come."""
        eventually(lambda: len(self.seen) >= count, f"{count} jobs at the worker")
        return self.workloads

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._waker)
        self._thread.join(10)
        os.close(self._wake)
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # shown by __exit__
            self._failure = error
        finally:
            self._worker.close()

    def _serve(self) -> None:
        held: list[Job] = []
        while True:
            jobs = self._worker.jobs()
            if not jobs and _readable(self._wake):  # its other end is closed: stop
                return
            self.seen += [(job.function.decode(), job.workload) for job in jobs]
            held += jobs
            if len(held) >= self._together:
                for job in held:
                    self._answer(job)
                held = []
                self._worker.flush(5.0)

    def _answer(self, job: Job) -> None:
        answer = self._handlers[job.function.decode()](job.workload)
        if answer is None:
            self._worker.fail(job)
        else:
            self._worker.complete([job], answer)


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])
