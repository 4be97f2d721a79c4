"""What is read of a live schema, and which tables are refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from sync_worker.errors import ConfigError
from sync_worker.mysql.schema import list_tables, read_server, read_table

pytestmark = pytest.mark.matrix


@pytest.fixture
def cursor(db: Any) -> Iterator[Any]:
    with contextlib.closing(db.cursor()) as cursor:
        yield cursor


def test_the_server_is_known(cursor: Any, sql_kind: str) -> None:
    server = read_server(cursor)
    assert server.kind == ("mariadb" if sql_kind == "mariadb" else "mysql")
    assert server.has_json is (sql_kind != "mysql56")
    assert server.checks_utf8 is (sql_kind == "mysql97")
    assert server.keeps_auto_increment is (sql_kind != "mysql56")


def test_columns_and_keys_are_read_in_order(db: Any, cursor: Any) -> None:
    cursor.execute(
        "CREATE TABLE t (b VARCHAR(9) CHARACTER SET latin1, a INT UNSIGNED, n INT, u INT NOT NULL,"
        " UNIQUE KEY one (u, a), UNIQUE KEY two (n), KEY three (u), PRIMARY KEY (a, b(3)))"
    )
    table = read_table(cursor, db.database, "t")
    assert [c.name for c in table.columns] == ["b", "a", "n", "u"]
    assert table.primary_key == ("a", "b"), "a key over part of a column is over that column"
    assert table.unique_keys == (("u", "a"),), "a nullable column does not make rows unique"
    assert [c.nullable for c in table.columns] == [False, False, True, False]
    column = table.column("B")
    assert column and (column.charset, column.type) == ("latin1", "varchar")
    assert (db.database, "t") in list_tables(cursor)


def test_a_key_over_an_expression_is_not_taken_for_one_over_its_columns(
    db: Any, cursor: Any, sql_kind: str
) -> None:
    if sql_kind != "mysql97":  # only it has them
        cursor.execute("DO 1")
        return
    cursor.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, b INT NOT NULL, UNIQUE (a, (b + 1)))"
    )
    assert read_table(cursor, db.database, "t").unique_keys == ()


def test_json_columns_are_known(db: Any, cursor: Any, sql_kind: str) -> None:
    if sql_kind == "mysql56":
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY, `a``b` LONGTEXT)")
        assert not any(c.is_json for c in read_table(cursor, db.database, "t").columns)
        return
    check = " CHECK (json_valid(checked))" if sql_kind == "mariadb" else ""
    cursor.execute(
        f"CREATE TABLE t (id INT PRIMARY KEY, `a``b` JSON, plain LONGTEXT, checked TEXT{check})"
    )
    table = read_table(cursor, db.database, "t")
    expected = ["a`b", "checked"] if sql_kind == "mariadb" else ["a`b"]
    assert [c.name for c in table.columns if c.is_json] == expected


@pytest.mark.parametrize(
    ("ddl", "words"),
    [
        ("CREATE VIEW t AS SELECT 1 AS id", "is a view, and views have no triggers"),
        ("CREATE TABLE t (id INT PRIMARY KEY) ENGINE=MyISAM", "uses the engine MyISAM; only Inn"),
        ("CREATE TABLE t (id INT PRIMARY KEY) ENGINE=MEMORY", "uses the engine MEMORY"),
        ("CREATE TEMPORARY TABLE t (id INT PRIMARY KEY)", "temporary table"),
        ("DO 1", "does not exist"),
    ],
)
def test_what_is_no_innodb_base_table_is_refused(
    db: Any, cursor: Any, ddl: str, words: str
) -> None:
    cursor.execute(ddl)
    with pytest.raises(ConfigError, match=words) as caught:
        read_table(cursor, db.database, "t")
    assert f"table {db.database}.t " in str(caught.value)


@pytest.mark.parametrize("ddl", ["TABLE t (id INT) WITH SYSTEM VERSIONING", "SEQUENCE t"])
def test_tables_of_mariadb_alone_are_refused(db: Any, cursor: Any, sql_kind: str, ddl: str) -> None:
    if sql_kind == "mariadb":
        cursor.execute(f"CREATE {ddl}")
        with pytest.raises(ConfigError, match="only base tables can be synced"):
            read_table(cursor, db.database, "t")
    else:
        with pytest.raises(ConfigError, match="does not exist"):
            read_table(cursor, db.database, "t")


def test_a_partitioned_table_is_one_like_any_other(db: Any, cursor: Any) -> None:
    cursor.execute("CREATE TABLE t (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4")
    assert read_table(cursor, db.database, "t").primary_key == ("id",)


def test_system_tables_are_not_listed(db: Any, cursor: Any) -> None:
    schemas = {schema for schema, _ in list_tables(cursor)}
    assert not schemas & {"mysql", "sys", "information_schema", "performance_schema"}
