"""gman_do, gman_do_high and gman_do_low: a job's result in SQL."""

from __future__ import annotations

import threading

import pytest
from servers import Gearmand

from functions.answering import Answering
from functions.conftest import StartSql
from functions.sql import Sql
from sync_worker.gearman import Worker

pytestmark = pytest.mark.matrix

FOREGROUND = ["gman_do", "gman_do_high", "gman_do_low"]
MIB = 1 << 20


def reverse(workload: bytes) -> bytes:
    return workload[::-1]


@pytest.mark.parametrize("name", FOREGROUND)
def test_a_call_returns_the_result_of_the_worker(
    sql: Sql, shared_gearmand: Gearmand, function: str, name: str
) -> None:
    with Answering(shared_gearmand.address, {function: reverse}) as worker:
        assert sql.value(f"{name}(%s, 'abc')", function) == b"cba"
        assert sql.value(f"{name}(%s, 'abcd', 'a unique')", function) == b"dcba"
    assert worker.workloads == [b"abc", b"abcd"]


def test_numbers_and_every_other_type_of_workload_arrive_as_text(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    expressions = ["17", "-1.50", "2.5e0", "DATE '2026-01-02'", "x'00ff'", "'zwölf'", "NULL", "''"]
    with Answering(shared_gearmand.address, {function: lambda workload: b"<" + workload + b">"}):
        answers = [sql.value(f"gman_do(%s, {text})", function) for text in expressions]
    expected = [b"17", b"-1.50", b"2.5", b"2026-01-02", b"\x00\xff", "zwölf".encode(), b"", b""]
    assert answers == [b"<" + text + b">" for text in expected]


def test_function_workload_and_unique_may_change_from_row_to_row(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    other = f"{function}_other"
    handlers = {function: reverse, other: bytes.upper}
    sql.run("CREATE TABLE t (n INT PRIMARY KEY, f VARCHAR(50), w VARCHAR(50), u VARCHAR(50))")
    for row in [(1, function, "ab", "u1"), (2, other, "cd", None), (3, function, None, "u3")]:
        sql.rows("INSERT INTO t VALUES (%s, %s, %s, %s)", *row)
    with Answering(shared_gearmand.address, handlers) as worker:
        rows = sql.rows("SELECT n, gman_do(f, w, u) FROM t ORDER BY n")
        constant = sql.rows("SELECT gman_do(%s, 'xy') FROM t", function)
    assert rows == [(1, b"ba"), (2, b"CD"), (3, None)]
    assert constant == [(b"yx",)] * 3
    # A call whose arguments are all constant is no constant itself: three rows, three jobs.
    assert worker.workloads.count(b"xy") == 3


def test_an_empty_result_and_a_failed_job_are_null_and_the_next_row_is_tried(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    answers = {b"1": b"one", b"2": None, b"3": b"", b"4": b"four"}
    before = sql.status()["failed"]
    with Answering(shared_gearmand.address, {function: answers.__getitem__}):
        rows = sql.rows(f"SELECT gman_do(%s, n) FROM {sql.numbers(4)} ORDER BY n", function)
    assert rows == [(b"one",), (None,), (None,), (b"four",)]
    assert sql.status()["failed"] == before + 1


def test_16_mib_with_nul_bytes_pass_both_ways(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    piece = bytes(range(256))
    half = piece * (16 * MIB // len(piece))
    with Answering(shared_gearmand.address, {function: lambda workload: workload}):
        [(length, same)] = sql.rows(
            "SELECT LENGTH(r), r = w FROM (SELECT w, gman_do(%s, w) AS r FROM"
            " (SELECT REPEAT(x'" + piece.hex() + "', 65536) AS w) AS a) AS b",
            function,
        )
    assert (length, same) == (len(half), 1)


def test_a_result_in_pieces_is_put_together(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    worker = Worker([shared_gearmand.address], [function])
    with sql.another() as asking:
        answers: list[object] = []
        thread = threading.Thread(
            target=lambda: answers.append(asking.value("gman_do(%s, '')", function))
        )
        thread.start()
        [job] = worker.jobs(20.0)
        worker.data(job, b"first ")
        worker.data(job, b"\x00second ")
        worker.complete([job], b"last")
        worker.flush(5.0)
        thread.join(20)
    worker.close()
    assert answers == [b"first \x00second last"]


def test_a_worker_that_does_not_answer_in_time_gives_null(
    own_sql: StartSql, gearmand: Gearmand, function: str
) -> None:
    sql = own_sql(udf_conf=f"servers = {gearmand.address}\nresult_timeout_ms = 300\n")
    assert sql.value("gman_do(%s, 'nobody takes this')", function) is None
    assert "300" in sql.status()["last_error"] or "tim" in sql.status()["last_error"]
    with Answering(gearmand.address, {function: reverse}):
        assert sql.value("gman_do(%s, 'abc')", function) == b"cba"
