"""The functions in triggers, which is where they are used."""

from __future__ import annotations

import pytest
from servers import Gearmand

from functions.answering import Answering
from functions.conftest import StartSql
from functions.sql import Sql, at_once, eventually

pytestmark = pytest.mark.matrix


def watch(sql: Sql, function: str) -> None:
    """Make the table t(id, volume) whose triggers submit every change as a bare row."""
    row = "udf_json_object({0}.id AS id, {0}.volume AS volume)"
    sql.run("CREATE TABLE t (id INT PRIMARY KEY, volume INT NOT NULL) ENGINE=InnoDB")
    for event, image in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        sql.run(
            f"CREATE TRIGGER t_{event} AFTER {event} ON t FOR EACH ROW"
            f" SET @ret = gman_do_background('{function}',"
            f" CONCAT('{event} ', {row.format(image)}))"
        )


def change(event: str, number: int, volume: int) -> bytes:
    return b'%s {"id":%d,"volume":%d}' % (event.encode(), number, volume)


def test_every_row_of_a_multi_row_statement_submits_once(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    watch(sql, function)
    sql.run(
        "INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)",
        "UPDATE t SET volume = volume + 1",
        "DELETE FROM t WHERE id > 1",
        "REPLACE INTO t VALUES (1, 99)",
        "INSERT INTO t VALUES (1, 5) ON DUPLICATE KEY UPDATE volume = 6",
    )
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        workloads = worker.wait_for(11)
    assert workloads == [
        *(change("INSERT", n, n * 10) for n in (1, 2, 3)),
        *(change("UPDATE", n, n * 10 + 1) for n in (1, 2, 3)),
        *(change("DELETE", n, n * 10 + 1) for n in (2, 3)),
        *(change("DELETE", 1, 11), change("INSERT", 1, 99)),
        change("UPDATE", 1, 6),
    ]


def test_a_job_leaves_before_the_commit_so_a_rollback_does_not_take_it_back(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    watch(sql, function)
    sql.run("INSERT INTO t VALUES (1, 10)", "START TRANSACTION", "UPDATE t SET volume = 11")
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        assert worker.wait_for(2)[-1] == change("UPDATE", 1, 11)
        sql.run("ROLLBACK")
    assert sql.value("volume FROM t") == 10  # direct delivery: docs/limitations.md


def test_a_null_column_and_an_empty_string_are_told_apart(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    sql.run(
        "CREATE TABLE n (id INT PRIMARY KEY, a VARCHAR(10), b INT, c DOUBLE, d DECIMAL(5,2))",
        "CREATE TRIGGER n_ai AFTER INSERT ON n FOR EACH ROW SET @ret = gman_do_background("
        f"'{function}', udf_json_object(NEW.id, NEW.a, NEW.b AS bee, NEW.`c`, NEW.d))",
        "INSERT INTO n VALUES (1, '', 0, 0, 0), (2, NULL, NULL, NULL, NULL)",
    )
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        first, second = worker.wait_for(2)
    assert first == b'{"id":1,"a":"","bee":0,"c":0,"d":0.00}'
    assert second == b'{"id":2,"a":null,"bee":null,"c":null,"d":null}'


def test_a_doorbell_rings_once_for_many_rows_while_it_waits(
    own_sql: StartSql, gearmand: Gearmand
) -> None:
    sql = own_sql(udf_conf=f"servers = {gearmand.address}\nretry_after_ms = 100\n")
    gearmand.kill()
    sql.run(
        "CREATE TABLE t (id INT PRIMARY KEY, volume INT NOT NULL)",
        "CREATE TRIGGER t_ai AFTER INSERT ON t FOR EACH ROW"
        " SET @ret = gman_post('syncOutbox', '', 'syncOutbox')",
    )
    assert sql.value("gman_do_background('syncOutbox', '')") is None  # it is away
    sql.run(f"INSERT INTO t SELECT n, n FROM {sql.numbers(10000)}")
    status = sql.status()
    assert (status["posted"], status["dropped"]) == (10000, 0)
    assert status["coalesced"] == 10000 - status["queue_length"]
    assert status["queue_length"] <= 2
    gearmand.restart()
    with Answering(gearmand.address, {"syncOutbox": lambda workload: b""}) as worker:
        assert worker.wait_for(1)[0] == b""
        eventually(lambda: sql.status()["queue_length"] == 0, "an empty queue")


def test_sixteen_connections_update_at_once_and_no_job_is_lost_or_mixed_up(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    watch(sql, function)
    numbers = sql.numbers(200)

    def work(connection: int) -> None:
        with sql.another() as own:
            base = connection * 1000
            own.run(f"INSERT INTO t SELECT {base} + n, 0 FROM {numbers}")
            own.run(f"UPDATE t SET volume = id WHERE id BETWEEN {base} AND {base + 999}")

    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        at_once([lambda n=n: work(n) for n in range(1, 17)])
        workloads = worker.wait_for(6400)
    ids = [c * 1000 + n for c in range(1, 17) for n in range(1, 201)]
    expected = [change("INSERT", i, 0) for i in ids] + [change("UPDATE", i, i) for i in ids]
    assert sorted(workloads) == sorted(expected)


def test_sixteen_connections_wait_for_results_at_once_and_get_their_own(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    numbers = sql.numbers(50)

    def work(connection: int) -> list[tuple[bytes]]:
        with sql.another() as own:
            text = f"SELECT gman_do(%s, CONCAT({connection}, ' ', n)) FROM {numbers} ORDER BY n"
            return own.rows(text, function)

    def reverse(workload: bytes) -> bytes:
        return workload[::-1]

    with Answering(shared_gearmand.address, {function: reverse}):
        answers = at_once([lambda n=n: work(n) for n in range(16)])
    for connection, rows in enumerate(answers):
        assert rows == [((b"%d %d" % (connection, n))[::-1],) for n in range(1, 51)]
