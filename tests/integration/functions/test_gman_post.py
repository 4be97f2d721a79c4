"""gman_post: a job left with the background sender."""

from __future__ import annotations

import pytest
from servers import Gearmand
from servers.sockets import free_port

from functions.answering import Answering
from functions.conftest import StartSql
from functions.sql import Sql, eventually

pytestmark = pytest.mark.matrix


def test_a_posted_job_arrives_with_its_bytes(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    assert sql.value("gman_post(%s, x'00ff0a')", function) == 1
    assert sql.value("gman_post(%s, NULL, 'a unique')", function) == 1
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        assert worker.wait_for(2) == [b"\x00\xff\n", b""]


def test_thousands_of_posts_arrive_in_order_and_once(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    before = sql.status()
    sent = sql.value(f"SUM(gman_post(%s, n)) FROM {sql.numbers(20000)}", function)
    assert sent == 20000
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        workloads = worker.wait_for(20000)
    assert sorted(map(int, workloads)) == list(range(1, 20001))
    status = sql.status()
    assert status["posted"] - before["posted"] == 20000
    assert status["dropped"] == before["dropped"]
    eventually(lambda: sql.status()["sent"] - before["sent"] == 20000, "all posts acknowledged")
    eventually(lambda: sql.status()["queue_length"] == 0, "an empty queue")


def test_a_post_of_16_mib_is_more_than_the_queue_takes_and_is_dropped(
    sql: Sql, function: str
) -> None:
    before = sql.status()["dropped"]
    assert sql.value("gman_post(%s, REPEAT('x', 33554432))", function) == 0
    assert sql.status()["dropped"] == before + 1


def test_equal_posts_that_wait_count_as_one(
    own_sql: StartSql, gearmand: Gearmand, function: str
) -> None:
    sql = own_sql(udf_conf=f"servers = 127.0.0.1:{free_port()}\nretry_after_ms = 100\n")
    numbers = sql.numbers(1000)
    posted = sql.rows(f"SELECT gman_post(%s, n, MOD(n, 10)) FROM {numbers} ORDER BY n", function)
    assert posted == [(1,)] * 1000
    assert sql.value("gman_post(%s, 'without unique')", function) == 1
    assert sql.value("gman_post(%s, 'without unique')", function) == 1
    other = f"{function}_other"
    assert sql.value("gman_post(%s, 'another function', 1)", other) == 1
    status = sql.status()
    assert (status["posted"], status["coalesced"], status["dropped"]) == (1003, 990, 0)
    assert status["queue_length"] == 13
    sql.value("gman_servers_set(%s)", gearmand.address)
    handlers = dict.fromkeys((function, other), lambda workload: b"")
    with Answering(gearmand.address, handlers) as worker:
        workloads = worker.wait_for(13)
    # The one that waits is the one that is sent.
    expected = [b"%d" % n for n in range(1, 11)] + [b"without unique"] * 2 + [b"another function"]
    assert sorted(workloads) == sorted(expected)
    eventually(lambda: sql.status()["queue_length"] == 0, "an empty queue")


def test_a_full_queue_drops_and_says_so_and_sends_the_rest_later(
    own_sql: StartSql, gearmand: Gearmand, function: str
) -> None:
    sql = own_sql(
        udf_conf=f"servers = {gearmand.address}\nqueue_bytes = 65536\nretry_after_ms = 100\n"
        "ack_timeout_ms = 200\n"
    )
    gearmand.freeze()
    rows = sql.rows(f"SELECT gman_post(%s, REPEAT('x', 1000)) FROM {sql.numbers(500)}", function)
    queued = rows.count((1,))
    assert rows.count((0,)) == 500 - queued
    assert 30 < queued < 500
    status = sql.status()
    assert (status["posted"], status["dropped"]) == (queued, 500 - queued)
    gearmand.thaw()
    eventually(lambda: sql.status()["queue_length"] == 0, "an empty queue")
    # At least once: what was sent and not answered before the freeze ended is sent again.
    assert gearmand.queued(function) >= queued
    assert sql.value("gman_post(%s, '')", function) == 1
