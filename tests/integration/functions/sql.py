"""Calls of the loadable functions on one connection."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import mysql.connector
import pytest
from servers import SqlServer

ROOT = Path(__file__).resolve().parents[3]
SQL = ROOT / "sql"
INSTALL = {
    "mariadb": SQL / "install-mariadb.sql",
    "mysql97": SQL / "install-mysql.sql",
    "mysql56": SQL / "install-mysql-5.6.sql",
}
T = TypeVar("T")
DEADLINE = 30.0  # seconds; for conditions that come true almost at once
CANNOT_INITIALIZE = 1123  # the error of a call that a function refuses when it is prepared


def install(server: SqlServer) -> None:
    """Create all functions by the file of sql/ that is for a server, unless they are there."""
    if not server.execute("SELECT name FROM mysql.func WHERE name = 'gman_do'"):
        server.run_script(INSTALL[server.kind])


def uninstall(server: SqlServer) -> None:
    """Drop all functions by the file of sql/ that is for a server."""
    path = INSTALL[server.kind]
    server.run_script(path.with_name(f"un{path.name}"))


def eventually(condition: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """Return the first true value of a condition; fail naming `what` when it never comes."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() >= deadline:
            pytest.fail(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.01)
    return value


def new_function(kind: str = "test") -> str:
    """Return the name of a Gearman function that no other test uses."""
    return f"{kind}_{uuid.uuid4().hex[:12]}"


def at_once(actions: Sequence[Callable[[], T]], seconds: float = 60.0) -> list[T]:
    """Run actions in a thread each, starting together; return their results in order."""
    start = threading.Barrier(len(actions))

    def run(action: Callable[[], T]) -> T:
        start.wait(DEADLINE)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result(seconds) for future in [pool.submit(run, one) for one in actions]]


class Sql:
    """A connection as root, in a schema of its own. Text comes back as the bytes it is."""

    def __init__(self, server: SqlServer, connection: Any) -> None:
        self.server = server
        self.connection = connection
        self.database = connection.database  # a query: not for threads to ask at the same time

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows; [] if it has none."""
        with contextlib.closing(self.connection.cursor()) as cursor:
            cursor.execute(statement, parameters)
            if not cursor.with_rows:
                return []
            return [tuple(_bytes(value) for value in row) for row in cursor.fetchall()]

    def run(self, *statements: str) -> None:
        """Run statements that return nothing."""
        for statement in statements:
            with contextlib.closing(self.connection.cursor()) as cursor:
                cursor.execute(statement)
                if cursor.with_rows:
                    cursor.fetchall()

    def value(self, expression: str, *parameters: Any) -> Any:
        """Return the value of an expression."""
        [(value,)] = self.rows(f"SELECT {expression}", *parameters)
        return value

    def refusal(self, expression: str, *parameters: Any) -> str:
        """Return the message with which a function refuses a call when it is prepared."""
        with pytest.raises(mysql.connector.Error) as caught:
            self.rows(f"SELECT {expression}", *parameters)
        assert caught.value.errno == CANNOT_INITIALIZE, caught.value
        return str(caught.value.msg)

    def status(self) -> dict[str, Any]:
        """Return gman_status() as an object."""
        status: dict[str, Any] = json.loads(self.value("gman_status()"))
        return status

    def serve(self, address: str, function: str) -> None:
        """Let one function's jobs go to the job servers of `address`."""
        assert self.value("gman_servers_set(%s, %s)", address, function) == address.encode()

    def numbers(self, count: int) -> str:
        """Make the table `numbers` with n = 1 … count; return its name."""
        self.run("DROP TABLE IF EXISTS numbers", "CREATE TABLE numbers (n INT PRIMARY KEY)")
        self.run("INSERT INTO numbers VALUES (1)")
        have = 1
        while have < count:
            self.run(
                f"INSERT INTO numbers SELECT n + {have} FROM numbers WHERE n + {have} <= {count}"
            )
            have *= 2
        return "numbers"

    @contextlib.contextmanager
    def another(self) -> Iterator[Sql]:
        """Give a second connection, in the same schema."""
        connection = self.server.connect(database=self.database)
        with contextlib.closing(connection):
            yield Sql(self.server, connection)


def _bytes(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytearray) else value
