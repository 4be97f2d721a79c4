"""What the server and its tables are, read from information_schema."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sync_worker.errors import ConfigError


@dataclass(frozen=True)
class Server:
    """A database server: "mariadb" or "mysql", and its version."""

    kind: str
    version: tuple[int, ...]

    @property
    def has_json(self) -> bool:
        """Whether JSON_QUOTE is built in."""
        return self.version >= ((10, 2, 3) if self.kind == "mariadb" else (5, 7, 8))

    @property
    def checks_utf8(self) -> bool:
        """Whether text in utf8mb3 and utf8mb4 is always well-formed UTF-8."""
        return self.kind == "mysql" and self.version >= (8, 0, 0)

    @property
    def lists_checks(self) -> bool:
        """Whether information_schema has CHECK_CONSTRAINTS with the tables' names."""
        return self.kind == "mariadb" and self.version >= (10, 2, 22)

    @property
    def keeps_auto_increment(self) -> bool:
        """Whether AUTO_INCREMENT survives a restart of the server."""
        return self.version >= ((10, 2, 4) if self.kind == "mariadb" else (8, 0, 0))

    @property
    def executes_with_values(self) -> bool:
        """Whether EXECUTE … USING takes values, and not only variables."""
        return self.kind == "mariadb" and self.version >= (10, 2, 3)

    @property
    def many_locks(self) -> bool:
        """Whether one connection may hold several GET_LOCKs."""
        return self.version >= ((10, 0, 2) if self.kind == "mariadb" else (5, 7, 5))

    @property
    def many_triggers(self) -> bool:
        """Whether a table may have several triggers for one event."""
        return self.version >= ((10, 2, 3) if self.kind == "mariadb" else (5, 7, 2))


@dataclass(frozen=True)
class Column:
    """A column. `type` is DATA_TYPE in lower case, `full_type` is COLUMN_TYPE."""

    name: str
    type: str
    full_type: str
    nullable: bool
    charset: str | None
    collation: str | None
    invisible: bool = False
    is_json: bool = False


@dataclass(frozen=True)
class Table:
    """A table: its columns in order, primary key and other unique keys over NOT NULL columns."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    unique_keys: tuple[tuple[str, ...], ...] = ()

    def column(self, name: str) -> Column | None:
        """The column of that name, in any case as the servers compare them."""
        lowered = name.lower()
        return next((c for c in self.columns if c.name.lower() == lowered), None)


def read_server(cursor: Any) -> Server:
    """Which server the cursor speaks to."""
    cursor.execute("SELECT VERSION()")
    text = str(cursor.fetchall()[0][0])
    kind = "mariadb" if "mariadb" in text.lower() else "mysql"
    found = (
        re.search(r"(\d+)\.(\d+)\.(\d+)(?=-mariadb)", text.lower()) if kind == "mariadb" else None
    )
    found = found or re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    if not found:
        raise ConfigError(f"the database server's version {text!r} is not understood")
    return Server(kind, tuple(int(part) for part in found.groups()))


def read_table(cursor: Any, schema: str, name: str) -> Table:
    """A base table. Raises ConfigError if there is none, or it cannot have an outbox."""
    _check_table(cursor, schema, name)
    checked_json = _json_checks(cursor, schema, name)
    columns = tuple(
        Column(
            name=column,
            type=data_type.lower(),
            full_type=full_type,
            nullable=nullable == "YES",
            charset=charset,
            collation=collation,
            invisible="INVISIBLE" in extra.upper(),
            is_json=data_type.lower() == "json" or column in checked_json,
        )
        for column, data_type, full_type, nullable, charset, collation, extra in _query(
            cursor, _COLUMNS, schema, name
        )
    )
    keys: dict[str, list[str | None]] = {}
    nullable_keys = set()
    for key, column, nullable in _query(cursor, _KEYS, schema, name):
        keys.setdefault(key, []).append(column)
        if column is None or nullable == "YES":  # None: an expression
            nullable_keys.add(key)
    unique = {
        key: tuple(str(column) for column in parts)
        for key, parts in keys.items()
        if key not in nullable_keys
    }
    primary = unique.pop("PRIMARY", ())
    return Table(schema, name, columns, primary, tuple(unique.values()))


def list_tables(cursor: Any) -> list[tuple[str, str]]:
    """(schema, name) of every InnoDB base table of the users' own."""
    return [(str(schema), str(name)) for schema, name in _query(cursor, _TABLES)]


def _check_table(cursor: Any, schema: str, name: str) -> None:
    """Raise ConfigError unless it is an InnoDB base table."""
    what = f"table {schema}.{name}"
    found = _query(cursor, _TABLE, schema, name)
    if not found:
        raise ConfigError(
            f"{what} does not exist, is a temporary table, or this user may not see it"
        )
    kind, engine = str(found[0][0]).upper(), str(found[0][1])
    if "VIEW" in kind:
        raise ConfigError(
            f"{what} is a view, and views have no triggers; sync the table it reads from"
        )
    if kind != "BASE TABLE":
        raise ConfigError(f"{what} is a {kind.lower()} table; only base tables can be synced")
    if engine.lower() != "innodb":
        raise ConfigError(
            f"{what} uses the engine {engine}; only InnoDB tables can be synced, since a change "
            "and its event must be one transaction"
        )


def _json_checks(cursor: Any, schema: str, name: str) -> set[str]:
    """MariaDB's JSON columns are LONGTEXT with a check json_valid(`column`)."""
    if not read_server(cursor).lists_checks:
        return set()
    found = (
        re.fullmatch(r"json_valid\(`(.+)`\)", str(clause))
        for (clause,) in _query(cursor, _CHECKS, schema, name)
    )
    return {match[1].replace("``", "`") for match in found if match}


def _query(cursor: Any, statement: str, *values: str) -> Sequence[tuple[Any, ...]]:
    cursor.execute(statement, values)
    rows = cursor.fetchall()
    return [tuple(_plain(value) for value in row) for row in rows]


def _plain(value: Any) -> Any:
    return bytes(value).decode() if isinstance(value, bytes | bytearray) else value


_TABLE = """SELECT TABLE_TYPE, ENGINE FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"""

_TABLES = """SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE = 'InnoDB'
  AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
ORDER BY TABLE_SCHEMA, TABLE_NAME"""

_COLUMNS = """SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME,
  COLLATION_NAME, EXTRA
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
ORDER BY ORDINAL_POSITION"""

# A key over part of a column is unique over the whole column all the more.
_KEYS = """SELECT INDEX_NAME, COLUMN_NAME, NULLABLE FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND NON_UNIQUE = 0
ORDER BY INDEX_NAME, SEQ_IN_INDEX"""

_CHECKS = """SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = %s AND TABLE_NAME = %s"""
