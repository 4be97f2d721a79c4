"""The job server absent, unreachable, frozen, killed or restarted: writers go on, calls recover."""

from __future__ import annotations

import time

import pytest
from servers import Gearmand
from servers.sockets import free_port

from functions.answering import Answering
from functions.hostile import UnreachablePort
from functions.sql import Sql, eventually

pytestmark = pytest.mark.matrix

ROWS = 10_000
MOST = 20.0  # seconds for ROWS updates; with a timeout for each they would take an hour


@pytest.fixture
def table(sql: Sql, function: str) -> str:
    """A table whose trigger submits every update and keeps the answer in `ret`."""
    sql.run(
        "CREATE TABLE t (id INT PRIMARY KEY, volume INT NOT NULL, ret VARCHAR(100))",
        f"INSERT INTO t SELECT n, 0, NULL FROM {sql.numbers(ROWS)}",
        "CREATE TRIGGER t_bu BEFORE UPDATE ON t FOR EACH ROW SET NEW.ret ="
        f" gman_do_background('{function}', udf_json_object(NEW.id AS id, NEW.volume AS volume))",
    )
    return "t"


def update_all(sql: Sql, table: str) -> int:
    """Update every row; return how many jobs were acknowledged."""
    start = time.monotonic()
    sql.run(f"UPDATE {table} SET volume = volume + 1")
    assert time.monotonic() - start < MOST
    assert sql.value(f"COUNT(*) FROM {table} WHERE volume > 0") == ROWS
    return int(sql.value(f"COUNT(ret) FROM {table}"))


def test_an_absent_job_server_costs_an_update_little_and_no_error(
    sql: Sql, table: str, function: str
) -> None:
    sql.serve(f"127.0.0.1:{free_port()}", function)
    before = sql.status()["failed"]
    assert update_all(sql, table) == 0
    assert sql.status()["failed"] == before + ROWS


def test_an_unreachable_job_server_costs_an_update_little_and_no_error(
    sql: Sql, table: str, function: str
) -> None:
    with UnreachablePort() as port:
        sql.serve(port.address, function)
        assert update_all(sql, table) == 0
        [server] = [one for one in sql.status()["servers"] if one.get("function") == function]
        assert server["state"] == "down"


def test_a_frozen_job_server_costs_an_update_little_and_calls_recover_when_it_thaws(
    sql: Sql, table: str, function: str, gearmand: Gearmand
) -> None:
    sql.serve(gearmand.address, function)
    assert sql.value("gman_do_background(%s, 'a kept connection')", function)
    gearmand.freeze()
    assert update_all(sql, table) == 0
    gearmand.thaw()
    eventually(lambda: sql.value("gman_do_background(%s, 'thawed')", function), "a recovery")
    assert update_all(sql, table) == ROWS


def test_calls_recover_by_themselves_when_a_job_server_comes_back(
    sql: Sql, function: str, gearmand: Gearmand
) -> None:
    sql.serve(gearmand.address, function)
    assert sql.value("gman_do_background(%s, '1')", function)
    gearmand.kill()
    assert sql.value("gman_do_background(%s, '2')", function) is None
    gearmand.restart()
    eventually(lambda: sql.value("gman_do_background(%s, '3')", function), "a recovery")
    [server] = [one for one in sql.status()["servers"] if one.get("function") == function]
    assert server["state"] == "up"


@pytest.mark.parametrize("name", ["gman_do", "gman_do_background"])
def test_a_restart_between_two_calls_is_not_noticed(
    sql: Sql, function: str, gearmand: Gearmand, name: str
) -> None:
    sql.serve(gearmand.address, function)
    for _ in range(3):
        with Answering(gearmand.address, {function: lambda workload: workload}):
            assert sql.value(f"{name}(%s, 'x')", function)
        gearmand.restart()


def test_a_job_server_killed_in_the_middle_of_a_statement_fails_over_within_it(
    sql: Sql, table: str, function: str, gearmand: Gearmand, shared_gearmand: Gearmand
) -> None:
    sql.serve(f"{gearmand.address},{shared_gearmand.address}", function)
    sql.run(
        "DROP TRIGGER t_bu",
        # The row in the middle tells the test to kill the first job server, and waits for it.
        "CREATE TRIGGER t_bu BEFORE UPDATE ON t FOR EACH ROW SET NEW.ret ="
        f" IF(NEW.id = 500, gman_do('{function}_kill', ''),"
        f" gman_do_background('{function}', NEW.id))",
    )

    def kill(workload: bytes) -> bytes:
        gearmand.kill()
        return b"killed"

    with Answering(shared_gearmand.address, {f"{function}_kill": kill}):
        sql.run("UPDATE t SET volume = 1 WHERE id <= 1000 ORDER BY id")
    assert sql.value("COUNT(ret) FROM t WHERE id <= 1000") == 1000
    assert shared_gearmand.queued(function) == 500


def test_a_refusing_job_server_is_counted_and_the_next_one_takes_the_job(
    sql: Sql, function: str, shared_gearmand: Gearmand
) -> None:
    with Gearmand() as full:
        sql.serve(full.address, function)
        assert sql.value("gman_do_background(%s, '1')", function)
        full.admin(f"maxqueue {function} 1")  # only for a function that is known
        before = sql.status()["failed"]
        assert sql.value("gman_do_background(%s, '2')", function) is None
        assert sql.status()["failed"] == before + 1
        assert "QUEUE" in sql.status()["last_error"].upper()
        sql.serve(f"{full.address},{shared_gearmand.address}", function)
        assert sql.value("gman_do_background(%s, '3')", function)
        assert shared_gearmand.queued(function) == 1


def test_posts_wait_while_the_job_server_is_away_and_arrive_afterwards(
    sql: Sql, function: str, gearmand: Gearmand
) -> None:
    sql.serve(gearmand.address, function)
    assert sql.value("gman_post(%s, 'before')", function) == 1
    eventually(lambda: gearmand.queued(function) == 1, "the first post")
    gearmand.kill()
    assert sql.value(f"SUM(gman_post(%s, n)) FROM {sql.numbers(100)}", function) == 100
    gearmand.restart()
    with Answering(gearmand.address, {function: lambda workload: b""}) as worker:
        workloads = worker.wait_for(100)
    assert {b"%d" % n for n in range(1, 101)} <= set(workloads)


def test_a_foreground_job_whose_job_server_dies_gives_null(
    sql: Sql, function: str, gearmand: Gearmand
) -> None:
    sql.serve(gearmand.address, function)

    def die(workload: bytes) -> bytes:
        gearmand.kill()
        return b""

    with Answering(gearmand.address, {function: die}):
        assert sql.value("gman_do(%s, 'x')", function) is None


def test_a_name_that_does_not_resolve_gives_null_and_says_so(sql: Sql, function: str) -> None:
    sql.serve("no-such-host.invalid", function)
    start = time.monotonic()
    rows = sql.rows(f"SELECT gman_do_background(%s, n) FROM {sql.numbers(1000)}", function)
    assert time.monotonic() - start < MOST
    assert rows == [(None,)] * 1000
    assert "no-such-host.invalid" in sql.status()["last_error"]
