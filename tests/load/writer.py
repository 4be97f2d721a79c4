"""One connection's random transactions: `python -m load.writer` with an Order as JSON.

Prints its figures as JSON when it has ended. SIGTERM ends it after the transaction in hand.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import mysql.connector
from mysql.connector import errorcode

from .committed import Record
from .committed import Writer as Log
from .statements import Statements
from .tables import ABSENT, Key, LoadTable, image

# MariaDB: a deadlock over the lock of an AUTO_INCREMENT, which INSERT … SELECT holds. Only the
# application's own table may have it; from an outbox it would be the triggers' fault.
_COUNTER = errorcode.ER_AUTOINC_READ_FAILED
LOST = {
    _COUNTER: "deadlocks of counters",
    errorcode.ER_LOCK_DEADLOCK: "deadlocks",
    errorcode.ER_LOCK_WAIT_TIMEOUT: "lock timeouts",
}
ROLLED_BACK = 0.12  # of all transactions
SAVEPOINTS = 0.15
_STAMPS = 10**9  # of one connection; their sum with its number is unique


@dataclass(frozen=True)
class Order:
    """What a writer is to do. pause: mean seconds between two transactions."""

    connect: dict[str, Any]
    seed: str
    number: int
    transactions: int
    seconds: float
    pause: float
    log: str


class Writer:
    """Runs transactions one after the other, and logs what those that were committed left."""

    def __init__(self, connection: Any, order: Order, log: Log) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._order = order
        self._log = log
        self._random = Random(f"{order.seed}/{order.number}")
        scratch = Path(order.log).with_suffix(".load")
        self._statements = Statements(self._random, scratch)
        self._stamp = order.number * _STAMPS
        self._gone: set[tuple[LoadTable, Key]] = set()
        self._touched: set[LoadTable] = set()
        self.figures: Counter[str] = Counter()
        self.stopped = False

    def run(self) -> None:
        """All transactions of the order, or as many as there is time for."""
        end = time.monotonic() + self._order.seconds
        for _ in range(self._order.transactions):
            if self.stopped or time.monotonic() > end:
                return
            self._transaction()
            if self._order.pause:
                time.sleep(self._random.expovariate(1 / self._order.pause))

    def _transaction(self) -> None:
        self._stamp += 1
        self._gone, self._touched = set(), set()
        self.figures["transactions"] += 1
        try:
            self._work()
            if self._random.random() < ROLLED_BACK:
                self._connection.rollback()
                self.figures["rolled back"] += 1
                return
            records = self._images()
            self._connection.commit()
        except mysql.connector.Error as error:
            if error.errno not in LOST:
                raise
            self._connection.rollback()
            self.figures[LOST[error.errno]] += 1
            return
        self._log.add(records)
        self.figures["committed"] += 1
        self.figures["images"] += len(records)

    def _work(self) -> None:
        for _ in range(self._random.choice((1, 1, 1, 2, 2, 3, 5))):
            if self._random.random() >= SAVEPOINTS:
                self._some()
                continue
            before = set(self._gone)
            self._cursor.execute("SAVEPOINT here")
            self._some()
            if self._random.random() < 0.7:
                self._cursor.execute("ROLLBACK TO SAVEPOINT here")
                self._gone = before
                self.figures["savepoints rolled back"] += 1
            else:
                self._cursor.execute("RELEASE SAVEPOINT here")

    def _some(self) -> None:
        for statement in self._statements.some(self._stamp):
            self._touched.add(statement.table)
            try:
                self._cursor.execute(statement.sql, statement.values)
            except mysql.connector.Error as error:
                if error.errno in LOST and (error.errno != _COUNTER or statement.table.own):
                    raise
                if error.errno != errorcode.ER_DUP_ENTRY:
                    raise RuntimeError(f"{statement.sql} {statement.values}") from error
                self.figures["failed statements"] += 1
            else:
                self._gone |= {(statement.table, key) for key in statement.gone}
            self.figures["statements"] += 1

    def _images(self) -> list[Record]:
        """What this transaction has made of the rows it changed; they are locked until it ends."""
        left: list[tuple[str, str]] = []
        there: set[tuple[LoadTable, Key]] = set()
        gone = set(self._gone)
        for table in self._touched:
            columns = ", ".join(table.columns)
            self._cursor.execute(
                f"SELECT {columns} FROM {table.sql} WHERE stamp = %s", (self._stamp,)
            )
            for row in self._cursor.fetchall():
                key = table.key_of(row)
                there.add((table, key))
                gone.add((table, key))
                left.append((table.redis_key(key), image(row)))
        absent = {(table, equal) for table, key in gone for equal in table.family(key)} - there
        left += [(table.redis_key(key), ABSENT) for table, key in absent]
        rank = time.monotonic_ns()
        return [Record(rank, key, what) for key, what in left]


_ISOLATION = ("READ COMMITTED", "REPEATABLE READ")


def main(argument: str) -> None:
    """Carry out one order."""
    order = Order(**json.loads(argument))
    connection = mysql.connector.connect(**order.connect, autocommit=False)
    cursor = connection.cursor()
    cursor.execute("SET SESSION innodb_lock_wait_timeout = 3")
    isolation = _ISOLATION[order.number % 2]
    cursor.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {isolation}")
    with Path(order.log).open("w", encoding="utf-8") as file:
        writer = Writer(connection, order, Log(file))
        signal.signal(signal.SIGTERM, lambda *_: setattr(writer, "stopped", True))
        Path(order.log).with_suffix(".begun").touch()
        writer.run()
    connection.close()
    print(json.dumps(writer.figures))


def command(python: str, order: Order) -> list[str]:
    """The command line that carries out `order`."""
    return [python, "-m", "load.writer", json.dumps(asdict(order))]


if __name__ == "__main__":
    main(sys.argv[1])
