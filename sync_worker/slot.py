"""A slot: the place of one child process, filled again when the process in it dies."""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass, field

from .child import DRAINED, REFUSED
from .config import Config
from .counters import COUNTS
from .errors import ConfigError, SyncWorkerError
from .logs import fields
from .process import ChildProcess, how_it_died

BACKOFF_MIN = 0.5  # seconds before the first restart, doubled each time
BACKOFF_MAX = 30.0
HEALTHY = 60.0  # seconds; one that lived longer is restarted after BACKOFF_MIN again
START_LIMIT = 60.0  # seconds a process may take to come up
START_TRIES = 3  # at the first start; then the whole start has failed
DRAIN_MARGIN = 3.0  # seconds beyond the drain limit before a process is killed
NOW_MARGIN = 1.0  # the same when it is told to end at once
LATE = 15.0  # seconds without a heartbeat, beyond one Redis timeout

log = logging.getLogger(__name__)


@dataclass
class Past:
    """What the processes that had a slot did before they ended; kept over reloads."""

    counts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    last_applied_at: float = 0.0  # seconds since 1970
    restarts: int = 0

    def add(self, figures: dict[str, float]) -> None:
        """Add the figures of a process that has ended."""
        for name in COUNTS:
            self.counts[name] += figures[name]
        self.last_applied_at = max(self.last_applied_at, figures["last_applied_at"])


class Slot:
    """Keeps one process of `kind` running under `config`. Times are monotonic seconds.

    The owner calls check() often; everything happens there.
    """

    def __init__(self, kind: str, number: int, config: Config, past: Past) -> None:
        self.kind = kind
        self.number = number
        self.past = past
        self.child: ChildProcess | None = None
        self.drained = True  # once left: False if jobs were given back
        self.failure: SyncWorkerError | None = None  # why it cannot be started; None once up
        self._config = config
        self._start_at = 0.0
        self._delay = BACKOFF_MIN
        self._failed_starts = 0
        self._kill_at: float | None = None  # leaving, by then at the latest
        self._late = False

    # What can be asked.

    @property
    def up(self) -> bool:
        """Whether a process runs here and has come round its loop."""
        return self.child is not None and self.child.up

    @property
    def leaving(self) -> bool:
        """Whether it was told to end."""
        return self._kill_at is not None

    @property
    def gone(self) -> bool:
        """Whether it was told to end and has."""
        return self.leaving and self.child is None

    @property
    def state(self) -> str:
        """starting, up, late, leaving, or waiting (for a restart)."""
        if self.leaving:
            return "leaving"
        if self.child is None:
            return "waiting"
        if not self.child.up:
            return "starting"
        return "late" if self._is_late(self.child) else "up"

    # What can be asked for.

    def drain(self, now: float) -> None:
        """Let the process finish what it has in hand, then leave the slot empty."""
        self._kill_at = now + self._config.worker.drain + DRAIN_MARGIN
        if self.child:
            self.child.drain()

    def stop_now(self, now: float) -> None:
        """End the process at once and leave the slot empty."""
        self._kill_at = now + NOW_MARGIN
        if self.child:
            self.child.stop_now()

    def reopen_logs(self) -> None:
        """Let the process open its log file again."""
        if self.child:
            self.child.reopen_logs()

    def check(self, now: float) -> None:
        """Start, restart, kill or bury the process, whatever is due."""
        if self.child is None:
            if not self.leaving and now >= self._start_at:
                self._start(now)
            return
        code = self.child.poll()
        if code is not None:
            self._bury(self.child, code, now)
        else:
            self._watch(self.child, now)

    # How it is done.

    def _start(self, now: float) -> None:
        self._late = False
        try:
            self.child = ChildProcess(self.kind, self.number, self._config)
        except OSError as error:
            self._count_failed_start(None, f"cannot be started: {error.strerror}")
            self._schedule(now)
            log.error(  # noqa: TRY400 - the system refused; a traceback says no more
                "A process cannot be started; trying again.",
                extra=fields(kind=self.kind, slot=self.number, error=error, delay_s=self._delay),
            )

    def _watch(self, child: ChildProcess, now: float) -> None:
        if child.up:
            self.failure, self._failed_starts = None, 0
        if self._kill_at is not None:
            if now >= self._kill_at:
                child.kill()
            return
        if not child.up and now - child.started > START_LIMIT:
            log.error("A process did not come up; killing it.", extra=self._fields(child))
            child.kill()
        late = self._is_late(child)
        if late != self._late:
            self._late = late
            text = "A process does not answer." if late else "A process answers again."
            log.warning(text, extra=self._fields(child, heartbeat_age_s=child.heartbeat_age))

    def _is_late(self, child: ChildProcess) -> bool:
        age = child.heartbeat_age
        return age is not None and age > LATE + self._config.redis.timeout

    def _bury(self, child: ChildProcess, code: int, now: float) -> None:
        was_up, words, uptime = child.up, child.last_words(), now - child.started
        self.past.add(child.counters.snapshot())
        self.child = None
        child.close()
        how = how_it_died(code)
        told = fields(
            kind=self.kind, slot=self.number, pid=child.pid, how=how, uptime_s=round(uptime, 1)
        )
        if self.leaving:
            # SIGTERM before it could listen: it had nothing in hand.
            self.drained = code == DRAINED or (code == -signal.SIGTERM and not was_up)
            if self.drained:
                log.info("A process has ended; everything in hand was finished.", extra=told)
            else:
                log.warning("A process has ended; jobs in hand were given back.", extra=told)
            return
        if not was_up:
            self._count_failed_start(code, words or how)
        if uptime >= HEALTHY and was_up:
            self._delay = BACKOFF_MIN
        self.past.restarts += 1
        told["fields"].update(delay_s=self._delay, **({"error": words} if words else {}))
        log.error(f"A process died; another starts in {self._delay:g} s.", extra=told)
        self._schedule(now)

    def _schedule(self, now: float) -> None:
        self._start_at = now + self._delay
        self._delay = min(2 * self._delay, BACKOFF_MAX)

    def _count_failed_start(self, code: int | None, why: str) -> None:
        self._failed_starts += 1
        if code == REFUSED:
            self.failure = ConfigError(why)
        elif self._failed_starts >= START_TRIES:
            self.failure = SyncWorkerError(f"{self.kind} {self.number} does not come up: {why}")

    def _fields(self, child: ChildProcess, **more: object) -> dict[str, object]:
        return fields(kind=self.kind, slot=self.number, pid=child.pid, **more)
