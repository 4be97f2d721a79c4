"""Kills and freezes workers, relays and the job server at random while a load runs."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random

from servers import Gearmand

from .stack import Part

KILLS_BEFORE_RESTART = 2  # a process that dies often is restarted ever later; a new parent forgets
STEP = 0.05  # s


class Chaos:
    """Faults at random moments, `pause` seconds apart on average; `figures` counts them."""

    def __init__(self, parts: list[Part], gearmand: Gearmand, random: Random, pause: float) -> None:
        self._parts = parts
        self._weights = [2 if _works(part) else 1 for part in parts]
        self._gearmand = gearmand
        self._random = random
        self._pause = pause
        self._kills = Counter[int]()
        self.figures: Counter[str] = Counter()

    def until(self, over: Callable[[], bool]) -> None:
        """Do it until `over`. Then all parts run, or are being started again; none is frozen."""
        while self._wait(self._random.uniform(0.3, 1.7) * self._pause, over):
            if self._random.random() < 0.1:
                self._gearmand.kill()
                self._gearmand.restart()
                self.figures["job servers killed"] += 1
            else:
                self._strike(over)

    def _wait(self, seconds: float, over: Callable[[], bool]) -> bool:
        end = time.monotonic() + seconds
        while not over() and time.monotonic() < end:
            time.sleep(STEP)
        return not over()

    def _strike(self, over: Callable[[], bool]) -> None:
        number = self._random.choices(range(len(self._parts)), self._weights)[0]
        part = self._parts[number]
        children = part.children()
        if not children:
            return
        child = self._random.choice(children)
        kind = "worker" if _works(part) else "relay"
        if self._random.random() < 0.2:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)
                self._wait(self._random.uniform(0.2, 2.0), over)
                os.kill(child, signal.SIGCONT)
            self.figures[f"{kind}s frozen"] += 1
        elif self._kills[number] < KILLS_BEFORE_RESTART:
            self._kills[number] += 1
            _kill(child)
            self.figures[f"{kind}s killed"] += 1
        else:
            self._kills[number] = 0
            for pid in (part.process.pid, *children):
                _kill(pid)
            part.process.wait()
            part.up()
            self.figures[f"{kind}s killed"] += len(children)
            self.figures["parents killed"] += 1


def _works(part: Part) -> bool:
    return "--worker-only" in part.arguments


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
