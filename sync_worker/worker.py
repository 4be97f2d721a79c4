"""Takes jobs from the job servers and applies them to Redis, a batch at a time.

The life of a batch: jobs are grabbed, written to Redis, and completed once Redis has answered.
What Redis does not take now is held and tried again, in the order it came; what it never can take
becomes a dead letter. A job is completed only when all of it is in Redis or in the dead letters, so
a worker that dies at any moment has its jobs given to another.
"""

from __future__ import annotations

import logging
import os
import select
import time
from contextlib import suppress

from .applier import Applier, Progress
from .config import Config
from .counters import Counters
from .errors import StoreUnavailable
from .gearman import Job
from .gearman import Worker as Grabber
from .logs import fields
from .store.redis_store import RedisStore

log = logging.getLogger(__name__)

FIRST_RETRY = 0.05  # s; a Redis that restarts is back in less
LONGEST_RETRY = 5.0  # s
BEAT = 1.0  # s, the longest sleep between two heartbeats


class SyncWorker:
    """One worker process's work. Not thread-safe; `stop` and `stop_now` are for signal handlers.

    `wakeup_fd` is readable when a signal has come (signal.set_wakeup_fd).
    """

    def __init__(self, config: Config, counters: Counters, *, wakeup_fd: int | None = None) -> None:
        self._counters = counters
        self._drain = config.worker.drain
        self._most_held = config.gearman.in_flight
        self._store = RedisStore(config.redis, config.events)
        self._tables = config.tables
        self._applier = Applier(self._store, config)
        self._grabber = Grabber(
            config.gearman.servers,
            [config.gearman.function],
            in_flight=config.gearman.in_flight,
            batch_bytes=config.worker.batch_bytes,
            on_event=self._job_server_event,
        )
        self._wakeup = [] if wakeup_fd is None else [wakeup_fd]
        for fd in self._wakeup:
            self._grabber.watch(fd)
        self._held: list[Job] = []
        self._retry_after = 0.0
        self._deadline: float | None = None

    def run(self) -> bool:
        """Works until stopped. Returns whether all jobs in hand were completed.

        Raises ConfigError when Redis refuses the user that is configured.
        """
        try:
            self._say_redis_state()
            while not self._finished():
                self._beat()
                self._turn()
            return not self._held and self._grabber.idle and self._grabber.flush(1.0)
        finally:
            self._grabber.close()
            self._store.close()

    def stop(self) -> None:
        """Take no further jobs; `run` returns when those in hand are done or the drain is over."""
        self._grabber.stop_grabbing()
        if self._deadline is None:
            self._deadline = time.monotonic() + self._drain

    def stop_now(self) -> None:
        """`run` returns as soon as it can; jobs in hand go back to their job server."""
        self._grabber.stop_grabbing()
        self._deadline = 0.0

    def _finished(self) -> bool:
        if self._deadline is None:
            return False
        return (self._grabber.idle and not self._held) or time.monotonic() >= self._deadline

    def _turn(self) -> None:
        """Wait for jobs, or for the time to try again, and apply what there is."""
        if self._held:
            self._sleep(self._retry_after)
            self._held = [job for job in self._held if self._grabber.held(job)]
            self._counters.add("retries")
        room = len(self._held) < self._most_held and not self._applier.unavailable
        fresh = self._grabber.jobs(0.0 if self._held else self._patience()) if room else []
        if not fresh:
            self._empty_wakeup()
        jobs = self._held + fresh
        if jobs:
            self._apply(jobs)

    def _apply(self, jobs: list[Job]) -> None:
        was_held = bool(self._held)
        progress = self._applier.apply(jobs)
        self._held = progress.kept
        for answer, done in progress.done.items():
            self._grabber.complete(done, answer)
        self._grabber.flush()
        self._count(progress)
        if progress.kept:
            self._retry_after = min(max(self._retry_after * 2, FIRST_RETRY), LONGEST_RETRY)
            log.warning(
                "Redis does not take writes; jobs are kept and tried again.",
                extra=fields(
                    reason=progress.why_kept, jobs=len(self._held), retry_s=self._retry_after
                ),
            )
        elif was_held:
            self._retry_after = 0.0
            log.info("Redis takes writes again; the jobs that were kept are applied.")

    def _count(self, progress: Progress) -> None:
        add = self._counters.add
        add("batches")
        add("jobs", sum(map(len, progress.done.values())))
        add("bytes", progress.bytes)
        add("applied", progress.applied)
        add("stale", progress.stale)
        add("dead_lettered", progress.dead)
        self._counters.set("held", len(progress.kept))
        self._counters.set("redis_up", not self._applier.unavailable)
        if progress.applied:
            self._counters.set("last_applied_at", time.time())

    def _patience(self) -> float:
        if self._deadline is None:
            return BEAT
        return max(0.0, min(BEAT, self._deadline - time.monotonic()))

    def _sleep(self, seconds: float) -> None:
        """Wait, with heartbeats, until the time is over or a signal comes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._finished():
            self._beat()
            readable, _, _ = select.select(self._wakeup, [], [], min(left, BEAT))
            if readable:
                self._empty_wakeup()

    def _empty_wakeup(self) -> None:
        for fd in self._wakeup:
            with suppress(BlockingIOError):
                os.read(fd, 4096)

    def _beat(self) -> None:
        self._counters.set("heartbeat", time.monotonic())
        self._counters.set("job_servers_up", len(self._grabber.connected))

    def _say_redis_state(self) -> None:
        try:
            self._store.check(self._tables)
        except StoreUnavailable as error:
            log.warning(
                "Redis cannot be reached yet; jobs will be kept until it can.",
                extra=fields(reason=str(error)),
            )
        else:
            self._counters.set("redis_up", 1)

    def _job_server_event(self, name: str, address: str, detail: str) -> None:
        level = logging.INFO if name == "connected" else logging.WARNING
        log.log(level, "Job server %s.", name, extra=fields(job_server=address, detail=detail))
