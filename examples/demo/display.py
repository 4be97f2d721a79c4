"""Shows the flow while it runs: a live table on a terminal, a line a second elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import mysql.connector
import redis
from rich.console import Console
from rich.live import Live
from rich.table import Table

from demo.latency import LatencyProbe
from demo.load import Progress
from demo.stack import FUNCTION, SCHEMA, Stack

LIVE_SECONDS = 0.2
PLAIN_SECONDS = 1.0
RATE_SECONDS = 1.0  # the rate is that of the last second


LOST = (OSError, mysql.connector.Error, redis.RedisError)

Figures = list[tuple[str, str]]


class Display:
    """Draws from a thread of its own, between entry and exit."""

    def __init__(
        self, console: Console, stack: Stack, progress: Progress, probe: LatencyProbe
    ) -> None:
        self._console = console
        self._stack = stack
        self._progress = progress
        self._probe = probe
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)
        self._rate = 0.0
        self._rate_since = (time.monotonic(), 0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        # A server that has ended is for the main thread to report.
        with contextlib.suppress(*LOST), contextlib.ExitStack() as stack:
            connection = self._stack.mariadb.connect(database=SCHEMA)
            stack.enter_context(contextlib.closing(connection))
            client = stack.enter_context(self._stack.redis.client())

            def measure() -> Figures:
                with contextlib.closing(connection.cursor()) as cursor:
                    cursor.execute("SELECT COUNT(*) FROM product")
                    rows = int(cursor.fetchone()[0])
                return self._figures(rows, self._stack.gearmand.queued(FUNCTION), client.dbsize())

            (self._live if self._console.is_terminal else self._plain)(measure)

    def _live(self, measure: Callable[[], Figures]) -> None:
        with Live(_table(measure()), console=self._console, auto_refresh=False) as live:
            while not self._stopping.wait(LIVE_SECONDS):
                live.update(_table(measure()), refresh=True)
            live.update(_table(measure()), refresh=True)

    def _plain(self, measure: Callable[[], Figures]) -> None:
        while not self._stopping.wait(PLAIN_SECONDS):
            self._print(measure())
        self._print(measure())

    def _print(self, figures: Figures) -> None:
        self._console.print("; ".join(f"{name} {value}" for name, value in figures), soft_wrap=True)

    def _figures(self, rows: int, queued: int, keys: Any) -> Figures:
        now, changes = time.monotonic(), self._progress.changes
        since, before = self._rate_since
        if now - since >= RATE_SECONDS:
            self._rate = (changes - before) / (now - since)
            self._rate_since = (now, changes)
        return [
            ("phase", self._progress.phase),
            ("rows changed", f"{changes:,}"),
            ("changes a second", f"{self._rate:,.0f}"),
            ("rows in MariaDB", f"{rows:,}"),
            ("jobs waiting in gearmand", f"{queued:,}"),
            ("keys in Redis", f"{keys:,}"),
            ("commit to visible", self._probe.summary()),
        ]


def _table(figures: Figures) -> Table:
    table = Table(title="MariaDB → gearmand → sync-worker → Redis", show_header=False)
    table.add_column("what", min_width=26)
    table.add_column("figure", min_width=34, justify="right")
    for name, value in figures:
        table.add_row(name, value)
    return table
