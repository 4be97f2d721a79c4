"""The relay process: a thread for each table."""

from __future__ import annotations

import logging
import os
import select
import threading
import time

from sync_worker.config import Config
from sync_worker.counters import Counters

from .table import TableRelay

log = logging.getLogger(__name__)

BEAT = 1.0  # s


class Relay:
    """Relays the outboxes of all tables. `stop` and `stop_now` are for signal handlers."""

    def __init__(self, config: Config, counters: Counters, *, wakeup_fd: int | None = None) -> None:
        self._counters = counters
        self._wakeup_fd = wakeup_fd
        self._stopping = threading.Event()
        self._now = False
        # Closing the write end wakes every thread that waits for a job server.
        self._wake_read, self._wake_write = os.pipe()
        self._drain = config.worker.drain
        self._threads = [
            threading.Thread(
                target=TableRelay(config, table, counters, self._stopping, self._wake_read).run,
                name=f"relay {table.full_name}",
                daemon=True,
            )
            for table in config.tables
        ]

    def run(self) -> bool:
        """Works until stopped. Returns whether all threads ended in time."""
        for thread in self._threads:
            thread.start()
        while not self._stopping.is_set():
            self._counters.set("heartbeat", time.monotonic())
            watched = [] if self._wakeup_fd is None else [self._wakeup_fd]
            if select.select(watched, [], [], BEAT)[0]:
                self._empty_wakeup()
        os.close(self._wake_write)
        deadline = time.monotonic() + (0 if self._now else self._drain)
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < deadline and not self._now:
                thread.join(0.1)
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Read no further events; `run` returns when those under way are done."""
        self._stopping.set()

    def stop_now(self) -> None:
        """`run` returns as soon as it can; what is under way stays in the outbox."""
        self._now = True
        self._stopping.set()

    def _empty_wakeup(self) -> None:
        if self._wakeup_fd is not None:
            os.read(self._wakeup_fd, 4096)
