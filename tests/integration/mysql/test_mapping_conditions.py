"""`where` on a real server: what it selects, and what the server refuses."""

from __future__ import annotations

import contextlib
from typing import Any

import mysql.connector
import pytest
from mapping_case import Case, key_of, row_of

from sync_worker.config import SyncedTable
from sync_worker.errors import ConfigError
from sync_worker.mysql.checks import check_condition
from sync_worker.mysql.mapping import compile_mapping
from sync_worker.mysql.schema import read_server, read_table

pytestmark = pytest.mark.matrix

COLUMNS = (
    "id INT PRIMARY KEY, active INT, day INT, end INT, name VARCHAR(40) COLLATE utf8mb4_bin,"
    " note VARCHAR(40) CHARACTER SET latin1, at DATETIME, `or``der` INT, värde INT"
)
ROWS = [
    "(1, 1, 5, 0, 'it''s', 'ä', '2026-01-02', 1, 1)",
    "(2, 0, 6, 1, 'IT''S', 'A', '2026-01-03', 2, 2)",
    "(3, NULL, 7, 2, 'back\\\\slash', '100%', NULL, 3, NULL)",
]

# The condition, and the rows that match.
CONDITIONS = [
    ("active", [1]),
    ("NOT active", [2]),
    ("active IS NULL OR day = 6", [2, 3]),
    ("name = 'it''s'", [1]),
    (r"name = 'it\'s'", [1]),
    ('name = "it\'s"', [1]),
    ("name COLLATE utf8mb4_general_ci = 'it' '''s'", [1, 2]),
    (r"name LIKE 'back\\\\%'", [3]),
    (r"note LIKE '%0\%'", [3]),
    ("note = 'ä'", [1]),
    ("at >= '2026-01-01' + INTERVAL 2 DAY", [2]),
    ("at > DATE '2026-01-02'", [2]),
    ("EXTRACT(DAY FROM at) = 3 AND day BETWEEN 6 AND 7", [2]),
    ("TIMESTAMPDIFF(DAY, '2026-01-01', at) = 1", [1]),
    ("CASE active WHEN 1 THEN end ELSE end - 1 END = 0", [1, 2]),
    ("id IN (1, 3) AND (day, end) <> (7, 2)", [1]),
    ("`or``der` > 1 AND t.`or``der` < 3", [2]),
    ("värde = 1 OR IF(end, day, 0) = 7", [1, 3]),
    ("LEFT(name, 1) = 'I' OR MOD(id, 3) = 0", [2, 3]),
    ("name = x'495427' '' OR name = _latin1'it' OR id DIV 2 = 1 XOR FALSE", [2, 3]),
    ("1", [1, 2, 3]),
    ("NULL", []),
    ("'a' <=> \"a\"", [1, 2, 3]),
]  # fmt: skip


@pytest.mark.parametrize(("where", "ids"), CONDITIONS, ids=[c for c, _ in CONDITIONS])
def test_a_condition_selects_the_same_rows_everywhere(
    db: Any, where: str, ids: list[int], sql_server: Any
) -> None:
    case = Case(db, COLUMNS, where=where)
    with contextlib.closing(db.cursor()) as cursor:
        check_condition(cursor, case.mapping)
    case.run(f"INSERT INTO t VALUES {','.join(ROWS)}")
    lines = case.relayed()
    assert [int(key_of(line)[2:]) for line in lines if row_of(line)] == ids
    assert case.logged("insert") == lines
    for settings in ("sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'", "character_set_connection = latin1"):
        with contextlib.closing(sql_server.connect(database=case.schema)) as other:
            other.cmd_query(f"SET SESSION {settings}")
            assert case.selected(other) == lines, settings


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("actve = 1", "Unknown column 'actve'"),
        ("active = = 1", "syntax"),
        ("nosuchfunction(active) = 1", "nosuchfunction"),
        ("COUNT(*) > 1", "group function"),
        ("name = CONVERT('x' USING utf8mb4) COLLATE latin1_bin", "COLLATION"),
        ("active, day", "Operand"),
    ],
)
def test_what_the_server_refuses_names_the_table_and_the_field(
    db: Any, where: str, words: str
) -> None:
    db.cmd_query(f"CREATE TABLE t ({COLUMNS})")
    config = SyncedTable(name=f"{db.database}.t", where=where)
    with contextlib.closing(db.cursor()) as cursor:
        table = read_table(cursor, db.database, "t")
        mapping = compile_mapping(config, table, read_server(cursor), "_v")
        with pytest.raises(ConfigError) as caught:
            check_condition(cursor, mapping)
    assert words in str(caught.value)
    assert f"table {db.database}.t: where = {where!r} is refused" in str(caught.value)
    assert isinstance(caught.value.__cause__, mysql.connector.Error)


def test_a_direct_trigger_may_not_depend_on_the_time_zone(db: Any) -> None:
    db.cmd_query("CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NULL)")
    with contextlib.closing(db.cursor()) as cursor:
        table, server = read_table(cursor, db.database, "t"), read_server(cursor)
    outbox = SyncedTable(name="s.t", where="at > '2026-01-01'")
    assert compile_mapping(outbox, table, server, "_v").matches("t")
    direct = SyncedTable(name="s.t", where="at > '2026-01-01'", delivery="direct")
    with pytest.raises(ConfigError, match="time zone; use a DATETIME column, or delivery"):
        compile_mapping(direct, table, server, "_v")
