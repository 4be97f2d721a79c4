"""Whatever a typed column holds becomes valid JSON that reads back as the same value."""

from __future__ import annotations

import json
import math
import struct
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.sql import Sql

pytestmark = pytest.mark.matrix

INTEGERS = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INT": 32, "BIGINT": 64}
EPOCH = datetime(1970, 1, 2)
LABELS = ["small", "größer", 'with "quotes"', "\N{GRINNING FACE}"]


def hex_of(data: bytes) -> str:
    return f"x'{data.hex()}'" if data else "''"


def double(value: float) -> str:
    """Return a literal that every server reads as a double, negative zero as well."""
    return repr(value) if "e" in repr(value) else f"{value!r}e0"


def clock(value: timedelta) -> str:
    micros = abs(value) // timedelta(microseconds=1)
    seconds, fraction = divmod(micros, 1_000_000)
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"


def quoted(text: str) -> str:
    return f"'{text}'"


# Column: (type, values, SQL literal of a value, what JSON gives for it).
COLUMNS: dict[str, tuple[str, st.SearchStrategy[Any], Any, Any]] = {}
for name, bits in INTEGERS.items():
    signed = st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
    unsigned = st.integers(0, (1 << bits) - 1)
    COLUMNS[f"{name}_s"] = (name, signed, str, int)
    COLUMNS[f"{name}_u"] = (f"{name} UNSIGNED", unsigned, str, int)
    COLUMNS[f"{name}_z"] = (f"{name} ZEROFILL", unsigned, str, int)
for bits in (1, 7, 8, 9, 16, 30, 31, 33, 48, 63, 64):
    COLUMNS[f"bit{bits}"] = (f"BIT({bits})", st.integers(0, (1 << bits) - 1), str, int)
COLUMNS |= {
    "deci": (
        "DECIMAL(65,30)",
        st.decimals(-(10**35) + 1, 10**35 - 1, places=30, allow_nan=False),
        lambda value: f"{value:f}",
        lambda value: value,
    ),
    "dec2": (
        "DECIMAL(6,2)",
        st.decimals(-9999, 9999, places=2),
        "{:f}".format,
        lambda value: value,
    ),
    "flt": ("FLOAT", st.floats(width=32, allow_nan=False, allow_infinity=False), double, float),
    "dbl": ("DOUBLE", st.floats(allow_nan=False, allow_infinity=False), double, float),
    "chr": (
        "CHAR(50)",
        st.text(max_size=50),
        lambda text: hex_of(text.encode()),
        lambda text: text.rstrip(" "),
    ),
    "vch": ("VARCHAR(200)", st.text(max_size=200), lambda text: hex_of(text.encode()), str),
    "txt": ("LONGTEXT", st.text(), lambda text: hex_of(text.encode()), str),
    "lat": (
        "VARCHAR(100) CHARACTER SET latin1",
        st.binary(max_size=100),
        hex_of,
        lambda data: data.decode("utf-8", "replace"),
    ),
    "vbn": (
        "VARBINARY(100)",
        st.binary(max_size=100),
        hex_of,
        lambda data: data.decode("utf-8", "replace"),
    ),
    "bin": (
        "BINARY(9)",
        st.binary(max_size=9),
        hex_of,
        lambda data: data.ljust(9, b"\0").decode("utf-8", "replace"),
    ),
    "blb": ("LONGBLOB", st.binary(), hex_of, lambda data: data.decode("utf-8", "replace")),
    "dat": ("DATE", st.dates(date(1000, 1, 1)), lambda day: quoted(str(day)), str),
    "dtm": (
        "DATETIME(6)",
        st.datetimes(datetime(1000, 1, 1)),
        lambda at: quoted(at.isoformat(" ", "microseconds")),
        lambda at: at.isoformat(" ", "microseconds"),
    ),
    "tsp": (
        "TIMESTAMP(6) NULL",
        st.datetimes(EPOCH, datetime(2038, 1, 18)),
        lambda at: quoted(at.isoformat(" ", "microseconds")),
        lambda at: at.isoformat(" ", "microseconds"),
    ),
    "tim": (
        "TIME(6)",
        st.timedeltas(timedelta(hours=-838), timedelta(hours=838)),
        lambda value: quoted(clock(value)),
        clock,
    ),
    "yea": ("YEAR", st.integers(1901, 2155), str, int),
    "enm": (
        f"ENUM({', '.join(quoted(label) for label in LABELS)})",
        st.integers(1, len(LABELS)),
        str,
        lambda number: LABELS[number - 1],
    ),
    "st_": (
        f"SET({', '.join(quoted(label) for label in LABELS)})",
        st.integers(0, (1 << len(LABELS)) - 1),
        str,
        lambda mask: ",".join(label for i, label in enumerate(LABELS) if mask >> i & 1),
    ),
}
ROWS = st.fixed_dictionaries({name: st.none() | column[1] for name, column in COLUMNS.items()})


def number(text: str) -> Decimal:
    return Decimal(text)


def reads_back(found: Any, expected: Any) -> bool:
    """Whether a parsed JSON value is the value that went in; a double to its sign and last bit."""
    if isinstance(expected, float):
        back = float(found)
        return struct.pack("d", back) == struct.pack("d", expected) and math.isfinite(back)
    if isinstance(expected, Decimal):
        return Decimal(found) == expected
    return bool(found == expected and isinstance(found, type(expected)))


@pytest.fixture
def table(sql: Sql) -> Sql:
    """A connection, in UTC, with a table t that has a column of every type."""
    columns = ", ".join(f"{name} {column[0]}" for name, column in COLUMNS.items())
    sql.run(
        "SET SESSION time_zone = '+00:00'",
        f"CREATE TABLE t (id INT PRIMARY KEY, {columns}) ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
    )
    return sql


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(row=ROWS)
def test_every_value_reads_back(table: Sql, row: dict[str, Any]) -> None:
    literals = [
        "NULL" if row[name] is None else column[2](row[name]) for name, column in COLUMNS.items()
    ]
    table.run(f"REPLACE INTO t VALUES (1, {', '.join(literals)})")
    text = table.value(f"udf_json_object({', '.join(COLUMNS)}) FROM t WHERE id = 1").decode()
    found = json.loads(text, parse_float=number)
    assert list(found) == list(COLUMNS)
    for name, column in COLUMNS.items():
        if row[name] is None:
            assert found[name] is None, name
        else:
            expected = column[3](row[name])
            if table.server.kind == "mariadb" and expected == 0:
                expected = abs(expected)  # it stores no negative zero
            assert reads_back(found[name], expected), (name, found[name], expected)
