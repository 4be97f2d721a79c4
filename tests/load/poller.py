"""Reads Redis all the while, and keeps every change that it sees."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import redis

PAUSE = 0.002  # s, so that the poller leaves the processors to those it watches
AT_RANDOM = 20  # single reads for each one of all keys


class Sight(NamedTuple):
    """A key's value as seen at a moment; None: there was no such key."""

    at: int
    """monotonic nanoseconds, after the answer"""
    value: bytes | None
    asked: int
    """the same before the question; what came in between may be seen or not"""


class Poller:
    """A thread; `sights` are the changes of each key, in the order seen."""

    def __init__(self, client: Any, keys: Sequence[str], random: Random) -> None:
        self._client = client
        self._keys = list(keys)
        self._random = random
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller")
        self._now: dict[str, bytes | None] = dict.fromkeys(self._keys)
        self.sights: dict[str, list[Sight]] = defaultdict(list)
        self.reads = 0
        self.unreachable = 0

    def __enter__(self) -> Poller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                for key in self._random.choices(self._keys, k=AT_RANDOM):
                    self._look([key], time.monotonic_ns(), [self._client.get(key)])
                self._look(self._keys, time.monotonic_ns(), self._client.mget(self._keys))
            except redis.RedisError:  # a fault of the test: away, loading, frozen
                self.unreachable += 1
                self._stop.wait(0.05)
            self._stop.wait(PAUSE)

    def _look(self, keys: Sequence[str], asked: int, values: Sequence[bytes | None]) -> None:
        at = time.monotonic_ns()
        self.reads += len(keys)
        now = self._now
        for key, value in zip(keys, values, strict=True):
            if value != now[key]:
                now[key] = value
                self.sights[key].append(Sight(at, value, asked))
