"""Where the parent shows how things are: the status file, metrics, and the service manager."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from . import __version__, status
from .config import Config
from .counters import COUNTS, GAUGES, TIMES
from .generation import Generation, Key
from .logs import fields
from .notify import Notifier
from .slot import Past, Slot
from .status import Process, Report

log = logging.getLogger(__name__)

_HALF_SECOND = 0.5  # the loop comes round each second: rather early than late
# Settings used once, at the start.
_FIXED = ("directory", "metrics", "user", "group")


class Board:
    """Context manager: serves metrics inside, if `config` says so.

    Entering raises ConfigError when nothing can listen at run.metrics.
    """

    def __init__(self, config: Config, notifier: Notifier) -> None:
        self._config = config
        self._notifier = notifier
        self._started_at = time.time()
        self._ready = False
        self._write_failed = False
        self._next_alive = 0.0
        self._stop_metrics: Callable[[], None] = lambda: None
        self._report = Report(
            version=__version__,
            pid=os.getpid(),
            state="starting",
            started_at=self._started_at,
            written_at=self._started_at,
            config=str(config.path or ""),
            drained=None,
            processes=[],
        )

    def __enter__(self) -> Board:
        if self._config.run.metrics:
            # Imported only where it is used: a tenth of a second at every start.
            from .metrics import serve  # noqa: PLC0415

            self._stop_metrics = serve(self._config.run.metrics, lambda: self._report)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop_metrics()

    def note_changes(self, new: Config) -> None:
        """Say which changed settings wait for a restart."""
        for name in _FIXED:
            if getattr(new.run, name) != getattr(self._config.run, name):
                log.warning(
                    "A changed setting takes effect only after a restart.",
                    extra=fields(setting=f"run.{name}"),
                )

    def reloading(self) -> None:
        """Tell the service manager; show() tells it the end."""
        self._notifier.reloading()
        self._ready = False

    def refused(self) -> None:
        """Tell the service manager that the reload is over and nothing has changed."""
        self._notifier.ready("The new configuration was refused; going on with the old one")
        self._ready = True

    def show(
        self,
        state: str,
        drained: bool,
        current: Generation,
        everything: Sequence[Generation],
        now: float,
    ) -> None:
        """Write the status file and tell the service manager. Never raises for a full disk."""
        self._report = Report(
            version=__version__,
            pid=os.getpid(),
            state=state,
            started_at=self._started_at,
            written_at=time.time(),
            config=str(current.config.path or ""),
            drained=drained if state == "stopped" else None,
            processes=[
                _process(key, past, current, everything, now)
                for key, past in sorted(current.history.items())
            ],
        )
        self._write()
        self._tell(state, current, now)

    def _write(self) -> None:
        try:
            status.write(self._config.run.directory, self._report)
        except OSError as error:
            if not self._write_failed:
                log.warning(
                    "The status file cannot be written; trying again each second.",
                    extra=fields(directory=self._config.run.directory, error=error),
                )
            self._write_failed = True
        else:
            self._write_failed = False

    def _tell(self, state: str, current: Generation, now: float) -> None:
        line = self._line()
        if state == "running" and not self._ready:
            self._notifier.ready(line)
        elif state == "running":
            self._notifier.status(line)
        self._ready = state == "running"
        # The loop is alive, or we were not here; a child that hangs is for systemd to end.
        watchdog = self._notifier.watchdog
        if watchdog and now >= self._next_alive and not current.late:
            self._notifier.alive()
            self._next_alive = now + watchdog / 2 - _HALF_SECOND

    def _line(self) -> str:
        report = self._report
        up = sum(process.state == "up" for process in report.processes)
        redis = all(process.figures["redis_up"] for process in report.processes if process.pid)
        return (
            f"{up} processes up, Redis {'up' if redis else 'down'}, "
            f"{report.total('applied')} applied, {report.total('dead_lettered')} dead letters"
        )


def _process(
    key: Key, past: Past, current: Generation, everything: Sequence[Generation], now: float
) -> Process:
    slot = current.slots.get(key)
    child = slot.child if slot else None
    live = [s.child.counters.snapshot() for s in _slots(key, everything) if s.child]
    here = child.counters.snapshot() if child else dict.fromkeys([*GAUGES, *TIMES], 0)
    figures = {name: past.counts[name] + sum(f[name] for f in live) for name in COUNTS}
    figures |= {name: here[name] for name in GAUGES}
    figures["held"] = sum(f["held"] for f in live)
    applied_at = [past.last_applied_at, *(f["last_applied_at"] for f in live)]
    figures["last_applied_at"] = max(applied_at)
    return Process(
        kind=key[0],
        slot=key[1],
        pid=child.pid if child else None,
        state=slot.state if slot else "removed",
        uptime=now - child.started if child else 0.0,
        restarts=past.restarts,
        heartbeat_age=child.heartbeat_age if child else None,
        figures=figures,
    )


def _slots(key: Key, everything: Sequence[Generation]) -> list[Slot]:
    return [generation.slots[key] for generation in everything if key in generation.slots]
