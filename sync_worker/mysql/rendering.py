"""How a column's value becomes text: an SQL expression for each type (docs/mapping.md).

`text` is the plain text (keys, hash fields), `json` a JSON value (row objects). Both are utf8mb4
and the same bytes in any session, whatever its time zone, sql_mode or character set.
"""

from __future__ import annotations

import re

from sync_worker.errors import ConfigError

from .quoting import text as literal
from .schema import Column, Server

INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint"}
STRINGS = {
    "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set",
}  # fmt: skip
TEMPORAL = {"date", "datetime", "time", "timestamp"}
BINARIES = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector"}
GEOMETRIES = {
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
    "multipolygon", "geometrycollection", "geomcollection",
}  # fmt: skip
NUMBERS = INTEGERS | {"bit", "year", "decimal", "float", "double"}
ADDRESSES = {"uuid", "inet4", "inet6"}
_KNOWN = NUMBERS | STRINGS | BINARIES | GEOMETRIES | TEMPORAL | ADDRESSES | {"json"}

RULES = 1
"""Raise it when the text of some value changes: then every table is filled again by backfill."""


def check(column: Column, table: str) -> None:
    """Raise ConfigError for a column type that has no rendering."""
    if column.type not in _KNOWN:
        raise ConfigError(
            f"table {table}: column {column.name} has type {column.full_type}, which has no "
            "rendering; leave it out with exclude"
        )


def is_binary(column: Column) -> bool:
    """Whether the column holds bytes: the binary types, and text of character set binary."""
    return column.type in BINARIES or (
        column.type in STRINGS and column.charset in (None, "binary")
    )


def style(column: Column) -> str:
    """How the column is rendered, in a word: equal styles give equal values equal text."""
    if column.is_json:
        return "json"
    if is_binary(column):
        return "base64"
    for kinds, word in ((STRINGS, "text"), (GEOMETRIES, "wkt")):
        if column.type in kinds:
            return word
    if column.type in INTEGERS | {"bit", "year"}:
        return "integer"
    if column.type in ADDRESSES | {"date"}:
        return column.type
    shown = "double" if column.type == "float" else column.type
    digits = re.search(r"(\d+)\)", column.full_type)  # decimals, or digits of a second
    return f"{shown}:{digits[1] if digits else 0}"


def text(column: Column, value: str, server: Server) -> str:
    """The plain text of `value`, an SQL expression of the column's type; NULL stays NULL."""
    if is_binary(column):
        return f"REPLACE(CONVERT(TO_BASE64({value}) USING utf8mb4),_utf8mb4 0x0a,'')"
    if column.type in STRINGS or column.is_json:
        return _characters(column, value, server)
    return f"CONVERT({_number_or_date(column, value, server)} USING utf8mb4)"


def json(column: Column, value: str, server: Server) -> str:
    """`value` as JSON text, never NULL unless it is too large for the server to build."""
    plain = text(column, value, server)
    if column.is_json:
        shown = plain
        if server.kind == "mariadb":
            # It keeps a document's white space, newlines too. One that is no JSON after all (the
            # check can be switched off) is shown as text.
            shown = f"IFNULL(JSON_COMPACT({plain}),{quote(plain, server)})"
    elif column.type in NUMBERS:
        shown = plain
    else:
        shown = json_string(column, plain, server)
    return f"IF({value} IS NULL,'null',{shown})" if column.nullable else shown


def json_text(column: Column, value: str, server: Server) -> str:
    """`value` as a JSON string, whatever its type (rows of kind hash), or null."""
    shown = json_string(column, text(column, value, server), server)
    return f"IF({value} IS NULL,'null',{shown})" if column.nullable else shown


def json_string(column: Column, plain: str, server: Server) -> str:
    """The column's plain text as a JSON string; only characters of the user's need escapes."""
    return quote(plain, server) if free_text(column) else f"CONCAT('\"',{plain},'\"')"


def free_text(column: Column) -> bool:
    """Whether the plain text may hold quotes, backslashes or control characters."""
    return column.is_json or (column.type in STRINGS and not is_binary(column))


def quote(value: str, server: Server) -> str:
    """A JSON string of utf8mb4 text."""
    if server.has_json:
        return f"JSON_QUOTE({value})"
    value = f"REPLACE({value},{_raw(92)},{literal(chr(92) * 2)})"
    value = f"REPLACE({value},'\"',{literal(chr(92) + chr(34))})"
    short = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r"}
    for code in range(32):
        escape = "\\" + short.get(code, f"u{code:04x}")
        value = f"REPLACE({value},{_raw(code)},{literal(escape)})"
    return f"CONCAT('\"',{value},'\"')"


def _characters(column: Column, value: str, server: Server) -> str:
    converted = f"CONVERT({value} USING utf8mb4)"
    if server.checks_utf8 or column.type in ("enum", "set", "json"):
        return converted
    if not str(column.charset).startswith("utf8"):
        return converted
    # These servers take halves of surrogate pairs (0xED…) for characters; UTF-8 does not. The way
    # by UTF-16 makes them "?", at a cost that only text with that byte should bear.
    mended = f"CONVERT(CONVERT({value} USING utf16) USING utf8mb4)"
    return f"IF(INSTR(CAST({value} AS BINARY),0xed),{mended},{converted})"


def _number_or_date(column: Column, value: str, server: Server) -> str:
    kind = column.type
    zerofill = "zerofill" in column.full_type.lower()
    if kind in GEOMETRIES:
        return f"ST_AsText({value})"
    if kind == "float" or (kind == "double" and zerofill):
        return _exact(value, server)
    if kind in ("bit", "year") or zerofill:
        value = f"{value}+0"
    elif kind == "timestamp":
        return _utc(column, value)
    return f"CAST({value} AS CHAR)"


def _exact(value: str, server: Server) -> str:
    """A FLOAT as the DOUBLE it is: by itself it is shown with six digits."""
    if server.kind == "mysql" and server.has_json:  # it cuts a calculated DOUBLE to 22 characters
        return f"TRIM(TRAILING '.0' FROM CAST(CAST({value}*1e0 AS JSON) AS CHAR))"
    return f"CAST({value}*1e0 AS CHAR)"


def _utc(column: Column, value: str) -> str:
    """A TIMESTAMP in UTC, by the seconds that it is stored as: no time zone is looked at."""
    digits = re.search(r"\((\d)\)", column.full_type)
    shown = f"DATETIME({digits[1]})" if digits else "DATETIME"
    seconds = f"UNIX_TIMESTAMP({value})"
    utc = f"CAST(DATE_ADD('1970-01-01 00:00:00', INTERVAL {seconds} SECOND) AS {shown})"
    # 0, in a trigger of MariaDB NULL, stands for the zero date; no real TIMESTAMP is 0.
    return f"IF(IFNULL({seconds},0)=0,CAST({value} AS CHAR),CAST({utc} AS CHAR))"


def _raw(code: int) -> str:
    return f"_utf8mb4 0x{code:02x}"
