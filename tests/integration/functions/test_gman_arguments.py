"""Bad calls: an error when the statement is prepared, where it can be known then; else NULL."""

from __future__ import annotations

from typing import Any

import pytest
from servers import Gearmand

from functions.sql import Sql, eventually

pytestmark = pytest.mark.matrix

JOB_FUNCTIONS = [
    "gman_do",
    "gman_do_high",
    "gman_do_low",
    "gman_do_background",
    "gman_do_high_background",
    "gman_do_low_background",
    "gman_post",
    "gman_sum",
]
BAD_NAMES = {
    "empty": "''",
    "longer than 255 bytes": "REPEAT('f', 256)",
    "with NUL": "x'666f006f'",
}
BAD_UNIQUES = {"of 64 bytes": "REPEAT('u', 64)", "with NUL": "x'75007575'"}


@pytest.mark.parametrize("name", JOB_FUNCTIONS)
@pytest.mark.parametrize("arguments", ["", "'f'", "'f', 'w', 'u', 'x'"])
def test_a_wrong_number_of_arguments_is_an_error_that_names_the_function(
    sql: Sql, name: str, arguments: str
) -> None:
    message = sql.refusal(f"{name}({arguments})")
    assert f"'{name}'" in message
    assert "takes (function, workload [, unique])" in message


@pytest.mark.parametrize("name", ["gman_version", "gman_status", "lib_mysqludf_json_info"])
def test_functions_without_arguments_refuse_one(sql: Sql, name: str) -> None:
    message = sql.refusal(f"{name}(1)")
    assert f"'{name}'" in message
    assert "takes no argument" in message


@pytest.mark.parametrize("name", JOB_FUNCTIONS)
@pytest.mark.parametrize("fault", BAD_NAMES)
def test_a_constant_function_name_that_cannot_be_one_is_an_error(
    sql: Sql, name: str, fault: str
) -> None:
    assert "function name" in sql.refusal(f"{name}({BAD_NAMES[fault]}, 'w')")


@pytest.mark.parametrize("name", JOB_FUNCTIONS)
@pytest.mark.parametrize("fault", BAD_UNIQUES)
def test_a_constant_unique_that_cannot_be_one_is_refused_and_not_cut(
    sql: Sql, name: str, fault: str, function: str, shared_gearmand: Gearmand
) -> None:
    assert "unique" in sql.refusal(f"{name}(%s, 'w', {BAD_UNIQUES[fault]})", function)
    assert shared_gearmand.queued(function) == 0


@pytest.mark.parametrize("name", JOB_FUNCTIONS)
def test_a_null_function_name_is_null_and_counted(sql: Sql, name: str) -> None:
    before = sql.status()["failed"]
    assert sql.value(f"{name}(NULL, 'w')") is None
    status = sql.status()
    assert status["failed"] == before + 1
    assert "function name is NULL" in status["last_error"]
    assert status["last_error_at"] > 1_700_000_000_000_000


@pytest.mark.parametrize("name", [name for name in JOB_FUNCTIONS if name != "gman_sum"])
def test_a_bad_row_is_null_and_counted_and_the_other_rows_go_on(
    sql: Sql, name: str, shared_gearmand: Gearmand, function: str
) -> None:
    sql.run("CREATE TABLE t (n INT PRIMARY KEY, f VARBINARY(300), u VARBINARY(100))")
    rows: list[tuple[bytes | None, bytes | None]] = [
        (function.encode(), b"good"),
        (None, None),
        (b"", None),
        (b"f" * 256, None),
        (b"fo\0o", None),
        (function.encode(), b"u" * 64),
        (function.encode(), b"u\0"),
        (function.encode(), None),
    ]
    for n, row in enumerate(rows):
        sql.rows("INSERT INTO t VALUES (%s, %s, %s)", n, *row)
    before = sql.status()["failed"]
    answering: Any = "background" in name or name == "gman_post"
    if answering:
        values = [value for (value,) in sql.rows(f"SELECT {name}(f, 'w', u) FROM t ORDER BY n")]
        assert [value is not None for value in values] == [True] + [False] * 6 + [True]
        eventually(lambda: shared_gearmand.queued(function) == 2, "two good jobs")
    else:
        values = [
            value
            for (value,) in sql.rows(f"SELECT {name}(f, 'w', u) FROM t WHERE n BETWEEN 1 AND 6")
        ]
        assert values == [None] * 6
    assert sql.status()["failed"] == before + 6


def test_a_number_as_function_name_is_taken_as_its_text(
    sql: Sql, shared_gearmand: Gearmand
) -> None:
    assert sql.value("gman_do_background(4730, 'w', 17)")
    assert shared_gearmand.queued("4730") == 1


@pytest.mark.parametrize("expression", ["gman_servers_set()", "gman_servers_set('a', 'b', 'c')"])
def test_gman_servers_set_with_a_wrong_number_of_arguments_is_an_error(
    sql: Sql, expression: str
) -> None:
    assert "takes (servers [, function])" in sql.refusal(expression)
