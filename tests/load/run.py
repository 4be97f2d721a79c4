"""One load on one stack, and what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from servers.paths import ROOT
from servers.reaper import DIE_WITH_PARENT

from . import writer
from .chaos import Chaos
from .committed import History
from .oracle import judge_log, judge_sights, rows_of
from .poller import Poller
from .stack import Stack
from .tables import TABLES

CONNECTIONS = 8
ENDING_SECONDS = 120.0  # for the writers, beyond the time they were given


@dataclass
class Outcome:
    """Figures and violations of one load."""

    kind: str
    seed: str
    figures: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        figures = ", ".join(f"{name}: {value}" for name, value in self.figures.items())
        shown = "\n  ".join(self.violations[:20])
        return (
            f"{len(self.violations)} violations on {self.kind}; seed {self.seed} "
            f"(SYNC_LOAD_SEED={self.seed} repeats it)\n  {figures}\n  {shown}"
        )


class Writers:
    """Processes that change rows, one a connection. Use as a context manager."""

    def __init__(
        self,
        stack: Stack,
        seed: str,
        transactions: int,
        *,
        seconds: float = 600.0,
        connections: int = CONNECTIONS,
        pause: float = 0.0,
    ) -> None:
        self._stack = stack
        self._seconds = seconds
        self._seed = seed
        self._each = [transactions // connections] * connections
        self._pause = pause
        self._processes: list[subprocess.Popen[bytes]] = []
        self._logs: list[Path] = []
        self.figures: Counter[str] = Counter()

    def __enter__(self) -> Writers:
        connect = {
            "host": self._stack.sql.host, "port": self._stack.sql.port, "user": "root",
            "password": "", "use_pure": True, "ssl_disabled": True, "charset": "utf8mb4",
            "collation": "utf8mb4_general_ci",
        }  # fmt: skip
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        for number, transactions in enumerate(self._each, 1):
            log = self._stack.directory / f"writer-{time.monotonic_ns()}-{number}.log"
            self._logs.append(log)
            order = writer.Order(
                connect, self._seed, number, transactions, self._seconds, self._pause, str(log)
            )
            self._processes.append(
                subprocess.Popen(
                    [*DIE_WITH_PARENT, *writer.command(sys.executable, order)],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=os.environ | {"PYTHONPATH": paths},
                )
            )
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def begun(self) -> bool:
        """Whether all have begun."""
        return all(log.with_suffix(".begun").exists() for log in self._logs)

    def over(self) -> bool:
        """Whether all have ended."""
        return all(process.poll() is not None for process in self._processes)

    def stop(self) -> None:
        """Let every writer end after the transaction it has in hand, and wait for them."""
        for process in self._processes:
            process.terminate()
        self.wait()

    def wait(self) -> None:
        """Wait for all writers; fail if one has failed."""
        for process in self._processes:
            output, errors = process.communicate(timeout=self._seconds + ENDING_SECONDS)
            said = errors.decode(errors="replace")
            assert process.returncode == 0, f"a writer failed; seed {self._seed}\n{said}"
            self.figures += Counter(json.loads(output))

    def history(self) -> History:
        """What was committed, once they have ended."""
        history = History()
        for log in self._logs:
            history.read(log)
        history.sort()
        return history


def redis_keys() -> list[str]:
    """Every key that the load can make."""
    return [table.redis_key(key) for table in TABLES for key in table.keys]


def run(
    stack: Stack, seed: str, transactions: int, seconds: float, *, chaos_pause: float = 1.0
) -> Outcome:
    """Three workers, two relays, eight writers, kills at random; then all invariants."""
    outcome = Outcome(stack.sql.kind, seed)
    # One relay applies small batches itself, the other leaves all to the workers.
    ways = Random(f"{seed}/relays").sample(({}, {"at_once": 0}), 2)
    parts = [stack.workers(3), *(stack.relay(**way) for way in ways)]
    events_before = _next_ids(stack)
    poller = Poller(stack.client(), redis_keys(), Random(f"{seed}/poller"))
    started = time.monotonic()
    with poller, contextlib.ExitStack() as running:
        writers = running.enter_context(Writers(stack, seed, transactions, seconds=seconds))
        chaos = Chaos(parts, stack.gearmand, Random(f"{seed}/chaos"), chaos_pause)
        chaos.until(writers.over)
        writers.wait()
        written = time.monotonic()
        end = stack.judge()
        drained = time.monotonic()
    history = writers.history()
    verdict = judge_sights(poller.sights, history)
    with contextlib.closing(stack.sql.connect()) as connection:
        rows = rows_of(connection)
    outcome.figures = Counter(writers.figures)
    outcome.figures["events"] = _next_ids(stack) - events_before
    outcome.figures.update(chaos.figures)
    outcome.figures["values seen"] = verdict.values
    outcome.figures["values read"] = poller.reads
    outcome.figures["dead letters"] = _dead_letters(stack)
    outcome.figures["seconds"] = round(written - started)
    outcome.figures["drain seconds"] = round(drained - written)
    outcome.violations = [*judge_log(rows, history, redis_keys()), *verdict.violations, *end]
    if outcome.figures["dead letters"]:
        outcome.violations.append("dead letters, where every event can be applied")
    return outcome


def _next_ids(stack: Stack) -> int:
    """The sum of the outboxes' next ids; its growth is the number of events, rolled back or not."""
    total = 0
    connection = stack.sql.connect(autocommit=False)
    with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("SET SESSION sql_mode = ''")
        for name in stack.outboxes:
            cursor.execute(f"INSERT INTO {name} () VALUES ()")
            total += cursor.lastrowid
            connection.rollback()
    return total


def _dead_letters(stack: Stack) -> int:
    with stack.client() as client:
        return int(client.xlen(stack.dead_letters))
