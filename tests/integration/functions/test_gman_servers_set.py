"""gman_servers_set and the settings file: where jobs go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers import Gearmand
from servers.sockets import free_port

from functions.answering import Answering
from functions.conftest import StartSql
from functions.sql import Sql, new_function

pytestmark = pytest.mark.matrix


@pytest.fixture(scope="session")
def second_gearmand() -> Iterator[Gearmand]:
    """A job server besides the shared one."""
    with Gearmand() as server:
        yield server


def test_a_list_without_a_function_is_for_all_functions_that_have_none(
    sql: Sql, shared_gearmand: Gearmand, second_gearmand: Gearmand, function: str
) -> None:
    assert sql.value("gman_servers_set(%s)", second_gearmand.address)
    try:
        assert sql.value("gman_do_background(%s, '')", function)
        assert second_gearmand.queued(function) == 1
    finally:
        back = sql.value("gman_servers_set(%s)", shared_gearmand.address)
    assert back == shared_gearmand.address.encode()
    assert sql.value("gman_do_background(%s, '')", function)
    assert shared_gearmand.queued(function) == 1


def test_a_function_that_varies_by_row_goes_to_its_own_job_servers(
    sql: Sql, shared_gearmand: Gearmand, second_gearmand: Gearmand, function: str
) -> None:
    other = new_function()
    sql.serve(second_gearmand.address, other)
    first_worker = Answering(shared_gearmand.address, {function: lambda w: b"1" + w})
    second_worker = Answering(second_gearmand.address, {other: lambda w: b"2" + w})
    with first_worker, second_worker:
        rows = sql.rows(
            f"SELECT gman_do(IF(MOD(n, 2), %s, %s), n) FROM {sql.numbers(6)} ORDER BY n",
            function,
            other,
        )
        total = sql.value("gman_sum(IF(MOD(n, 2), %s, %s), n) FROM numbers", function, other)
    assert rows == [(b"11",), (b"22",), (b"13",), (b"24",), (b"15",), (b"26",)]
    assert total == 11 + 22 + 13 + 24 + 15 + 26
    assert len(first_worker.seen) == 6
    assert len(second_worker.seen) == 6


def test_a_second_connection_uses_the_list_that_the_first_has_set(
    sql: Sql, second_gearmand: Gearmand, function: str
) -> None:
    sql.serve(second_gearmand.address, function)
    with sql.another() as other:
        assert other.value("gman_do_background(%s, '')", function)
    assert second_gearmand.queued(function) == 1


@pytest.mark.parametrize("name", ["gman_do", "gman_do_background"])
def test_a_dead_first_job_server_is_passed_over(
    sql: Sql, second_gearmand: Gearmand, function: str, name: str
) -> None:
    dead = f"127.0.0.1:{free_port()}"
    sql.serve(f"{dead},{second_gearmand.address}", function)
    with Answering(second_gearmand.address, {function: lambda workload: workload}) as worker:
        for n in range(5):
            assert sql.value(f"{name}(%s, %s)", function, n) is not None
        assert worker.wait_for(5) == [b"%d" % n for n in range(5)]
    states = {
        server["address"]: server["state"]
        for server in sql.status()["servers"]
        if server.get("function") == function
    }
    assert states == {dead: "down", second_gearmand.address: "up"}


@pytest.mark.parametrize(
    "servers",
    [
        "localhost",
        "localhost:4731",
        "127.0.0.1",
        "[::1]:4730",
        " 10.0.0.1 , 10.0.0.2:1 ",
        "a.example,b.example:65535",
        ",".join(f"10.1.0.{n}:4730" for n in range(32)),
    ],
)
def test_a_list_is_returned_as_it_was_given(sql: Sql, function: str, servers: str) -> None:
    assert sql.value("gman_servers_set(%s, %s)", servers, function) == servers.encode()


@pytest.mark.parametrize(
    "servers",
    [
        *("", ",", "a,", ":4730", "a:0", "a:65536", "a:port", "a b", "[::1", "::1", "a\0b", "a,,b"),
        ",".join(["a"] * 33),
    ],
)
def test_a_list_that_is_none_is_an_error_and_changes_nothing(
    sql: Sql, shared_gearmand: Gearmand, function: str, servers: str
) -> None:
    sql.serve(shared_gearmand.address, function)
    assert "gman_servers_set" in sql.refusal("gman_servers_set(%s, %s)", servers, function)
    assert "gman_servers_set" in sql.refusal("gman_servers_set(%s)", servers)
    assert sql.value("gman_do_background(%s, '')", function)


@pytest.mark.parametrize("function_name", ["''", "REPEAT('f', 256)", "x'660066'"])
def test_a_function_name_that_cannot_be_one_is_an_error(sql: Sql, function_name: str) -> None:
    assert "gman_servers_set" in sql.refusal(f"gman_servers_set('localhost', {function_name})")


def test_a_bad_list_in_a_row_is_null_and_counted(sql: Sql, function: str) -> None:
    sql.run("CREATE TABLE t (servers VARCHAR(50), f VARCHAR(50))")
    for row in [("a:0", function), (None, function), ("localhost", None), ("localhost", "")]:
        sql.rows("INSERT INTO t VALUES (%s, %s)", *row)
    before = sql.status()["failed"]
    assert sql.rows("SELECT gman_servers_set(servers, f) FROM t") == [(None,)] * 4
    assert sql.value("gman_servers_set(NULL)") is None
    status = sql.status()
    assert status["failed"] == before + 5
    assert "gman_servers_set: the list is NULL" in status["last_error"]
    assert not any(server.get("function") == function for server in status["servers"])


def test_the_settings_file_survives_a_restart_and_locks_the_list(
    own_sql: StartSql, shared_gearmand: Gearmand, second_gearmand: Gearmand, function: str
) -> None:
    other = new_function()
    sql = own_sql(
        udf_conf="# where jobs go\n"
        f"servers = {shared_gearmand.address}\n"
        f"servers.{other} = {second_gearmand.address}\n"
        "connect_timeout_ms = 150\n"
        "nonsense = 1\n"
        "locked = yes\n"
    )

    def check(sql: Sql) -> None:
        message = sql.refusal("gman_servers_set(%s)", second_gearmand.address)
        assert "locked = yes" in message
        assert sql.value("gman_do_background(%s, '')", function)
        assert sql.value("gman_do_background(%s, '')", other)
        status = sql.status()
        assert status["settings"]["locked"] is True
        assert status["settings"]["connect_timeout_ms"] == 150

    status = sql.status()
    assert "line 5 is ignored (nonsense = 1)" in status["last_error"]
    assert str(sql.server.udf_conf) in status["last_error"]
    check(sql)
    sql.connection.close()
    sql.server.restart()
    sql.connection = sql.server.connect(database="test_own")
    check(sql)
    assert shared_gearmand.queued(function) == 2
    assert second_gearmand.queued(other) == 2


def test_a_list_set_by_sql_is_forgotten_at_a_restart(
    own_sql: StartSql, shared_gearmand: Gearmand
) -> None:
    sql = own_sql(udf_conf="servers = 127.0.0.1:1\n")
    sql.value("gman_servers_set(%s)", shared_gearmand.address)
    assert [server["address"] for server in sql.status()["servers"]] == [shared_gearmand.address]
    sql.connection.close()
    sql.server.restart()
    sql.connection = sql.server.connect()
    assert [server["address"] for server in sql.status()["servers"]] == ["127.0.0.1:1"]
