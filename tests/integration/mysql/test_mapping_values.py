"""Every column type with its edge values, rendered on a real server."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from mapping_case import Case, Number, row_of, session_settings

pytestmark = pytest.mark.matrix

NINES = "9" * 35 + "." + "9" * 30
EMOJI = "\N{GRINNING FACE}"

# Column type, SQL literal, text of the value, whether JSON shows it as a number.
VALUES: list[tuple[str, str, str, bool]] = [
    ("TINYINT", "-128", "-128", True),
    ("BIGINT", "-9223372036854775808", "-9223372036854775808", True),
    ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615", True),
    ("BIGINT(20) UNSIGNED ZEROFILL", "18446744073709551615", "18446744073709551615", True),
    ("INT(8) ZEROFILL", "42", "42", True),
    ("MEDIUMINT UNSIGNED", "0", "0", True),
    ("BOOLEAN", "TRUE", "1", True),
    ("DECIMAL(65,30)", NINES, NINES, True),
    ("DECIMAL(65,30)", f"-{NINES}", f"-{NINES}", True),
    ("DECIMAL(65,30) ZEROFILL", NINES, NINES, True),
    ("DECIMAL(2,2)", "-0.01", "-0.01", True),
    ("DECIMAL(8,2) ZEROFILL", "12.5", "12.50", True),
    ("DECIMAL(65)", "9" * 65, "9" * 65, True),
    ("DOUBLE", "0.1", "0.1", True),
    ("DOUBLE", "1e15", "1e15", True),
    ("DOUBLE", "1.7976931348623157e308", "1.7976931348623157e308", True),
    ("DOUBLE", "-1.7976931348623157e308", "-1.7976931348623157e308", True),
    ("DOUBLE", "-2.2250738585072014e-308", "-2.2250738585072014e-308", True),
    ("DOUBLE", "-1.2345678901234567e-100", "-1.2345678901234567e-100", True),
    ("DOUBLE", "'5e-324'", "5e-324", True),
    ("DOUBLE(10,2)", "1.5", "1.50", True),
    ("DOUBLE ZEROFILL", "1.5", "1.5", True),
    ("FLOAT", "0.1", "0.10000000149011612", True),
    ("FLOAT", "16777216", "16777216", True),
    ("FLOAT", "-100", "-100", True),
    ("FLOAT", "0", "0", True),
    ("FLOAT", "3.4028234663852886e38", "3.4028234663852886e38", True),
    ("FLOAT", "-1.1754943508222875e-38", "-1.1754943508222875e-38", True),
    ("FLOAT ZEROFILL", "1.5", "1.5", True),
    ("YEAR", "2026", "2026", True),
    ("YEAR", "0", "0", True),
    *((f"BIT({n})", f"{(1 << n) - 1}", f"{(1 << n) - 1}", True) for n in (1, 2, 7, 8, 31, 63, 64)),
    ("BIT(64)", "0x3132333435363738", "3544952156018063160", True),
    ("CHAR(10)", "'a  '", "a", False),
    ("VARCHAR(20)", "''", "", False),
    ("VARCHAR(20)", "'a  '", "a  ", False),
    ("VARCHAR(20)", f"'zwölf {EMOJI}'", f"zwölf {EMOJI}", False),
    ("VARCHAR(40)", r"""'quote " back \\ slash /'""", 'quote " back \\ slash /', False),
    ("TEXT", "'\N{LINE SEPARATOR}\x7f'", "\N{LINE SEPARATOR}\x7f", False),
    ("LONGTEXT", f"x'{bytes(range(32)).hex()}'", "".join(map(chr, range(32))), False),
    ("VARCHAR(9) CHARACTER SET latin1", "'ÄÖ€'", "ÄÖ€", False),
    ("VARCHAR(9) CHARACTER SET latin1", "x'8190ff'", "\x81\x90ÿ", False),
    ("TEXT CHARACTER SET cp1251", "'Привет'", "Привет", False),
    ("TEXT CHARACTER SET cp1251", "x'98'", "?", False),
    ("TEXT CHARACTER SET utf8", "'Ж€'", "Ж€", False),
    ("TEXT CHARACTER SET utf16", f"'a{EMOJI}'", f"a{EMOJI}", False),
    ("TEXT CHARACTER SET ucs2", "'a\"'", 'a"', False),
    ("TEXT CHARACTER SET ascii", "'plain'", "plain", False),
    ("TEXT CHARACTER SET sjis", "'日本'", "日本", False),
    ("TEXT CHARACTER SET binary", "x'ff00'", "/wA=", False),
    ("BINARY(4)", "'ab'", "YWIAAA==", False),
    ("VARBINARY(9)", "x'61ff62'", "Yf9i", False),
    ("VARBINARY(9)", "''", "", False),
    ("TINYBLOB", "x'f0288cbc'", "8CiMvA==", False),
    ("BLOB", "REPEAT(x'00ff', 600)", base64.b64encode(b"\x00\xff" * 600).decode(), False),
    ("ENUM('small','lärge')", "2", "lärge", False),
    ("ENUM('small','lärge')", "'none'", "", False),
    ("ENUM('a\"b','x') CHARACTER SET latin1", "1", 'a"b', False),
    ("ENUM('a','b') CHARACTER SET binary", "'b'", "Yg==", False),
    ("SET('a','b','ç')", "'ç,a'", "a,ç", False),
    ("SET('a','b')", "''", "", False),
    ("DATE", "'2026-01-02'", "2026-01-02", False),
    ("DATE", "'0000-00-00'", "0000-00-00", False),
    ("DATE", "'2026-00-00'", "2026-00-00", False),
    ("TIME", "'-838:59:59'", "-838:59:59", False),
    ("TIME(3)", "'100:02:03.004'", "100:02:03.004", False),
    ("TIME(6)", "'00:00:00'", "00:00:00.000000", False),
    ("DATETIME", "'9999-12-31 23:59:59'", "9999-12-31 23:59:59", False),
    ("DATETIME(6)", "'2026-01-02 03:04:05'", "2026-01-02 03:04:05.000000", False),
    ("DATETIME(3)", "0", "0000-00-00 00:00:00.000", False),
    ("TIMESTAMP NULL", "'2026-01-02 03:04:05'", "2026-01-02 03:04:05", False),
    ("TIMESTAMP NULL", "'1970-01-01 00:00:01'", "1970-01-01 00:00:01", False),
    ("TIMESTAMP NULL", "'2038-01-19 03:14:07'", "2038-01-19 03:14:07", False),
    ("TIMESTAMP NULL", "0", "0000-00-00 00:00:00", False),
    ("TIMESTAMP(6) NULL", "'2026-01-02 03:04:05.000007'", "2026-01-02 03:04:05.000007", False),
    ("TIMESTAMP(3) NULL", "'2026-01-02 03:04:05'", "2026-01-02 03:04:05.000", False),
    ("TIMESTAMP(3) NULL", "0", "0000-00-00 00:00:00.000", False),
    ("POINT", "ST_GeomFromText('POINT(0.1 -2)')", "POINT(0.1 -2)", False),
    ("GEOMETRY", "ST_GeomFromText('LINESTRING(0 0,1 1)')", "LINESTRING(0 0,1 1)", False),
    ("POINT", "ST_GeomFromText('POINT(10 20)', 4326)", "POINT(10 20)", False),
]
UUID = "123e4567-e89b-12d3-a456-426655440000"
ONLY: dict[str, list[tuple[str, str, str, bool]]] = {
    "mariadb": [
        ("DOUBLE", "'-0.0'", "0", True),  # MariaDB does not show the sign of zero
        ("UUID", f"'{UUID}'", UUID, False),
        ("INET6", "'::ffff:1.2.3.4'", "::ffff:1.2.3.4", False),
        ("INET4", "'1.2.3.4'", "1.2.3.4", False),
        # Halves of surrogate pairs, which are no UTF-8.
        ("VARCHAR(20)", "x'61eda08062ed959c'", "a?b한", False),
        ("VARCHAR(20) CHARACTER SET utf8", "x'61eda08062'", "a?b", False),
    ],
    "mysql97": [
        ("DOUBLE", "'-0.0'", "-0", True),
        ("FLOAT", "'-0.0'", "-0", True),
        ("VECTOR(3)", "STRING_TO_VECTOR('[1,2.5,-3]')", "AACAPwAAIEAAAEDA", False),
        ("POINT SRID 4326", "ST_GeomFromText('POINT(10 20)', 4326)", "POINT(10 20)", False),
    ],
    "mysql56": [
        ("DOUBLE", "'-0.0'", "-0", True),
        ("VARCHAR(20)", "x'61eda08062ed959c'", "a?b한", False),
    ],
}


def _values(kind: str) -> list[tuple[str, str, str, bool]]:
    return VALUES + ONLY[kind]


def _case(db: Any, server: str, **config: Any) -> Case:
    """A table with a column for each value: row 1 holds them, row 2 NULLs."""
    values = _values(server)
    columns = ",".join(f"c{n} {type_}" for n, (type_, *_) in enumerate(values))
    case = Case(db, f"id INT PRIMARY KEY, touched INT NOT NULL DEFAULT 0, {columns}", **config)
    names = ",".join(f"c{n}" for n in range(len(values)))
    literals = ",".join(literal for _, literal, *_ in values)
    case.run(
        f"INSERT INTO t (id, {names}) VALUES (1, {literals})",
        f"INSERT INTO t (id, {names}) VALUES (2, {','.join(['NULL'] * len(values))})",
    )
    return case


def test_every_type_is_rendered_exactly_as_json(db: Any, sql_kind: str) -> None:
    case = _case(db, sql_kind)
    full, empty = map(row_of, case.relayed())
    values = _values(sql_kind)
    found = [(values[n][:2], full[f"c{n}"], type(full[f"c{n}"])) for n in range(len(values))]
    assert found == [
        ((type_, literal), text, Number if number else str)
        for type_, literal, text, number in values
    ]
    assert [empty[f"c{n}"] for n in range(len(values))] == [None] * len(values)


def test_every_type_is_rendered_as_the_same_text_in_a_hash(db: Any, sql_kind: str) -> None:
    case = _case(db, sql_kind, kind="hash")
    full, empty = map(row_of, case.relayed())
    values = _values(sql_kind)
    found = [(values[n][:2], full[f"c{n}"]) for n in range(len(values))]
    assert found == [((type_, literal), text) for type_, literal, text, _ in values]
    assert not any(isinstance(value, Number) for value in full.values())
    assert [empty[f"c{n}"] for n in range(len(values))] == [None] * len(values)


@pytest.mark.parametrize("kind", ["json", "hash"])
def test_relay_triggers_and_any_session_give_the_same_bytes(
    db: Any, sql_kind: str, kind: str, sql_server: Any
) -> None:
    case = _case(db, sql_kind, kind=kind)
    expected = case.relayed()
    assert case.logged("insert") == expected
    for settings in session_settings(sql_kind):
        before = case.selected(db)
        with contextlib.closing(sql_server.connect(database=case.schema)) as other:
            other.cmd_query(f"SET SESSION {settings}")
            assert case.selected(other) == before, settings
            case.run("TRUNCATE TABLE log")
            other.cmd_query("UPDATE t SET touched = touched + 1 ORDER BY id")
        assert case.logged("update") == case.selected(db), settings
    assert case.logged("update") == case.relayed()[-2:]


@pytest.mark.parametrize("width", range(1, 65))
def test_bits_of_every_width_are_an_unsigned_number(db: Any, width: int) -> None:
    most = (1 << width) - 1
    values = sorted({0, 1, most, most >> 1, 0x2D2D2D2D2D2D2D2D & most})
    case = Case(db, f"id INT AUTO_INCREMENT PRIMARY KEY, b BIT({width}) NOT NULL")
    case.run(f"INSERT INTO t (b) VALUES {','.join(f'({value})' for value in values)}")
    assert [int(row_of(line)["b"]) for line in case.relayed()] == values
    assert case.logged("insert") == case.relayed()


def test_text_of_every_character_comes_back(db: Any) -> None:
    case = Case(db, "id INT PRIMARY KEY, t LONGTEXT NOT NULL")
    points = [*range(0xD800), *range(0xE000, 0x11000), *range(0x1F600, 0x1F650), 0x10FFFF]
    texts = ["".join(map(chr, points[i : i + 4000])) for i in range(0, len(points), 4000)]
    with contextlib.closing(db.cursor()) as cursor:
        for number, text in enumerate(texts):
            hexadecimal = text.encode().hex()
            cursor.execute(f"INSERT INTO t VALUES ({number}, x'{hexadecimal}')")
    assert [row_of(line)["t"] for line in case.relayed()] == texts
    assert case.logged("insert") == case.relayed()


def test_columns_of_every_collation_stand_in_one_row(db: Any, sql_server: Any) -> None:
    with contextlib.closing(db.cursor()) as cursor:
        cursor.execute(
            "SELECT COLLATION_NAME, CHARACTER_SET_NAME FROM information_schema.COLLATIONS"
            " WHERE ID IS NOT NULL AND COLLATION_NAME <> 'binary' ORDER BY ID"
        )
        collations = [(str(name), str(charset)) for name, charset in cursor.fetchall()]
    assert len(collations) > 100
    for start in range(0, len(collations), 400):  # InnoDB: 1,017 columns at most
        some = collations[start : start + 400]
        columns = ",".join(
            f"c{n} VARCHAR(9) CHARACTER SET {charset} COLLATE {name}"
            for n, (name, charset) in enumerate(some)
        )
        case = Case(db, f"id INT PRIMARY KEY, {columns}", where="c0 = 'text' OR c1 <> 'ä'")
        texts = ",".join(["'text'"] * len(some))
        case.run(f"INSERT INTO t VALUES (1, {texts})")
        [line] = case.relayed()
        assert set(list(row_of(line).values())[1:]) == {"text"}
        for settings in ("utf8mb4_bin", "latin1_german1_ci", "cp1251_bin", "utf8mb4_unicode_ci"):
            with contextlib.closing(sql_server.connect(database=case.schema)) as other:
                other.cmd_query(f"SET SESSION collation_connection = {settings}")
                assert case.selected(other) == [line]
        case.run("DROP TABLE t, log", f"DROP TABLE {case.outbox.sql}")


def test_json_documents_nest_and_hold_no_newline(db: Any, sql_kind: str) -> None:
    if sql_kind == "mysql56":  # has no such type: JSON is text there
        case = Case(db, "id INT PRIMARY KEY, j LONGTEXT")
        case.run("""INSERT INTO t VALUES (1, '{"a":\n1}')""")
        assert row_of(case.relayed()[0])["j"] == '{"a":\n1}'
        return
    case = Case(db, "id INT PRIMARY KEY, j JSON")
    documents = [
        '{ "a" :\t[1,\r\n 2.50 , {"b":"x\\ty\\n\\u0001 \\" \\\\ /"}],\n"\N{GRINNING FACE}":null}',
        '"text"', "null", "true", "12345678901234567890", "[]", "{}", ' [ "  kept  " ] ',
    ]  # fmt: skip
    with contextlib.closing(db.cursor()) as cursor:
        for number, document in enumerate(documents):
            cursor.execute("INSERT INTO t VALUES (%s, %s)", (number, document))
    case.run("INSERT INTO t VALUES (100, NULL)")
    lines = case.relayed()
    found = [json.loads(line.split(b"\t")[3])["j"] for line in lines]
    assert found == [*map(json.loads, documents), None]
    assert case.logged("insert") == lines
    assert case.selected(db) == lines


def test_json_documents_are_text_in_a_hash(db: Any, sql_kind: str) -> None:
    if sql_kind == "mysql56":
        db.cmd_query("DO 1")
        return
    case = Case(db, "id INT PRIMARY KEY, j JSON", kind="hash")
    case.run("""INSERT INTO t VALUES (1, '{"a": [1,\\n 2]}'), (2, NULL)""")
    full, empty = map(row_of, case.relayed())
    assert isinstance(full["j"], str) and json.loads(full["j"]) == {"a": [1, 2]}
    assert empty["j"] is None


def test_what_mariadb_holds_for_json_against_its_check_is_shown_as_text(
    db: Any, sql_kind: str
) -> None:
    if sql_kind != "mariadb":
        db.cmd_query("DO 1")
        return
    case = Case(db, "id INT PRIMARY KEY, j JSON, k TEXT CHECK (json_valid(k))")
    case.run("SET check_constraint_checks = 0", "INSERT INTO t VALUES (1, '{broken', '')")
    assert row_of(case.relayed()[0]) == {"id": "1", "j": "{broken", "k": ""}


def test_generated_columns_are_taken_and_invisible_ones_only_if_named(
    db: Any, sql_kind: str
) -> None:
    if sql_kind == "mysql56":  # knows neither
        db.cmd_query("DO 1")
        return
    columns = (
        "id INT PRIMARY KEY, a INT, v INT AS (a * 2) VIRTUAL, s INT AS (a * 3) STORED,"
        " hidden INT INVISIBLE"
    )
    case = Case(db, columns)
    case.run("INSERT INTO t (id, a, hidden) VALUES (1, 2, 9)", "UPDATE t SET a = 5")
    assert row_of(case.relayed()[-1]) == {"id": "1", "a": "5", "v": "10", "s": "15"}
    assert case.logged("update") == case.relayed()[-1:]
    case.run("DROP TABLE t, log", f"DROP TABLE {case.outbox.sql}")
    case = Case(db, columns, columns=("id", "hidden", "V"))
    case.run("INSERT INTO t (id, a, hidden) VALUES (1, 2, 9)")
    assert row_of(case.relayed()[0]) == {"id": "1", "v": "4", "hidden": "9"}


def test_a_long_blob_is_one_line_of_base64(db: Any) -> None:
    case = Case(db, "id INT PRIMARY KEY, b LONGBLOB")
    case.run("INSERT INTO t VALUES (1, REPEAT(x'0a0d0900ff', 400000))")
    expected = base64.b64encode(b"\n\r\t\x00\xff" * 400_000).decode()
    assert row_of(case.relayed()[0])["b"] == expected
    assert case.logged("insert") == case.relayed()


def test_a_row_larger_than_a_packet_is_missing_and_the_others_are_not(
    db: Any, sql_server: Any
) -> None:
    case = Case(db, "id INT PRIMARY KEY, b LONGTEXT")
    case.run("DROP TRIGGER t_insert")
    case.run("INSERT INTO t VALUES (1, 'a'), (2, REPEAT('b', 3000000)), (3, 'c')")
    case.run(f"INSERT INTO {case.outbox.sql} (`sync$1`) VALUES (1), (2), (3)")
    [(_, before)] = sql_server.execute("SHOW GLOBAL VARIABLES LIKE 'max_allowed_packet'")
    sql_server.execute("SET GLOBAL max_allowed_packet = 2097152")
    try:
        with case.session() as session:
            count, text = session.row(case.outbox.read(0, 10))
            each = session.rows(f"SELECT `sync$id` FROM {case.outbox.sql} ORDER BY 1")
            lines = session.rows(case.outbox.read_each([int(id) for (id,) in each]))
    finally:
        sql_server.execute(f"SET GLOBAL max_allowed_packet = {before}")
    assert int(count) == 3
    assert [row_of(line.split(b"\t", 1)[1])["id"] for line in text.split(b"\n")] == ["1", "3"]
    assert sorted(line is None for _, line in lines) == [False, False, True]
