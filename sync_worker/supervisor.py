"""The parent process: keeps the children running, reloads, drains, reports.

Its life, top to bottom::

    starting ──all up──► running ◄──new ones up, or refused──► reloading
        └──────────────────┴──────── SIGTERM ───► stopping ──all ended──► stopped

SIGTERM and SIGINT drain, a second one ends everything at once. SIGHUP and SIGUSR1 reopen the logs
and read the configuration again. SIGHUP is left alone where it was ignored from the start (nohup).
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import signal
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator

from . import logs
from .board import Board
from .config import Config
from .errors import ConfigError, SyncWorkerError
from .generation import Generation, History
from .logs import fields
from .notify import Notifier
from .slot import Past

REPORT_EVERY = 1.0  # seconds
_BUSY_WAIT = 0.05  # seconds between looks at children that start or end
_STOP = (signal.SIGTERM, signal.SIGINT)
_RELOAD = (signal.SIGHUP, signal.SIGUSR1)

log = logging.getLogger(__name__)


class Supervisor:
    """Runs the child processes of `config`.

    load: reads the configuration again; raises ConfigError.
    on_ready: called once, when every process is up.
    """

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        on_ready: Callable[[], None] = lambda: None,
        notifier: Notifier | None = None,
    ) -> None:
        self._load = load
        self._on_ready = on_ready
        self._notifier = notifier or Notifier()
        self._history: History = defaultdict(Past)
        self._current = Generation(config, self._history)
        self._incoming: Generation | None = None
        self._leaving: list[Generation] = []
        self._state = "starting"
        self._error: SyncWorkerError | None = None
        self._drained = True
        self._reload_again = False
        self._signals: deque[int] = deque()
        self._board = Board(config, self._notifier)

    def run(self) -> bool:
        """Work until told to stop; return whether every job in hand was finished.

        Raises ConfigError when the processes refuse the configuration at the first start, and
        SyncWorkerError when they do not come up.
        """
        now = time.monotonic()
        next_report = now
        with _caught(self._signals) as wait, self._board:
            log.info("Starting.", extra=fields(processes=len(self._current.slots)))
            self._notifier.starting("Waiting for the worker processes to come up")
            try:
                while not self._finished():
                    wait(_BUSY_WAIT if self._busy() else max(0.0, next_report - now))
                    now = time.monotonic()
                    while self._signals:
                        self._on_signal(self._signals.popleft(), now)
                    self._check(now)
                    if now >= next_report:
                        next_report = now + REPORT_EVERY
                        self._report(now)
            finally:
                self._end_all()
            self._state = "stopped"
            self._report(time.monotonic())
        if self._error:
            raise self._error
        log.info("Stopped.", extra=fields(drained=self._drained))
        return self._drained

    def _generations(self) -> list[Generation]:
        return [self._current, *([self._incoming] if self._incoming else []), *self._leaving]

    def _busy(self) -> bool:
        return self._state != "running" or bool(self._leaving) or not self._current.up

    def _finished(self) -> bool:
        return self._state == "stopping" and not self._leaving and self._current.gone

    # Signals.

    def _on_signal(self, number: int, now: float) -> None:
        if number in _RELOAD:
            self._on_reload()
        elif number in _STOP and self._state == "stopping":
            log.warning("Told to stop again; ending at once.")
            for generation in self._generations():
                generation.stop_now(now)
        elif number in _STOP:
            name = signal.Signals(number).name
            limit = self._current.config.worker.drain
            log.info(
                "Told to stop; finishing the jobs in hand.",
                extra=fields(signal=name, limit_s=limit),
            )
            self._stop(now)

    def _stop(self, now: float) -> None:
        self._state = "stopping"
        self._notifier.stopping()
        if self._incoming:
            self._leaving.append(self._incoming)
            self._incoming = None
        self._current.drain(now)
        for generation in self._leaving:
            if not any(slot.leaving for slot in generation.slots.values()):
                generation.drain(now)

    def _on_reload(self) -> None:
        logs.reopen()
        for generation in self._generations():
            generation.reopen_logs()
        if self._state != "running":
            self._reload_again = self._state != "stopping"
            return
        self._board.reloading()
        try:
            config = self._load()
        except ConfigError as error:
            self._keep_old(error)
            return
        self._board.note_changes(config)
        self._state = "reloading"
        self._incoming = Generation(config, self._history)
        log.info(
            "Configuration read again; new processes start, then the old ones drain.",
            extra=fields(processes=len(self._incoming.slots)),
        )

    # Children.

    def _check(self, now: float) -> None:
        for generation in self._generations():
            generation.check(now)
        for generation in [g for g in self._leaving if g.gone]:
            self._drained = self._drained and generation.drained
            self._leaving.remove(generation)
        if self._state == "starting":
            self._check_start(now)
        elif self._state == "reloading":
            self._check_reload(now)
        elif self._state == "running" and self._reload_again:
            self._reload_again = False
            self._on_reload()
        elif self._state == "stopping" and self._current.gone:
            self._drained = self._drained and self._current.drained

    def _check_start(self, now: float) -> None:
        if failure := self._current.failure:
            self._error = failure
            self._stop(now)
        elif self._current.up:
            self._state = "running"
            log.info("All processes are up.", extra=fields(processes=len(self._current.slots)))
            self._report(now)
            self._on_ready()

    def _check_reload(self, now: float) -> None:
        assert self._incoming
        if failure := self._incoming.failure:
            self._incoming.stop_now(now)
            self._leaving.append(self._incoming)
            self._incoming = None
            self._keep_old(failure)
        elif self._incoming.up:
            self._current.drain(now)
            self._leaving.append(self._current)
            self._current, self._incoming = self._incoming, None
            self._state = "running"
            log.info("Reloaded.", extra=fields(processes=len(self._current.slots)))
            self._report(now)

    def _keep_old(self, error: SyncWorkerError) -> None:
        self._state = "running"
        self._board.refused()
        log.error(
            "The new configuration was refused; going on with the old one.",
            extra=fields(error=error),
        )

    def _end_all(self) -> None:
        """Leave no child behind, whatever happened."""
        for generation in self._generations():
            for slot in generation.slots.values():
                if slot.child:
                    slot.child.kill()
                    slot.child.wait()
                    self._drained = False

    def _report(self, now: float) -> None:
        self._board.show(self._state, self._drained, self._current, self._generations(), now)


@contextlib.contextmanager
def _caught(pending: deque[int]) -> Iterator[Callable[[float], None]]:
    """Collect signals in `pending`; yield a wait(seconds) that a signal cuts short."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    watched = [*_STOP, *_RELOAD, signal.SIGCHLD]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup: live on when the terminal goes
        watched.remove(signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in watched}
    before_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for number in watched:
        signal.signal(number, lambda caught, _frame: pending.append(caught))

    def wait(seconds: float) -> None:
        if selector.select(seconds):
            with contextlib.suppress(BlockingIOError):
                reader.recv(4096)

    with reader, writer, selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        try:
            yield wait
        finally:
            signal.set_wakeup_fd(before_fd)
            for number, handler in before.items():
                signal.signal(number, handler)
