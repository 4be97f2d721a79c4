"""A worker of the library under test, answering in a thread; and waiting for what it does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sync_worker.gearman import Job, Worker

DEADLINE = 30.0  # seconds; generous, for a slow shared machine


def eventually(condition: Callable[[], object], what: str = "the condition") -> None:
    """Wait until `condition` is true."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in {DEADLINE:g} s"
        time.sleep(0.02)


class AnsweringWorker:
    """A worker in a thread: hands each batch to `answer` and keeps what it saw."""

    def __init__(self, servers, functions, answer, options):
        self.seen: list[bytes] = []
        self.events: list[tuple[str, str, str]] = []
        self.worker = Worker(
            servers, functions, on_event=lambda *event: self.events.append(event), **options
        )
        self._answer = answer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            jobs = self.worker.jobs(0.05)
            self.seen += [job.workload for job in jobs]
            if jobs:
                self._answer(self.worker, jobs)
                self.worker.flush(1)
        self.worker.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()


def reverse(worker: Worker, jobs: list[Job]) -> None:
    """Complete each job with its workload reversed."""
    worker.complete(jobs, [job.workload[::-1] for job in jobs])
