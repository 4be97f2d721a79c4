"""Keys on a real server: every kind of column, every nasty value, from table and outbox alike."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from mapping_case import Case, key_of, row_of

from sync_worker.mysql.quoting import names

pytestmark = pytest.mark.matrix

EMOJI = "\N{GRINNING FACE}"
NASTY = [
    "quote'\"", "nul\0nul", "colon:", "brace{}", "new\nline\ttab\r", EMOJI, "back\\slash\\",
    " leading", "0", "null", "\x01\x1f\x7f", "%_", "ä", "`tick`", "\\u0000",
]  # fmt: skip

# Type of the key's column, SQL literals, keys.
TYPED = [
    ("BIGINT UNSIGNED", ["0", "18446744073709551615"], ["0", "18446744073709551615"]),
    ("INT(6) ZEROFILL", ["42"], ["42"]),
    ("SMALLINT", ["-5"], ["-5"]),
    ("BINARY(3)", ["'ab'", "x'0a0d09'"], ["YWIA", "Cg0J"]),
    ("VARBINARY(200)", ["x'00ff'", "REPEAT('x', 60)"], ["AP8=", "eHh4" * 20]),
    ("DATE", ["'2026-01-02'", "'0000-00-00'"], ["2026-01-02", "0000-00-00"]),
    ("DATETIME(3)", ["'2026-01-02 03:04:05.6'"], ["2026-01-02 03:04:05.600"]),
    ("TIMESTAMP(3)", ["'2026-01-02 03:04:05.6'", "0"], ["2026-01-02 03:04:05.600",
                                                        "0000-00-00 00:00:00.000"]),
    ("TIME", ["'-100:00:01'"], ["-100:00:01"]),
    ("YEAR", ["0", "2026"], ["0", "2026"]),
    ("DECIMAL(20,2)", ["-1.5"], ["-1.50"]),
    ("BIT(64)", ["0xffffffffffffffff", "0"], ["18446744073709551615", "0"]),
    ("ENUM('a\\\\b','it''s','ä')", ["1", "2", "3"], ["a\\b", "it's", "ä"]),
    ("SET('x','y')", ["'x,y'"], ["x,y"]),
    ("CHAR(5) CHARACTER SET latin1", ["'ÄÖ'"], ["ÄÖ"]),
    ("VARCHAR(9) CHARACTER SET cp1251", ["'Ж'"], ["Ж"]),
    ("VARCHAR(9) CHARACTER SET utf16", [f"'{EMOJI}'"], [EMOJI]),
]  # fmt: skip


def both_keys(case: Case) -> list[tuple[str, str]]:
    """(decoded key(), key_text()) of the outbox's rows, and of the table's; they must be equal."""
    mapping = case.mapping
    found = []
    table = {c.name: names("t", c.name) for c in mapping.identity}
    outbox = {
        c.name: f"o.{quoted}"
        for c, quoted in zip(mapping.identity, case.outbox.columns, strict=True)
    }
    for source, columns in (
        (f"{names(case.schema, 't')} t", table),
        (f"{case.outbox.sql} o", outbox),
    ):
        sql = f"SELECT {mapping.key(columns)}, {mapping.key_text(columns)} FROM {source}"
        with case.session() as session:
            rows = session.rows(sql)
        found.append(sorted((json.loads(key), text.decode()) for key, text in rows))
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(("type_", "literals", "keys"), TYPED, ids=[t[0] for t in TYPED])
def test_a_column_of_any_type_in_a_key(
    db: Any, type_: str, literals: list[str], keys: list[str]
) -> None:
    case = Case(db, f"k {type_} NOT NULL, n INT DEFAULT 0, PRIMARY KEY (k)", key="k:{k}")
    case.run(*(f"INSERT INTO t (k) VALUES ({literal})" for literal in literals))
    assert sorted(keys) == [text.removeprefix("k:") for _, text in both_keys(case)]
    assert all(key == text for key, text in both_keys(case))
    lines = case.relayed()
    assert [key_of(line) for line in lines] == [f"k:{key}" for key in keys]
    assert case.logged("insert") == lines
    assert all(row_of(line) for line in lines), "the outbox's value finds the table's row"


@pytest.mark.parametrize("charset", ["utf8mb4 COLLATE utf8mb4_bin", "utf8mb4", "utf16"])
def test_nasty_text_in_a_key_of_several_columns(db: Any, charset: str) -> None:
    case = Case(
        db,
        f"a INT, b VARCHAR(40) CHARACTER SET {charset}, c VARBINARY(9), PRIMARY KEY (a, b, c)",
        key='{a}{{"é\\:{b}|{c}'.replace("{{", ""),
    )
    with contextlib.closing(db.cursor()) as cursor:
        for number, value in enumerate(NASTY):
            cursor.execute(
                "INSERT INTO t VALUES (%s, CONVERT(0x" + value.encode().hex() + " USING utf8mb4), "
                "0xff)", (number,),
            )  # fmt: skip
    expected = [f'{number}"é\\:{value}|/w==' for number, value in enumerate(NASTY)]
    assert [text for _, text in both_keys(case)] == sorted(expected)
    lines = case.relayed()
    assert [key_of(line) for line in lines] == expected
    assert case.logged("insert") == lines
    assert [row_of(line)["b"] for line in lines] == NASTY


def test_an_event_finds_its_row_only_by_the_same_bytes(db: Any) -> None:
    """Collations call texts equal that give different keys."""
    case = Case(
        db,
        "k VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, n INT",
        key="k:{k}",
    )
    for before, after in (("a", "A"), ("b", "b "), ("c", "ç"), ("d ", "d"), ("e", "é")):
        case.run(f"INSERT INTO t VALUES ('{before}', 1)", f"UPDATE t SET k = '{after}', n = 2 "
                 f"WHERE k = '{before}'")  # fmt: skip
    found = {key_of(line): bool(row_of(line)) for line in case.relayed()}
    assert found == {
        "k:a": False, "k:A": True, "k:b": False, "k:b ": True, "k:c": False, "k:ç": True,
        "k:d ": False, "k:d": True, "k:e": False, "k:é": True,
    }  # fmt: skip


def test_an_event_of_a_row_that_is_gone_or_filtered_out_is_a_delete(db: Any) -> None:
    case = Case(db, "id INT PRIMARY KEY, active INT, x INT", where="active = 1", expire=60)
    case.run(
        "INSERT INTO t VALUES (1, 1, 0), (2, 0, 0), (3, 1, 0), (4, NULL, 0)",
        "DELETE FROM t WHERE id = 3",
    )
    assert case.relayed() == [
        b'"t:1"\tjson\t60\t{"id":1,"active":1,"x":0}',
        b'"t:2"\tjson\t\t',
        b'"t:3"\tjson\t\t',
        b'"t:4"\tjson\t\t',
        b'"t:3"\tjson\t\t',
    ]
    assert case.logged("insert")[1] == b'"t:2"\tjson\t\t'
    assert case.logged("delete") == [b'"t:3"\tjson\t\t']


@pytest.mark.parametrize("type_", ["BIGINT", "BIGINT UNSIGNED", "INT(9) UNSIGNED ZEROFILL"])
def test_expiry_from_a_column_is_kept_within_what_redis_takes(db: Any, type_: str) -> None:
    case = Case(db, f"id INT PRIMARY KEY, ttl {type_}", expire="ttl")
    values = {1: "NULL", 2: "0", 3: "60", 4: "999999999"}
    expected = {1: b"", 2: b"1", 3: b"60", 4: b"999999999"}
    if type_ != "INT(9) UNSIGNED ZEROFILL":
        values[5] = "18446744073709551615" if "UNSIGNED" in type_ else "9223372036854775807"
        expected[5] = b"999999999"
    if type_ == "BIGINT":
        values[6], expected[6] = "-5", b"1"
    case.run(*(f"INSERT INTO t VALUES ({id}, {value})" for id, value in values.items()))
    found = {id: line.split(b"\t")[2] for id, line in enumerate(case.relayed(), 1)}
    assert found == expected
    assert case.logged("insert") == case.relayed()


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("it's", 'a"b'), ("back`tick", "c`d"), ("with space", "e f"), ("dot.ted", "g.h"),
        ("tab\\le", "sync$1"), ("Größe", "naïve"), ("t" * 64, "c" * 64), ("select", "order"),
        ("percent%s", "%d"), ("-- x", "/* y */"), ("brace", "sync$id"),
    ],
)  # fmt: skip
def test_names_of_any_characters(db: Any, table: str, column: str) -> None:
    quoted = names(column)
    case = Case(
        db,
        f"{quoted} INT NOT NULL, v INT, PRIMARY KEY ({quoted})",
        table=table,
        key="{" + column + "}",
        where=f"{quoted} > 0",
        rename=((column, 'new "name" \\ é'),),
    )
    target = names(case.schema, table)
    case.run(
        f"INSERT INTO {target} VALUES (1, 2), (-1, 2)",
        f"UPDATE {target} SET v = 3 ORDER BY {quoted}",
    )
    lines = case.relayed()
    assert row_of(lines[0]) == {'new "name" \\ é': "1", "v": "3"}
    assert [key_of(line) for line in lines] == ["1", "-1", "-1", "1"]
    assert not row_of(lines[1])
    assert case.logged("update") == lines[2:]
