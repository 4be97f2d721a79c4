"""Every SQL type and its edge values as JSON: the same bytes on every server."""

from __future__ import annotations

import json

import pytest

from functions.sql import Sql

pytestmark = pytest.mark.matrix

FFFD = "\N{REPLACEMENT CHARACTER}"
NINES = "9" * 35 + "." + "9" * 30

# Column type, SQL literal, JSON text.
EXAMPLES = [
    ("TINYINT", "-128", "-128"),
    ("TINYINT UNSIGNED", "255", "255"),
    ("SMALLINT", "-32768", "-32768"),
    ("SMALLINT UNSIGNED", "65535", "65535"),
    ("MEDIUMINT", "-8388608", "-8388608"),
    ("MEDIUMINT UNSIGNED", "16777215", "16777215"),
    ("INT", "-2147483648", "-2147483648"),
    ("INT", "0", "0"),
    ("INT UNSIGNED", "4294967295", "4294967295"),
    ("BIGINT", "-9223372036854775808", "-9223372036854775808"),
    ("BIGINT", "9223372036854775807", "9223372036854775807"),
    ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615"),
    ("BIGINT UNSIGNED", "9223372036854775808", "9223372036854775808"),
    ("BIGINT(20) UNSIGNED ZEROFILL", "42", "42"),
    ("INT(8) ZEROFILL", "42", "42"),
    ("INT(5) ZEROFILL", "0", "0"),
    ("TINYINT(3) ZEROFILL", "7", "7"),
    ("BOOLEAN", "TRUE", "1"),
    ("YEAR", "2026", "2026"),
    ("YEAR", "0", "0"),
    ("DECIMAL(65,30)", NINES, NINES),
    ("DECIMAL(65,30)", f"-{NINES}", f"-{NINES}"),
    ("DECIMAL(65,30)", "0", "0." + "0" * 30),
    ("DECIMAL(5,2)", "-0.01", "-0.01"),
    ("DECIMAL(5,2)", "12.5", "12.50"),
    ("DECIMAL(20,0)", "18446744073709551616", "18446744073709551616"),
    ("DECIMAL(8,2) ZEROFILL", "12.5", "12.50"),
    ("FLOAT", "0.1", "0.10000000149011612"),
    ("FLOAT", "16777216", "16777216"),
    ("FLOAT", "3.4028234663852886e38", "3.4028234663852886e+38"),
    ("FLOAT", "-1.1754943508222875e-38", "-1.1754943508222875e-38"),
    ("DOUBLE", "0.1", "0.1"),
    ("DOUBLE", "0", "0"),
    ("DOUBLE", "1e15", "1e+15"),
    ("DOUBLE", "123456789.125e0", "123456789.125"),
    ("DOUBLE", "1.7976931348623157e308", "1.7976931348623157e+308"),
    ("DOUBLE", "-2.2250738585072014e-308", "-2.2250738585072014e-308"),
    ("CHAR(10)", "'a  '", '"a"'),
    ("VARCHAR(20)", "'a  '", '"a  "'),
    ("VARCHAR(20)", "''", '""'),
    ("VARCHAR(20)", "'zwölf \N{GRINNING FACE}'", '"zwölf \N{GRINNING FACE}"'),
    ("VARCHAR(30)", r"""'quote " back \\ slash /'""", r'"quote \" back \\ slash /"'),
    ("TEXT", "'\N{LINE SEPARATOR}'", '"\N{LINE SEPARATOR}"'),
    ("MEDIUMTEXT", r"'\t\n\r\b'", r'"\t\n\r\b"'),
    ("LONGTEXT", "x'0001021f7f0c'", '"\\u0000\\u0001\\u0002\\u001f\x7f\\f"'),
    ("VARCHAR(20) CHARACTER SET latin1", "'zwölf'", f'"zw{FFFD}lf"'),
    ("VARCHAR(20) CHARACTER SET latin1", "'plain'", '"plain"'),
    ("VARCHAR(20) CHARACTER SET ucs2", "'ab'", r'"\u0000a\u0000b"'),
    ("BINARY(4)", "'ab'", r'"ab\u0000\u0000"'),
    ("VARBINARY(10)", "x'61ff62'", f'"a{FFFD}b"'),
    ("VARBINARY(10)", "x'c080'", f'"{FFFD}{FFFD}"'),
    ("VARBINARY(10)", "x'eda080'", f'"{FFFD}{FFFD}{FFFD}"'),
    ("VARBINARY(10)", "x'f4908080'", f'"{FFFD}{FFFD}{FFFD}{FFFD}"'),
    ("BLOB", "x'f09f9880e282'", f'"\N{GRINNING FACE}{FFFD}"'),
    ("DATE", "'2026-01-02'", '"2026-01-02"'),
    ("DATE", "'0000-00-00'", '"0000-00-00"'),
    ("TIME", "'-838:59:59'", '"-838:59:59"'),
    ("TIME(6)", "'01:02:03.000004'", '"01:02:03.000004"'),
    ("DATETIME", "'9999-12-31 23:59:59'", '"9999-12-31 23:59:59"'),
    ("DATETIME(6)", "'2026-01-02 03:04:05'", '"2026-01-02 03:04:05.000000"'),
    ("DATETIME(3)", "'2026-01-02 03:04:05.678'", '"2026-01-02 03:04:05.678"'),
    ("TIMESTAMP NULL", "'2026-01-02 03:04:05'", '"2026-01-02 03:04:05"'),
    ("ENUM('small','lärge')", "2", '"lärge"'),
    ("SET('a','b','c')", "'c,a'", '"a,c"'),
    ("BIT(1)", "b'1'", "1"),
    ("BIT(8)", "0x31", "49"),
    ("BIT(16)", "0x3132", "12594"),
    ("BIT(24)", "0x2d3132", "2961714"),
    ("BIT(40)", "0x0131323334", "5120340788"),
    ("BIT(64)", "0xffffffffffffffff", "18446744073709551615"),
    ("BIT(64)", "0x3132333435363738", "3544952156018063160"),
]

# Values that no column holds: SQL expression, JSON text.
EXPRESSIONS = [
    ("NULL", "null"),
    ("1", "1"),
    ("-1", "-1"),
    ("TRUE", "1"),
    ("1.50", "1.50"),
    ("-0.5", "-0.5"),
    ("1e0", "1"),
    ("-0e0", "-0.0"),
    ("1e0/3", "0.3333333333333333"),
    ("5e-324", "4.94065645841247e-324"),
    ("18446744073709551615", "18446744073709551615"),
    ("~0", "18446744073709551615"),
    ("CAST(18446744073709551615 AS UNSIGNED)", "18446744073709551615"),
    ("9223372036854775807 + 0", "9223372036854775807"),
    ("'text'", '"text"'),
    ("_utf8'ä'", '"ä"'),
    ("_binary'b'", '"b"'),
    ("x'6162'", '"ab"'),
    ("CONCAT('a', 1)", '"a1"'),
    ("CAST('2026-01-02' AS DATE)", '"2026-01-02"'),
    ("COUNT(*)", "1"),
    ("SUM(1)", "1"),
    ("AVG(2)", "2.0000"),
    ("MAX('z')", '"z"'),
    ("IF(1, NULL, 2)", "null"),
    ("1 = 1", "1"),
]


@pytest.fixture
def relaxed(sql: Sql) -> Sql:
    """The connection, with zero dates allowed and the time zone UTC."""
    sql.run("SET SESSION sql_mode = ''", "SET SESSION time_zone = '+00:00'")
    return sql


def test_column_values_are_written_exactly(relaxed: Sql) -> None:
    sql = relaxed
    columns = ", ".join(f"c{n} {kind} NULL" for n, (kind, _, _) in enumerate(EXAMPLES))
    sql.run(f"CREATE TABLE t ({columns}) ENGINE=InnoDB ROW_FORMAT=DYNAMIC")
    sql.run(f"INSERT INTO t VALUES ({', '.join(literal for _, literal, _ in EXAMPLES)})")
    calls = ", ".join(f"json_values(c{n})" for n in range(len(EXAMPLES)))
    [row] = sql.rows(f"SELECT {calls} FROM t")
    found = {
        (kind, literal): value.decode()
        for (kind, literal, _), value in zip(EXAMPLES, row, strict=True)
    }
    assert found == {(kind, literal): text for kind, literal, text in EXAMPLES}


def test_a_null_of_every_type_is_null(relaxed: Sql) -> None:
    sql = relaxed
    kinds = sorted({kind for kind, _, _ in EXAMPLES})
    sql.run(f"CREATE TABLE t ({', '.join(f'c{n} {kind} NULL' for n, kind in enumerate(kinds))})")
    sql.run(f"INSERT INTO t VALUES ({', '.join('NULL' for _ in kinds)})")
    names = ", ".join(f"c{n}" for n in range(len(kinds)))
    text = sql.value(f"udf_json_array({names}) FROM t").decode()
    assert text == f"[{','.join(['null'] * len(kinds))}]"


def test_expressions_are_written_exactly(relaxed: Sql) -> None:
    found = {
        expression: relaxed.value(f"json_values({expression})").decode()
        for expression, _ in EXPRESSIONS
    }
    assert found == dict(EXPRESSIONS)


@pytest.mark.parametrize("width", range(1, 65))
def test_a_bit_column_of_every_width_is_an_unsigned_number(relaxed: Sql, width: int) -> None:
    sql = relaxed
    most = (1 << width) - 1
    # Bytes that look like the text of a number, or of a string, must not be taken for one.
    values = {0, 1, most, most >> 1, 0x3132333435363738 & most, 0x2D2D2D2D2D2D2D2D & most}
    sql.run(f"CREATE TABLE t (n INT PRIMARY KEY AUTO_INCREMENT, b BIT({width}))")
    sql.run(f"INSERT INTO t (b) VALUES {', '.join(f'({value})' for value in sorted(values))}")
    found = [int(text) for (text,) in sql.rows("SELECT json_values(b) FROM t ORDER BY n")]
    assert found == sorted(values)


@pytest.mark.parametrize("width", range(1, 22))
def test_a_big_unsigned_number_does_not_turn_negative_whatever_its_display_width(
    relaxed: Sql, width: int
) -> None:
    relaxed.run(
        f"CREATE TABLE t (a BIGINT({width}) UNSIGNED, b BIGINT({width}))",
        "INSERT INTO t VALUES (18446744073709551615, -9223372036854775808)",
    )
    text = relaxed.value("json_values(a) FROM t").decode()
    assert text == "18446744073709551615"
    assert relaxed.value("json_values(b) FROM t") == b"-9223372036854775808"


def test_a_text_of_16_mib_and_one_of_control_characters_are_whole(relaxed: Sql) -> None:
    text = "REPEAT('abcdefgh', 2097152)"
    [(length, same)] = relaxed.rows(
        f"SELECT LENGTH(udf_json_array({text})),"
        f" udf_json_array({text}) = CONCAT('[\"', {text}, '\"]')"
    )
    assert (length, same) == (16777216 + 4, 1)
    text = relaxed.value("udf_json_array(REPEAT(x'01', 1000000))")
    assert text == b'["' + rb"\u0001" * 1000000 + b'"]'


def test_repaired_text_is_counted(relaxed: Sql) -> None:
    before = relaxed.status()["repaired"]
    relaxed.value("json_values(x'ff61ff')")
    assert relaxed.status()["repaired"] == before + 2


def test_a_json_column_is_text_unless_it_is_called_json_(relaxed: Sql, sql_kind: str) -> None:
    if sql_kind == "mysql56":
        relaxed.run("CREATE TABLE t (j LONGTEXT)")  # it has no JSON type
    else:
        relaxed.run("CREATE TABLE t (j JSON)")
    relaxed.run("""INSERT INTO t VALUES ('{"a": [1, "x"]}')""")
    as_text = json.loads(relaxed.value("udf_json_object(j) FROM t"))
    nested = json.loads(relaxed.value("udf_json_array(j AS json_j) FROM t"))
    assert json.loads(as_text["j"]) == {"a": [1, "x"]}
    assert nested == [{"a": [1, "x"]}]


def test_a_point_is_a_valid_string(relaxed: Sql) -> None:
    relaxed.run("CREATE TABLE t (p POINT)", "INSERT INTO t VALUES (POINT(1, 2))")
    assert isinstance(json.loads(relaxed.value("json_values(p) FROM t")), str)
