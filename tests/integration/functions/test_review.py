"""Odd but legal uses of the functions, found by reading the code as an enemy would."""

from __future__ import annotations

import pytest
from servers import Gearmand

from functions.answering import Answering
from functions.sql import Sql

pytestmark = pytest.mark.matrix

DIGITS = 0x3132333435363738  # a BIT(64) whose bytes are the text 12345678
INTEGERS = {
    "COALESCE({c}, {c})",
    "IF(1, {c}, NULL)",
    "CASE WHEN 1 THEN {c} END",
    "NULLIF({c}, 1)",
    "(SELECT MAX({c}) FROM t AS other WHERE other.id = t.id)",
    "{c} + 0",
    "{c} | 0",
    "{c} DIV 1",
    "@v := {c}",
    "CAST({c} AS UNSIGNED)",
}


@pytest.mark.parametrize("expression", sorted(INTEGERS))
@pytest.mark.parametrize("value", [DIGITS, 2**63, 2**64 - 1])
def test_unsigned_and_bit_integers_are_exact_in_any_expression(
    sql: Sql, expression: str, value: int
) -> None:
    sql.run("CREATE TABLE t (id INT PRIMARY KEY, b BIT(64), u BIGINT UNSIGNED)")
    sql.run(f"INSERT INTO t VALUES (1, {value}, {value})")
    for column in "bu":
        assert sql.value(f"json_values({expression.format(c=column)}) FROM t") == b"%d" % value


def test_bits_are_exact_through_derived_tables_and_routines(sql: Sql) -> None:
    sql.run("CREATE TABLE t (id INT PRIMARY KEY, b BIT(64), u BIGINT UNSIGNED)")
    sql.run(f"INSERT INTO t VALUES (1, {DIGITS}, {2**64 - 1})")
    sql.run("CREATE FUNCTION bits() RETURNS BIT(64) DETERMINISTIC RETURN 0xFFFFFFFFFFFFFFFF")
    derived = (
        "t",
        "(SELECT * FROM t UNION SELECT * FROM t) AS d",
        "(SELECT * FROM t GROUP BY id) AS d",
    )
    for table in derived:
        assert sql.rows(f"SELECT json_values(b), json_values(u) FROM {table}") == [
            (b"%d" % DIGITS, b"%d" % (2**64 - 1))
        ]
    assert sql.value("json_values(bits())") == b"%d" % (2**64 - 1)


def test_a_group_whose_statement_is_slow_after_its_last_row_has_its_sum(
    hasty_sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    # ack_timeout_ms of this server is 200: the time passes in the server, the answers are there.
    with Answering(shared_gearmand.address, {function: lambda workload: workload}):
        rows = hasty_sql.rows(
            "SELECT gman_sum(%s, n) FROM (SELECT 7 AS n UNION ALL SELECT 8) AS d"
            " WHERE n = 7 OR SLEEP(0.6) = 1",
            function,
        )
    assert rows == [(7,)]


def test_each_level_of_a_rollup_has_its_own_sum(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    numbers = sql.numbers(4)
    with Answering(shared_gearmand.address, {function: lambda workload: workload}):
        rows = sql.rows(
            f"SELECT n > 2, n, gman_sum(%s, n) FROM {numbers} GROUP BY n > 2, n WITH ROLLUP",
            function,
        )
    levels = {(n_is_large, n): total for n_is_large, n, total in rows}
    assert levels == {
        (0, 1): 1,
        (0, 2): 2,
        (0, None): 3,
        (1, 3): 3,
        (1, 4): 4,
        (1, None): 7,
        (None, None): 10,
    }


def test_a_sum_may_stand_twice_in_a_statement_and_be_sorted_by(
    sql: Sql, shared_gearmand: Gearmand, function: str
) -> None:
    numbers = sql.numbers(6)
    with Answering(shared_gearmand.address, {function: lambda workload: workload}):
        rows = sql.rows(
            f"SELECT MOD(n, 2), gman_sum(%s, n) AS s, gman_sum(%s, n * 10) FROM {numbers}"
            " GROUP BY MOD(n, 2) HAVING s > 0 ORDER BY s DESC",
            function,
            function,
        )
    assert rows == [(0, 12, 120), (1, 9, 90)]
