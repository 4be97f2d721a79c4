"""gman_version: microseconds that only rise."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from functions.sql import Sql, at_once

pytestmark = pytest.mark.matrix


def test_a_version_is_the_time_in_microseconds(sql: Sql) -> None:
    before = time.time_ns() // 1000
    version = sql.value("gman_version()")
    assert before <= version <= time.time_ns() // 1000 + 1_000_000
    assert version < 2**53


def test_versions_rise_from_row_to_row(sql: Sql) -> None:
    rows = sql.rows(f"SELECT gman_version() FROM {sql.numbers(10000)}")
    versions = [version for (version,) in rows]
    assert all(first < second for first, second in pairwise(versions))


def test_versions_rise_in_a_trigger_and_within_one_row(sql: Sql) -> None:
    sql.run(
        "CREATE TABLE t (id INT PRIMARY KEY, first BIGINT, second BIGINT)",
        "CREATE TRIGGER t_bi BEFORE INSERT ON t FOR EACH ROW"
        " SET NEW.first = gman_version(), NEW.second = gman_version()",
        f"INSERT INTO t (id) SELECT n FROM {sql.numbers(1000)} ORDER BY n",
    )
    versions = [
        version for row in sql.rows("SELECT first, second FROM t ORDER BY id") for version in row
    ]
    assert all(first < second for first, second in pairwise(versions))


def test_versions_of_several_connections_are_all_different_and_each_rises(sql: Sql) -> None:
    numbers = sql.numbers(5000)

    def take() -> list[int]:
        with sql.another() as own:
            return [version for (version,) in own.rows(f"SELECT gman_version() FROM {numbers}")]

    versions = at_once([take] * 8)
    for own in versions:
        assert own == sorted(own)
    assert len({version for own in versions for version in own}) == 8 * 5000


def test_a_version_taken_after_another_is_greater_whichever_connection_takes_it(sql: Sql) -> None:
    with sql.another() as other:
        versions = [(one.value("gman_version()")) for _ in range(200) for one in (sql, other)]
    assert all(first < second for first, second in pairwise(versions))
