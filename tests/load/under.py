"""A load in the background of a test that does something else: all invariants at its end."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from running_instance import wait_for

from .oracle import judge_log, judge_sights, rows_of
from .poller import Poller
from .run import Writers, redis_keys
from .stack import Stack

MOST_SECONDS = 300.0
PAUSE = 0.01  # s between two transactions of a connection


@dataclass
class Load:
    """The load that runs; `emptied` says when the test emptied Redis."""

    stack: Stack
    seed: str
    emptied: list[tuple[int, int]] = field(default_factory=list)

    def await_depth(self, least: int) -> None:
        """Wait until so many events wait: writers write, and nothing is delivered."""
        end = time.monotonic() + MOST_SECONDS / 2
        while (depth := self.stack.depth()) < least:
            assert time.monotonic() < end, f"only {depth} events wait; {self.stack.said()}"
            time.sleep(0.05)

    def await_in_step(self) -> None:
        """Wait until less than a moment's events wait."""
        end = time.monotonic() + MOST_SECONDS / 2
        while (depth := self.stack.depth()) > 50:
            assert time.monotonic() < end, f"{depth} events wait; {self.stack.said()}"
            time.sleep(0.05)

    def empty_redis(self) -> None:
        """FLUSHALL."""
        start = time.monotonic_ns()
        with self.stack.client() as client:
            client.flushall()
        self.emptied.append((start, time.monotonic_ns()))


@contextlib.contextmanager
def under_load(stack: Stack, connections: int = 4) -> Iterator[Load]:
    """Writers and a poller run in the block; at its end they stop, and I1 to I3 must hold."""
    load = Load(stack, os.environ.get("SYNC_LOAD_SEED") or secrets.token_hex(4))
    poller = Poller(stack.client(), redis_keys(), Random(f"{load.seed}/poller"))
    writers = Writers(
        stack, load.seed, 10**6, seconds=MOST_SECONDS, connections=connections, pause=PAUSE
    )
    with poller, writers:
        wait_for(writers.begun, "the writers have begun")
        yield load
        writers.stop()
        violations = stack.judge()
    history = writers.history()
    violations += judge_sights(poller.sights, history, emptied=load.emptied).violations
    with contextlib.closing(stack.sql.connect()) as connection:
        violations += judge_log(rows_of(connection), history, redis_keys())
    shown = "\n".join(violations[:20])
    assert not violations, f"seed {load.seed}: {shown}\n{stack.said()}"
    assert writers.figures["committed"] > 0
    with stack.client() as client:
        assert client.xlen(stack.dead_letters) == 0
