"""Measures what a reader sees: from the commit of a change to its row in Redis."""

from __future__ import annotations

import contextlib
import json
import threading
import time

from demo.stack import SCHEMA, Stack

PAUSE = 0.01  # seconds between two measured changes
LOST_AFTER = 10.0  # seconds; a change not seen by then counts as lost


class LatencyProbe(threading.Thread):
    """Changes one row of its own again and again, and polls Redis until each change shows."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(name="latency", daemon=True)
        self._stack = stack
        self._stopping = threading.Event()
        self.seconds: list[float] = []
        self.lost = 0
        self.error: Exception | None = None

    def finish(self) -> None:
        """Stop measuring, and wait for the last one. Raises what went wrong, if anything did."""
        self._stopping.set()
        self.join()
        if self.error is not None:
            raise self.error

    def percentile(self, share: float) -> float:
        """Return the latency that this share of the changes did not exceed, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def summary(self) -> str:
        """Return p50 and p99 as text."""
        if not self.seconds:
            return "not measured yet"
        p50, p99 = (1000 * self.percentile(share) for share in (0.5, 0.99))
        return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms"

    def run(self) -> None:
        try:
            self._measure()
        except Exception as error:
            self.error = error

    def _measure(self) -> None:
        connection = self._stack.mariadb.connect(database=SCHEMA)
        client = self._stack.redis.client()
        with (
            contextlib.closing(connection),
            contextlib.closing(connection.cursor()) as cursor,
            client,
        ):
            cursor.execute("INSERT INTO product (name, price, volume) VALUES ('probe', 1, -1)")
            key = str(cursor.lastrowid)
            turn = 1
            while not self._stopping.wait(PAUSE):
                turn += 1
                cursor.execute("UPDATE product SET volume = %s WHERE id = %s", (-turn, key))
                committed = time.perf_counter()
                while not _shows(client.get(key), -turn):
                    if time.perf_counter() - committed > LOST_AFTER:
                        self.lost += 1
                        break
                else:
                    self.seconds.append(time.perf_counter() - committed)


def _shows(value: object, volume: int) -> bool:
    return isinstance(value, bytes) and json.loads(value)["volume"] == volume
