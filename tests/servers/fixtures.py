"""Pytest fixtures that give real servers.

A test marked ``matrix`` runs on every server named in SYNC_TEST_SERVERS, other tests that need a
database on the first one named only. A server that is not on this machine is a skip, and a failure
when CI=true.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis

from servers import SQL_SERVERS, Gearmand, RedisServer, Server, ServerMissing, SqlServer, docker
from servers.paths import LIBRARY
from servers.redisjson import redisjson_module

S = TypeVar("S", bound=Server)
StartSqlServer = Callable[..., SqlServer]


def chosen_servers() -> list[str]:
    """Return the kinds of database server to test on, from SYNC_TEST_SERVERS."""
    names = os.environ.get("SYNC_TEST_SERVERS", "mariadb").replace(",", " ").split()
    unknown = [name for name in names if name not in SQL_SERVERS]
    if unknown or not names:
        known = ", ".join(SQL_SERVERS)
        raise pytest.UsageError(f"SYNC_TEST_SERVERS names {unknown}; known are: {known}")
    return names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run matrix tests on every chosen server and other tests on the first one."""
    if "sql_kind" in metafunc.fixturenames:
        names = chosen_servers()
        if metafunc.definition.get_closest_marker("matrix") is None:
            names = names[:1]
        metafunc.parametrize("sql_kind", names, indirect=True, scope="session")


def start_or_skip(server: S) -> S:
    """Start a server; one whose program is missing is a skip, in CI a failure."""
    try:
        return server.start()
    except ServerMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


def library_path() -> Path:
    """Return the loadable functions under test: GMAN_UDF_SO, or as setup.py leaves them."""
    path = Path(os.environ.get("GMAN_UDF_SO") or LIBRARY)
    if not path.exists():
        hint = "Try: make build (or set GMAN_UDF_SO)"
        pytest.fail(f"the loadable functions are not built: {path} is missing. {hint}", False)
    return path


@pytest.fixture
def gearmand() -> Iterator[Gearmand]:
    """A job server of this test alone, with an empty queue."""
    with start_or_skip(Gearmand()) as server:
        yield server


@pytest.fixture(scope="session")
def shared_gearmand() -> Iterator[Gearmand]:
    """A job server for all tests that use function names of their own."""
    with start_or_skip(Gearmand()) as server:
        yield server


@pytest.fixture(scope="session")
def _session_redis() -> Iterator[RedisServer]:
    with start_or_skip(RedisServer()) as server:
        yield server


@pytest.fixture
def redis_server(_session_redis: RedisServer) -> RedisServer:
    """A Redis shared by all tests, empty at the start of each. Do not stop it: see own_redis."""
    with contextlib.closing(_session_redis.client()) as client:
        client.flushall()
        client.config_resetstat()
    return _session_redis


@pytest.fixture(scope="session")
def _session_documents_redis(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RedisServer]:
    module = redisjson_module(tmp_path_factory.mktemp("redisjson"))
    with start_or_skip(RedisServer("--loadmodule", str(module))) as server:
        yield server


@pytest.fixture
def documents_redis(_session_documents_redis: RedisServer) -> RedisServer:
    """A Redis shared by all tests that has RedisJSON's commands, empty at the start of each."""
    with contextlib.closing(_session_documents_redis.client()) as client:
        client.flushall()
    return _session_documents_redis


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the shared, empty Redis."""
    with redis_server.client() as client:
        yield client


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis of this test alone, to kill, freeze or restart; its file is written at once."""
    arguments = ("--appendonly", "yes", "--appendfsync", "always")
    with start_or_skip(RedisServer(*arguments)) as server:
        yield server


@pytest.fixture(scope="session")
def udf_library() -> Path:
    """The path of the built loadable functions."""
    return library_path()


@pytest.fixture(scope="session")
def sql_kind(request: pytest.FixtureRequest) -> str:
    """The kind of database server that a test runs on: mariadb, mysql97 or mysql56."""
    return str(request.param)


@pytest.fixture(scope="session")
def sql_server(
    sql_kind: str, udf_library: Path, request: pytest.FixtureRequest
) -> Iterator[SqlServer]:
    """A database server for all tests, with the library's files in its plugin directory.

    No function is created. Do not stop it: see own_sql_server. With SYNC_TEST_DOCKER=1 it runs in a
    container and has the library of its image.
    """
    if docker.wanted():
        yield request.getfixturevalue("containers")[sql_kind].start()
        return
    with start_or_skip(SQL_SERVERS[sql_kind]()) as server:
        server.install_library(udf_library)
        yield server


@pytest.fixture
def own_sql_server(sql_kind: str, udf_library: Path) -> Iterator[StartSqlServer]:
    """Return a function that starts a database server of this test alone.

    Its arguments are those of SqlServer: ``own_sql_server("--max-connections=5", flush=1)``;
    udf_conf="…" gives the text of the file that GMAN_UDF_CONF names.
    """
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, udf_conf: str = "", **options: Any) -> SqlServer:
            server = SQL_SERVERS[sql_kind](*arguments, **options)
            stack.callback(server.close)
            server.install_library(udf_library)
            server.udf_conf.write_text(udf_conf)
            return start_or_skip(server)

        yield start


@pytest.fixture
def db(sql_server: SqlServer) -> Iterator[Any]:
    """A root connection, autocommit, in a schema of this test alone (connection.database)."""
    schema = f"test_{uuid.uuid4().hex[:12]}"
    connection = sql_server.connect()
    with contextlib.closing(connection):
        connection.cmd_query(f"CREATE DATABASE {schema} DEFAULT CHARACTER SET utf8mb4")
        connection.cmd_query(f"USE {schema}")
        yield connection
    sql_server.execute(f"DROP DATABASE {schema}")
