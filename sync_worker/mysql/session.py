"""Connections to the database server, their sessions set so that all read the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mysql.connector
from mysql.connector import errorcode

from sync_worker import config
from sync_worker.errors import ConfigError, DatabaseUnavailable

from .quoting import text

# A collation that every server of the family knows, whatever its default is.
_COLLATION = "utf8mb4_general_ci"
_CONNECT_SECONDS = 10

# Longer than any batch but one of a single huge row, which is read another way. The server makes
# room for it at each statement: with 256 MiB that takes a millisecond.
GROUP_CONCAT_BYTES = 16 << 20

_SESSION = (
    "SET SESSION time_zone='+00:00', sql_mode='', "
    f"group_concat_max_len={GROUP_CONCAT_BYTES}, lock_wait_timeout=10",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)
_REFUSED = {
    errorcode.ER_ACCESS_DENIED_ERROR: "check mysql.user and mysql.password_file",
    errorcode.ER_DBACCESS_DENIED_ERROR: "check the grants of mysql.user",
}


class Session:
    """One connection, autocommit. Not thread-safe.

    Raises DatabaseUnavailable when the server is away or the connection is lost, ConfigError when
    it refuses the user; what is wrong with a statement is mysql.connector.Error.
    """

    def __init__(self, settings: config.Mysql) -> None:
        self._settings = settings
        self.connection = _connect(settings)
        self._cursor = self.connection.cursor(raw=True)
        for statement in _SESSION:
            self.execute(statement)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement without a result; return the number of rows changed."""
        try:
            self._cursor.execute(statement, tuple(values))
            if self._cursor.with_rows:
                self._cursor.fetchall()
        except mysql.connector.Error as error:
            raise classified(error) from error
        return max(int(self._cursor.rowcount), 0)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query; every value is bytes as the server sent it, or None."""
        try:
            self._cursor.execute(statement, tuple(values))
            return [
                tuple(bytes(v) if v is not None else None for v in row)
                for row in self._cursor.fetchall()
            ]
        except mysql.connector.Error as error:
            raise classified(error) from error

    def row(self, statement: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Run a query of one row."""
        return self.rows(statement, values)[0]

    def prepare(self, handle: str, statement: str) -> None:
        """Prepare a statement, for `prepared`; a question mark stands for each value of it."""
        self.execute(f"PREPARE {handle} FROM {text(statement)}")

    def prepared(self, handle: str, *values: int) -> list[tuple[Any, ...]]:
        """Run a prepared query: `rows` without the time to parse a long statement.

        MariaDB alone takes values here; MySQL wants them set in variables, by a statement more.
        """
        return self.rows(f"EXECUTE {handle} USING {','.join(map(str, values))}")

    def cursor(self) -> Any:
        """A cursor that converts values to Python's types."""
        return self.connection.cursor()

    def close(self) -> None:
        """Close the connection; its locks go with it."""
        try:
            self.connection.close()
        except (mysql.connector.Error, OSError):
            return


def _connect(settings: config.Mysql) -> Any:
    where: dict[str, Any] = {"host": settings.host, "port": settings.port}
    if settings.socket:
        where = {"unix_socket": str(settings.socket)}
    options: dict[str, Any] = {
        "user": settings.user,
        "password": settings.password,
        "autocommit": True,
        "use_pure": True,
        "charset": "utf8mb4",
        "collation": _COLLATION,
        "connection_timeout": _CONNECT_SECONDS,
        "ssl_disabled": not settings.ca_file,
    }
    if settings.ca_file:
        options |= {"ssl_ca": str(settings.ca_file), "ssl_verify_cert": True}
    try:
        return _with_tls_if_needed(where | options)
    except mysql.connector.Error as error:
        raise classified(error) from error


def _with_tls_if_needed(options: dict[str, Any]) -> Any:
    """MySQL 8 and later take a password over TLS alone, and call it denied else; not verified.

    Not the other way round: the TLS of MySQL 5.6 is too old for OpenSSL, and TLS costs time.
    """
    try:
        return mysql.connector.connect(**options)
    except mysql.connector.Error as error:
        denied = options["password"] and error.errno == errorcode.ER_ACCESS_DENIED_ERROR
        if not options["ssl_disabled"] or not (denied or "requires SSL" in str(error)):
            raise
        return mysql.connector.connect(**options | {"ssl_disabled": False})


def classified(error: Any) -> Exception:
    """The error as one of ours, if it is about the server or the user; else as it is."""
    number = error.errno or 0
    if number in _REFUSED:
        return ConfigError(f"the database server refuses this user: {error}; {_REFUSED[number]}")
    lost = 2000 <= number < 3000 or number in _GONE or error.errno in (None, -1)
    if lost and not isinstance(error, mysql.connector.ProgrammingError):
        return DatabaseUnavailable(f"database server: {error}")
    return error  # type: ignore[no-any-return]


_GONE = {
    errorcode.ER_SERVER_SHUTDOWN,
    errorcode.ER_CON_COUNT_ERROR,
    errorcode.ER_QUERY_INTERRUPTED,
    errorcode.ER_LOCK_DEADLOCK,
    errorcode.ER_LOCK_WAIT_TIMEOUT,
    errorcode.ER_NEW_ABORTING_CONNECTION,
    errorcode.ER_NET_READ_ERROR,
    errorcode.ER_NET_WRITE_INTERRUPTED,
    1927,  # MariaDB: connection was killed
}
