"""gman_do_background and its priorities: the job server has the job before a call returns."""

from __future__ import annotations

import re

import pytest
from servers import Gearmand

from functions.answering import Answering
from functions.sql import Sql

pytestmark = pytest.mark.matrix

BACKGROUND = ["gman_do_background", "gman_do_high_background", "gman_do_low_background"]
HANDLE = re.compile(rb"H:.+:\d+")


@pytest.mark.parametrize("name", BACKGROUND)
def test_a_call_returns_the_handle_once_the_job_server_has_the_job(
    sql: Sql, shared_gearmand: Gearmand, function: str, name: str
) -> None:
    assert HANDLE.fullmatch(sql.value(f"{name}(%s, 'work')", function))
    assert HANDLE.fullmatch(sql.value(f"{name}(%s, 'more', 'a unique')", function))
    assert shared_gearmand.queued(function) == 2
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        assert worker.wait_for(2) == [b"work", b"more"]


def test_high_goes_before_normal_and_normal_before_low(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    sql.value("gman_do_low_background(%s, 'low')", function)
    sql.value("gman_do_background(%s, 'normal')", function)
    sql.value("gman_do_high_background(%s, 'high')", function)
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        assert worker.wait_for(3) == [b"high", b"normal", b"low"]


def test_every_row_of_a_statement_submits_its_job_in_order(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    handles = sql.rows(
        f"SELECT gman_do_background(%s, n) FROM {sql.numbers(500)} ORDER BY n", function
    )
    assert len(set(handles)) == 500
    assert None not in {handle for (handle,) in handles}
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        assert worker.wait_for(500) == [b"%d" % n for n in range(1, 501)]


def test_an_empty_and_a_null_workload_are_an_empty_job(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    assert sql.value("gman_do_background(%s, '')", function)
    assert sql.value("gman_do_background(%s, NULL)", function)
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        assert worker.wait_for(2) == [b"", b""]


def test_16_mib_with_nul_bytes_are_taken_as_they_are(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    assert sql.value("gman_do_background(%s, REPEAT(x'00ff0a09', 4194304))", function)
    with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
        [workload] = worker.wait_for(1)
    assert workload == b"\x00\xff\n\t" * 4194304


def test_a_unique_of_63_bytes_counts_equal_jobs_as_one(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    unique = "u" * 63
    first = sql.value("gman_do_background(%s, 'first', %s)", function, unique)
    second = sql.value("gman_do_background(%s, 'second', %s)", function, unique)
    other = sql.value("gman_do_background(%s, 'third', %s)", function, unique[1:] + "v")
    assert first == second != other
    assert shared_gearmand.queued(function) == 2


def test_a_function_name_of_255_bytes_is_good(sql: Sql, shared_gearmand: Gearmand) -> None:
    longest = "f" * 255
    with Answering(shared_gearmand.address, {longest: lambda workload: workload}):
        assert sql.value("gman_do(%s, 'x')", longest) == b"x"
