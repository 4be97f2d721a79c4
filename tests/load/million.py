"""A backfill of a large table while it changes, killed in the middle: `python -m load.million`.

Fills a table, then starts workers and a relay, which backfills it by itself, and kills the relay
without notice when half is copied. Another goes on. Four connections change rows all the while. At
the end every row is compared with its key. The exit code is 1 if they differ, or if the second run
began anew.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import mysql.connector
from running_instance import wait_for
from servers import SQL_SERVERS, Gearmand, RedisServer
from servers.paths import LIBRARY

from .oracle import OWN_PREFIX, split
from .stack import OUTBOXES, Part, Stack
from .tables import SCHEMA

ROWS = 1_000_000
CHANGES_BY = 4  # connections
PAUSE = 0.01  # s between two changes of one connection
PATIENCE = 900.0  # s
CREATE = (
    f"CREATE TABLE {SCHEMA}.big (id INT PRIMARY KEY, name VARCHAR(50), volume INT,"
    " updated TIMESTAMP NULL)"
)


class Changes:
    """Inserts, updates and deletes of random rows. Use as a context manager."""

    def __init__(self, stack: Stack, rows: int, seed: str) -> None:
        self._stack = stack
        self._rows = rows
        self._seed = seed
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(CHANGES_BY)]
        self.count = 0
        self.errors: list[str] = []

    def __enter__(self) -> Changes:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        with contextlib.closing(self._stack.sql.connect()) as connection:
            cursor = connection.cursor()
            while not self._stop.wait(PAUSE):
                id = chance.randrange(1, self._rows + self._rows // 10)
                kind = chance.random()
                try:
                    if kind < 0.1:
                        cursor.execute(f"DELETE FROM {SCHEMA}.big WHERE id = %s", (id,))
                    elif kind < 0.3:
                        cursor.execute(
                            f"REPLACE INTO {SCHEMA}.big VALUES (%s, %s, %s, NOW())",
                            (id, f"new {id}", chance.randrange(10**6)),
                        )
                    else:
                        cursor.execute(
                            f"UPDATE {SCHEMA}.big SET volume = volume + 1 WHERE id = %s", (id,)
                        )
                except mysql.connector.Error as error:
                    self.errors.append(str(error))
                self.count += 1


def million(kind: str, rows: int, seed: str) -> dict[str, Any]:
    """The whole of it on one server; figures, and what was wrong."""
    with (
        tempfile.TemporaryDirectory(prefix="sync-million-") as directory,
        SQL_SERVERS[kind]() as sql,
        Gearmand() as gearmand,
        RedisServer() as redis_server,
    ):
        sql.install_library(LIBRARY)
        tables = [{"name": f"{SCHEMA}.big", "key": "big:{id}"}]
        stack = Stack(Path(directory), sql, gearmand, redis_server, tables)
        with stack.create(*_filled(rows)):
            stack.workers(1)
            with Changes(stack, rows, seed) as changes:
                figures = _killed_and_resumed(stack, rows)
            stack.await_empty(PATIENCE)
            wrong = _differences(stack)
        return {"server": kind, **figures, "changes": changes.count, "errors": changes.errors[:3],
                "different": len(wrong), "examples": wrong[:5]}  # fmt: skip


def _filled(rows: int) -> list[str]:
    """The statements that make the table, which is there before sync-worker is installed."""
    big = f"{SCHEMA}.big"
    statements = [CREATE, f"INSERT INTO {big} VALUES (1, 'widget 1', 0, '2026-01-01 00:00:00')"]
    there = 1
    while there < rows:
        more = min(there, rows - there)
        statements.append(
            f"INSERT INTO {big} SELECT id + {there}, CONCAT('widget ', id + {there}), id % 1000,"
            f" updated FROM {big} WHERE id <= {more}"
        )
        there += more
    return statements


def _killed_and_resumed(stack: Stack, rows: int) -> dict[str, Any]:
    start = time.monotonic()
    first = stack.relay()
    wait_for(lambda: _copied(stack) >= rows // 2, "half is copied", PATIENCE)
    _kill(first)
    killed = time.monotonic()
    before = _copied(stack)
    second = stack.relay()
    with stack.client() as client:
        epoch = f"sync-worker:epoch:{SCHEMA}.big"
        wait_for(lambda: client.exists(epoch), "the epoch is set", PATIENCE)
    seconds = time.monotonic() - killed
    return {
        "rows when killed": before,
        "seconds until then": round(killed - start, 1),
        "seconds from then": round(seconds, 1),
        "resumed": "Resuming a backfill" in second.text(),
    }


def _kill(part: Part) -> None:
    for pid in [part.process.pid, *part.children()]:
        os.kill(pid, signal.SIGKILL)
    part.process.wait()


def _copied(stack: Stack) -> int:
    """How many rows the backfill says it has copied."""
    with contextlib.closing(stack.sql.connect()) as connection:
        cursor = connection.cursor()
        try:
            cursor.execute(f"SELECT row_count FROM {OUTBOXES}.backfill")
        except mysql.connector.Error:
            return 0
        found = cursor.fetchall()
        return int(found[0][0]) if found else 0


def _differences(stack: Stack) -> list[str]:
    """Keys that differ from their rows, parsed here and not by the product."""
    wrong: list[str] = []
    with contextlib.closing(stack.sql.connect()) as connection, stack.client() as client:
        cursor = connection.cursor()
        cursor.execute("SET SESSION time_zone = '+00:00'")
        cursor.execute(f"SELECT id, name, volume, CAST(updated AS CHAR) FROM {SCHEMA}.big")
        count = 0
        while rows := cursor.fetchmany(10_000):
            count += len(rows)
            values = client.mget([f"big:{row[0]}" for row in rows])
            for row, value in zip(rows, values, strict=True):
                held = json.loads(split(value)[0]) if value else None
                if held is None or list(held.values()) != list(row):
                    wrong.append(f"big:{row[0]} is {value!r}, expected {row}")
        own = sum(1 for _ in client.scan_iter(match=OWN_PREFIX + b"*", count=10_000))
        if client.dbsize() - own != count:
            wrong.append(f"{client.dbsize() - own} keys for {count} rows")
    return wrong


def main() -> int:
    """On each server that was asked for."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=million")
    parser.add_argument("--server", action="append", choices=list(SQL_SERVERS))
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    given = parser.parse_args()
    bad = False
    for kind in given.server or list(SQL_SERVERS):
        print(f"{kind}: {given.rows:,} rows, seed {given.seed}", flush=True)
        found = million(kind, given.rows, given.seed)
        print("\n".join(f"  {name}: {value}" for name, value in found.items()), flush=True)
        bad |= bool(found["different"] or found["errors"] or not found["resumed"])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
