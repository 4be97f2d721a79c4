"""What exact delivery costs writers, how fast a full outbox drains, and how late a commit shows."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from servers import Gearmand, MariaDB, RedisServer

from sync_worker.config import Config, load
from sync_worker.mysql.install import install

from .figure import Figure
from .functions import LIBRARY, ROUNDS, one, seconds
from .monitor import Monitor

ROWS = 50_000
BACKLOG = 200_000
DEEP_BACKLOG = int(os.environ.get("BENCH_DEEP_ROWS", "2000000"))
OLD_VIEW_SECONDS = float(os.environ.get("BENCH_OLD_VIEW_SECONDS", "300"))
COMMITS = 2_000
COMMIT_INTERVAL = 1 / 500  # s
PAUSE = 2.0  # s, for the relay to settle


class Stack:
    """MariaDB, gearmand, Redis and a configuration for table bench.t."""

    def __init__(self, db: MariaDB, gearmand: Gearmand, redis: RedisServer, delivery: str) -> None:
        self.db, self.gearmand, self.redis = db, gearmand, redis
        self.path = db.directory / "sync-worker.toml"
        self.path.write_text(f"""
[mysql]
port = {db.port}
user = "root"
[gearman]
servers = ["{gearmand.address}"]
[redis]
url = "{redis.url}"
[run]
directory = "{db.directory}/run"
[[table]]
name = "bench.t"
key = "t:{{id}}"
delivery = "{delivery}"
""")
        self.config: Config = load(self.path, {})
        self.connection = db.connect()
        self.cursor = self.connection.cursor()
        self.cursor.execute("CREATE DATABASE bench")
        self.cursor.execute("USE bench")
        self.cursor.execute(
            "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(50), price DECIMAL(10,2),"
            " volume INT, updated TIMESTAMP NULL)"
        )

    def install(self) -> None:
        """Functions, outbox and triggers; the functions know the job server."""
        install(self.config)
        one(self.cursor, f"SELECT gman_servers_set('{self.gearmand.address}')")

    def fill(self, first: int, count: int) -> None:
        """Insert rows, a statement for each 10,000."""
        for start in range(first, first + count, 10_000):
            self.cursor.execute(
                "INSERT INTO t SELECT seq, CONCAT('widget number ', seq), seq % 1000 + 0.5, seq,"
                f" NOW() FROM seq_{start}_to_{start + min(10_000, first + count - start) - 1}"
            )

    def waiting(self) -> int:
        """Events in the outbox."""
        return int(one(self.cursor, "SELECT COUNT(*) FROM sync_worker.`bench.t`"))

    @contextlib.contextmanager
    def running(self, *options: str) -> Iterator[None]:
        """`sync-worker run` with these options, in a run directory of its own."""
        command = [sys.executable, "-m", "sync_worker", "run", "--config", str(self.path), *options]
        directory = self.db.directory / ("run" + "".join(options))
        environment = {**os.environ, "SYNC_WORKER_RUN_DIRECTORY": str(directory)}
        with (self.db.directory / "sync-worker.log").open("ab") as log:
            child = subprocess.Popen(command, stderr=log, env=environment)
        try:
            yield
        finally:
            child.terminate()
            child.wait(60)

    def in_step(self, rows: int) -> None:
        """Wait until Redis has this many rows, the epoch is set and the outbox is empty."""
        deadline = time.monotonic() + 300
        with self.redis.client() as client:
            while not (
                client.exists("sync-worker:epoch:bench.t")
                and client.exists(f"t:{rows}")
                and self.waiting() == 0
            ):
                assert time.monotonic() < deadline, "the relay does not come into step"
                time.sleep(0.1)


@contextlib.contextmanager
def stack(delivery: str = "outbox", *database: str) -> Iterator[Stack]:
    """The servers, started and stopped."""
    with Gearmand() as gearmand, RedisServer() as redis, MariaDB(*database) as db:
        db.install_library(LIBRARY)
        yield Stack(db, gearmand, redis, delivery)


INDEXES = "ALTER TABLE t ADD KEY (name), ADD KEY (updated)"
CHANGE = "UPDATE t SET volume = volume + 1"
TOUCH = f"{CHANGE}, updated = updated + INTERVAL 1 SECOND"


def writers() -> list[Figure]:
    """A bulk UPDATE under the outbox triggers against the same without.

    What it costs without depends on the table; what the triggers add does not.
    """
    return [
        _writers("two indexes, one changed", TOUCH, INDEXES),
        _writers("no index, a time changed too", TOUCH),
        _writers("no index, one number changed", CHANGE),
    ]


def _writers(what: str, statement: str, *alter: str) -> Figure:
    with stack() as it:
        for ddl in alter:
            it.cursor.execute(ddl)
        it.fill(1, ROWS)
        seconds(it.cursor, statement)
        plain = [seconds(it.cursor, statement) for _ in range(ROUNDS)]
        it.install()
        with_triggers = []
        for _ in range(ROUNDS):
            with_triggers.append(seconds(it.cursor, statement))
            it.cursor.execute("DELETE FROM sync_worker.`bench.t`")
    ours, bare = statistics.median(with_triggers), statistics.median(plain)
    detail = f"{what}; {ours / ROWS * 1e6:.2f} against {bare / ROWS * 1e6:.2f} µs a row"
    return Figure(
        "bulk UPDATE with outbox triggers / without", ours / bare, "times", "<= 4", detail
    )


def drain() -> list[Figure]:
    """Rows a second from a full outbox: of 200,000 rows, deeper, and with an old read view."""
    rates = [_drained(BACKLOG) for _ in range(3)]
    base = statistics.median(rates)
    figures = [
        Figure("relay, one worker, full outbox", base, "rows/s", ">= 100,000",
               f"{BACKLOG:,} rows; each: {', '.join(f'{rate:,.0f}' for rate in rates)}")
    ]  # fmt: skip
    deep = _drained(DEEP_BACKLOG)
    figures.append(
        Figure("the same at a deep outbox / at 200,000", deep / base, "times", ">= 0.8",
               f"{DEEP_BACKLOG:,} rows, {deep:,.0f} rows/s")
    )  # fmt: skip
    old = _under_old_view()
    figures.append(
        Figure("the same under an old read view / without", old / base, "times", ">= 0.5",
               f"held for {OLD_VIEW_SECONDS:.0f} s of load, {old:,.0f} rows/s")
    )  # fmt: skip
    return figures


def _drained(rows: int) -> float:
    with stack() as it:
        it.install()
        _first_backfill(it)
        with it.running("--worker-only"):
            it.fill(2, rows)
            assert it.waiting() == rows
            return _drain_rate(it, rows)


def _first_backfill(it: Stack) -> None:
    """Have the relay find Redis in step, so that no backfill runs while the drain is timed."""
    it.fill(1, 1)
    with it.running():
        it.in_step(1)


def _drain_rate(it: Stack, rows: int) -> float:
    """Start the relay; rows a second from its first write in Redis to its last."""
    with it.redis.client() as client, it.running("--relay-only"):
        before = had = client.dbsize()
        while had == before:
            had = client.dbsize()
            time.sleep(0.001)
        start = time.monotonic()
        while client.dbsize() < before + rows:
            time.sleep(0.002)
        return (before + rows - had) / (time.monotonic() - start)


def _under_old_view() -> float:
    """The drain after minutes of load, a consistent read of the outbox still open."""
    with stack() as it:
        it.install()
        _first_backfill(it)
        old = it.db.connect(database="sync_worker")
        reader = old.cursor()
        reader.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        reader.execute("SELECT COUNT(*) FROM `bench.t`")
        reader.fetchall()
        it.fill(2, 10_000)
        end = time.monotonic() + OLD_VIEW_SECONDS
        with it.running():
            while time.monotonic() < end:
                it.cursor.execute("UPDATE t SET volume = volume + 1 WHERE id % 10 = 0")
                time.sleep(0.1)
            it.in_step(10_001)
        with it.running("--worker-only"):
            it.fill(20_000, BACKLOG)
            rate = _drain_rate(it, BACKLOG)
        old.close()
        return rate


def visible() -> list[Figure]:
    """From the return of a commit to the change being in Redis, at 500 commits a second."""
    figures = []
    for delivery, goals in (("outbox", ("<= 1", "<= 5")), ("direct", ("<= 0.4", ""))):
        with stack(delivery) as it:
            it.install()
            it.fill(1, 1)
            with it.running():
                it.in_step(1)
                late = sorted(_lateness(it))
        p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
        detail = f"{len(late):,} commits at 500 a second, one row"
        figures.append(Figure(f"{delivery}: commit to visible, p50", p50, "ms", goals[0], detail))
        figures.append(Figure(f"{delivery}: commit to visible, p99", p99, "ms", goals[1], detail))
    return figures


def _lateness(it: Stack) -> list[float]:
    """Milliseconds for each commit; 0 if it was visible before the commit had returned."""
    committed = {}
    with Monitor(it.redis.host, it.redis.port) as monitor:
        due = time.monotonic() + PAUSE
        for volume in range(1, COMMITS + 1):
            time.sleep(max(0.0, due - time.monotonic()))
            it.cursor.execute(f"UPDATE t SET volume = {volume} WHERE id = 1")
            committed[volume] = time.time()
            due += COMMIT_INTERVAL
        seen = monitor.volumes_of_t1(COMMITS)
    late = []
    for volume in range(COMMITS, 0, -1):  # a later value shows that an earlier one was overtaken
        seen[volume] = min(seen.get(volume, seen.get(volume + 1, 0)), seen.get(volume + 1, 1e18))
        late.append(max(0.0, seen[volume] - committed[volume]) * 1e3)
    return late
