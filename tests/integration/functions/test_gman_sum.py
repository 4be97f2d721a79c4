"""gman_sum: one job a row, all of a group at once, and the sum of their results."""

from __future__ import annotations

import pytest
from servers import Gearmand

from functions.answering import Answering
from functions.sql import Sql, new_function

pytestmark = pytest.mark.matrix


def square(workload: bytes) -> bytes:
    return b"%d" % int(workload) ** 2


@pytest.fixture
def groups(sql: Sql) -> str:
    """A table with three groups of rows: g = 1, 2, 3 has the numbers 1 … g * 10."""
    sql.run("CREATE TABLE t (g INT, n INT, PRIMARY KEY (g, n))")
    for g in (1, 2, 3):
        values = ", ".join(f"({g}, {n})" for n in range(1, g * 10 + 1))
        sql.run(f"INSERT INTO t VALUES {values}")
    return "t"


def test_each_group_has_its_own_sum(
    sql: Sql, groups: str, shared_gearmand: Gearmand, function: str
) -> None:
    with Answering(shared_gearmand.address, {function: square}) as worker:
        rows = sql.rows(f"SELECT g, gman_sum(%s, n) FROM {groups} GROUP BY g ORDER BY g", function)
        total = sql.value(f"gman_sum(%s, n) FROM {groups}", function)
    expected = {g: sum(n * n for n in range(1, g * 10 + 1)) for g in (1, 2, 3)}
    assert dict(rows) == expected
    assert total == sum(expected.values())
    assert len(worker.seen) == 120


def test_the_jobs_of_a_group_run_at_the_same_time(
    sql: Sql, groups: str, shared_gearmand: Gearmand, function: str
) -> None:
    # The worker answers none before it holds all thirty: one after the other would never end.
    with Answering(shared_gearmand.address, {function: square}, together=30):
        assert sql.value(f"gman_sum(%s, n) FROM {groups} WHERE g = 3", function) == 9455


def test_thousands_of_rows_are_more_than_one_window(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    with Answering(shared_gearmand.address, {function: lambda workload: workload}):
        total = sql.value(f"gman_sum(%s, n) FROM {sql.numbers(5000)}", function)
    assert total == 5000 * 5001 // 2


def test_no_rows_sum_to_zero(sql: Sql, function: str) -> None:
    assert sql.value(f"gman_sum(%s, n) FROM {sql.numbers(1)} WHERE n > 1", function) == 0


def test_a_sum_that_cannot_be_whole_is_null_and_the_next_group_is_not_touched(
    sql: Sql, groups: str, shared_gearmand: Gearmand
) -> None:
    faults = {b"5": None, b"15": b"fifteen", b"25": b""}
    for fault, answer in faults.items():
        function = new_function()
        handlers = {function: lambda n, fault=fault, answer=answer: answer if n == fault else n}
        with Answering(shared_gearmand.address, handlers):  # type: ignore[arg-type]
            rows = dict(
                sql.rows(f"SELECT g, gman_sum(%s, n) FROM {groups} GROUP BY g ORDER BY g", function)
            )
        hurt = {g for g in (1, 2, 3) if int(fault) <= g * 10}
        assert {g for g, total in rows.items() if total is None} == hurt
        assert all(rows[g] == sum(range(1, g * 10 + 1)) for g in rows if g not in hurt)


@pytest.mark.parametrize(
    ("results", "total"),
    [
        ([b" 7 ", b"-9"], -2),
        ([b"9223372036854775806", b"1"], 2**63 - 1),
        ([b"-9223372036854775807", b"-1"], -(2**63)),
        ([b"9223372036854775807", b"1"], None),
        ([b"9223372036854775808", b"0"], None),
        ([b"1.5", b"1"], None),
    ],
)
def test_results_are_whole_numbers_of_64_bits(
    sql: Sql,
    shared_gearmand: Gearmand,
    function: str,
    results: list[bytes],
    total: int | None,
) -> None:
    answers = {b"1": results[0], b"2": results[1]}
    with Answering(shared_gearmand.address, {function: answers.__getitem__}):
        assert sql.value(f"gman_sum(%s, n) FROM {sql.numbers(2)}", function) == total


def test_the_function_may_change_from_row_to_row(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    handlers = {f"{function}_{i}": lambda n, i=i: b"%d" % (int(n) * 10**i) for i in range(3)}
    with Answering(shared_gearmand.address, handlers):  # type: ignore[arg-type]
        total = sql.value(
            f"gman_sum(CONCAT(%s, '_', MOD(n, 3)), n) FROM {sql.numbers(6)}", function
        )
    assert total == (3 + 6) + (1 + 4) * 10 + (2 + 5) * 100
