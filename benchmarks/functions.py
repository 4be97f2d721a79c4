"""What the loadable functions cost a writer."""

from __future__ import annotations

import contextlib
import json
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servers import Gearmand, MariaDB

from .build import build
from .figure import Figure

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "sync_worker/lib/gman_udf.so"
ROUNDS = 7
CALLS = 5_000
ROWS = 20_000
UPDATES = 10_000
BLOCKS = 20
WORKLOAD = '{"id":1,"volume":123456}'


@contextlib.contextmanager
def database() -> Iterator[Any]:
    """A MariaDB with the functions and bench_noop; yields a cursor."""
    with MariaDB() as server:
        server.install_library(LIBRARY)
        noop = build("noop.c", "bench_noop.so", shared=True)
        (server.plugin_dir / noop.name).write_bytes(noop.read_bytes())
        server.run_script(ROOT / "sql/install-mariadb.sql")
        connection = server.connect()
        cursor = connection.cursor()
        cursor.execute("CREATE FUNCTION bench_noop RETURNS INTEGER SONAME 'bench_noop.so'")
        cursor.execute("CREATE DATABASE bench")
        cursor.execute("USE bench")
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY, volume INT NOT NULL)")
        cursor.execute(f"INSERT INTO t SELECT seq, 0 FROM seq_1_to_{ROWS}")
        yield cursor
        connection.close()


def seconds(cursor: Any, statement: str) -> float:
    """How long one statement takes, its result fetched."""
    start = time.perf_counter()
    cursor.execute(statement)
    if cursor.with_rows:
        cursor.fetchall()
    return time.perf_counter() - start


def one(cursor: Any, statement: str) -> Any:
    """The one value of a SELECT."""
    cursor.execute(statement)
    return cursor.fetchall()[0][0]


def background() -> list[Figure]:
    """An acknowledged submit against the same packets from a C program on one connection."""
    program = build("roundtrip.c", "roundtrip")
    with Gearmand() as gearmand, database() as cursor:
        one(cursor, f"SELECT gman_servers_set('{gearmand.address}')")
        call = f"gman_do_background('bench', '{WORKLOAD}')"
        select = f"SELECT SUM({call} IS NOT NULL) FROM seq_1_to_{CALLS}"
        arguments = [gearmand.host, str(gearmand.port), "bench", WORKLOAD, str(CALLS)]
        assert one(cursor, select) == CALLS
        bare, ours = [], []
        for _ in range(ROUNDS):
            done = subprocess.run([program, *arguments], check=True, capture_output=True)
            bare.append(float(done.stdout) / CALLS)
            ours.append(seconds(cursor, select) / CALLS)
    ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
    detail = f"{us(ours)} against {us(bare)} µs, median of {ROUNDS} pairs of {CALLS:,} calls"
    return [Figure("gman_do_background / bare round trip in C", ratio, "times", "<= 1.15", detail)]


def post() -> list[Figure]:
    """gman_post against a function that does nothing, in a SELECT and in a trigger."""
    with Gearmand() as gearmand, database() as cursor:
        one(cursor, f"SELECT gman_servers_set('{gearmand.address}')")
        in_select = _difference(
            cursor,
            lambda call: f"SELECT SUM({call}) FROM seq_1_to_{ROWS}",
            f"gman_post('bench', '{WORKLOAD}')",
        )
        figures = [
            Figure(
                "gman_post minus do-nothing function, in a SELECT",
                *in_select[:2],
                "<= 2.5",
                in_select[2],
            )
        ]
        difference = _in_trigger(cursor, f"gman_post('bench', '{WORKLOAD}')")
        figures.append(
            Figure(
                "gman_post minus do-nothing function, in a trigger",
                *difference[:2],
                "<= 2.5",
                difference[2],
            )
        )
        dropped = json.loads(one(cursor, "SELECT gman_status()"))["dropped"]
        assert dropped == 0, f"{dropped} posts were dropped: the figure would flatter"
    return figures


def _difference(cursor: Any, statement: Any, call: str) -> tuple[float, str, str]:
    ours, noop = [], []
    for _ in range(ROUNDS):
        noop.append(seconds(cursor, statement(call.replace("gman_post", "bench_noop"))) / ROWS)
        ours.append(seconds(cursor, statement(call)) / ROWS)
        _await_empty_queue(cursor)
    more = statistics.median(ours) - statistics.median(noop)
    detail = f"{us(ours)} minus {us(noop)} µs a call, medians of {ROUNDS} x {ROWS:,}"
    return more * 1e6, "µs", detail


def _in_trigger(cursor: Any, call: str) -> tuple[float, str, str]:
    ours, noop = [], []
    for _ in range(ROUNDS):
        for body, into in ((call.replace("gman_post", "bench_noop"), noop), (call, ours)):
            with trigger(cursor, body):
                into.append(seconds(cursor, "UPDATE t SET volume = volume + 1") / ROWS)
            _await_empty_queue(cursor)
    more = statistics.median(ours) - statistics.median(noop)
    detail = f"{us(ours)} minus {us(noop)} µs a row, bulk UPDATE, medians of {ROUNDS} x {ROWS:,}"
    return more * 1e6, "µs", detail


def _await_empty_queue(cursor: Any) -> None:
    deadline = time.monotonic() + 60
    while json.loads(one(cursor, "SELECT gman_status()"))["queue_length"]:
        assert time.monotonic() < deadline, "the posting queue does not empty"
        time.sleep(0.05)


@contextlib.contextmanager
def trigger(cursor: Any, call: str) -> Iterator[None]:
    """An AFTER UPDATE trigger that calls a function for each row."""
    cursor.execute(f"CREATE TRIGGER tr AFTER UPDATE ON t FOR EACH ROW SET @r = {call}")
    try:
        yield
    finally:
        cursor.execute("DROP TRIGGER tr")


def breaker() -> list[Figure]:
    """10,000 updates of one row each, with a job server that refuses and one that never answers.

    In turns with as many updates without a trigger, since an update's own cost drifts.
    """
    call = f"gman_do_background('bench', '{WORKLOAD}')"
    figures = []
    with database() as cursor, black_hole() as silent, closed_port() as refusing:
        for what, address in (("refuses", refusing), ("never answers a connect", silent)):
            one(cursor, f"SELECT gman_servers_set('{address}')")
            plain = ours = 0.0
            for _ in range(BLOCKS):
                plain += _updates(cursor, UPDATES // BLOCKS)
                with trigger(cursor, call):
                    ours += _updates(cursor, UPDATES // BLOCKS)
            added = (ours - plain) / UPDATES * 1e6
            detail = f"{UPDATES:,} updates of a row, {plain / UPDATES * 1e6:.1f} µs each without"
            figures.append(
                Figure(f"job server {what}: added to an update", added, "µs", "<= 50", detail)
            )
    return figures


def _updates(cursor: Any, count: int) -> float:
    start = time.perf_counter()
    for i in range(count):
        cursor.execute(f"UPDATE t SET volume = volume + 1 WHERE id = {i % ROWS + 1}")
    return time.perf_counter() - start


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """The address of a listener whose backlog is full, so that a connect is never answered."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def closed_port() -> Iterator[str]:
    """The address of a port that is bound but does not listen: a connect is refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def us(times: list[float]) -> str:
    """The median in microseconds."""
    return f"{statistics.median(times) * 1e6:.2f}"
