"""Servers with the functions installed by the file of sql/ that is for them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import SQL_SERVERS, Gearmand, SqlServer
from servers.fixtures import StartSqlServer, start_or_skip

from functions.sql import Sql, install, new_function

StartSql = Callable[..., Sql]


@pytest.fixture(scope="session")
def functions_server(sql_server: SqlServer) -> SqlServer:
    """The shared database server with all functions."""
    install(sql_server)
    return sql_server


@pytest.fixture
def sql(functions_server: SqlServer, shared_gearmand: Gearmand, db: Any) -> Iterator[Sql]:
    """A connection to the shared database server, in a schema of this test alone.

    Functions without a list of their own have the shared job server.
    """
    sql = Sql(functions_server, db)
    sql.value("gman_servers_set(%s)", shared_gearmand.address)
    yield sql
    assert functions_server.alive, functions_server.log_tail()


@pytest.fixture
def function() -> str:
    """The name of a Gearman function that only this test uses."""
    return new_function()


@pytest.fixture
def own_sql(own_sql_server: StartSqlServer) -> Iterator[StartSql]:
    """Return a function that starts a database server of this test alone, functions installed.

    Its arguments are those of own_sql_server; the connection is in the schema `test_own`.
    """
    opened: list[Sql] = []

    def start(*arguments: str, **options: Any) -> Sql:
        server = own_sql_server(*arguments, **options)
        install(server)
        server.execute("CREATE DATABASE test_own DEFAULT CHARACTER SET utf8mb4")
        opened.append(Sql(server, server.connect(database="test_own")))
        return opened[-1]

    yield start
    for sql in opened:
        sql.connection.close()


@pytest.fixture(scope="session")
def hasty_server(
    sql_kind: str, udf_library: Path, shared_gearmand: Gearmand
) -> Iterator[SqlServer]:
    """A second shared database server, whose settings file makes the library give up early."""
    with start_or_skip(SQL_SERVERS[sql_kind]()) as server:
        server.install_library(udf_library)
        server.udf_conf.write_text(
            f"servers = {shared_gearmand.address}\n"
            "ack_timeout_ms = 200\nresult_timeout_ms = 300\nretry_after_ms = 100\n"
        )
        server.restart()
        install(server)
        server.execute("CREATE DATABASE hasty DEFAULT CHARACTER SET utf8mb4")
        yield server


@pytest.fixture
def hasty_sql(hasty_server: SqlServer) -> Iterator[Sql]:
    """A connection to the server whose library gives up early."""
    with contextlib.closing(hasty_server.connect(database="hasty")) as connection:
        yield Sql(hasty_server, connection)
    assert hasty_server.alive, hasty_server.log_tail()
