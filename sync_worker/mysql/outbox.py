"""The outbox of a table: its name, its DDL, and the statements that fill, read and empty it.

An outbox row is an event: `sync$id`, the version, and the identity columns `sync$1`, `sync$2`, …
(primary key and columns of the key template), typed as in the table.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from .mapping import Mapping
from .quoting import names
from .schema import Column

ID = "sync$id"
COMMENT = "sync-worker outbox"
_NAME_LIMIT = 64  # characters of a table's name, on every server


def identity_name(position: int) -> str:
    """The outbox column of the identity column at `position`, from 0."""
    return f"sync${position + 1}"


def table_name(schema: str, table: str) -> str:
    """The outbox's own name: schema.table, cut and made unique by a hash where that is too long."""
    name = f"{schema}.{table}"
    if len(name) <= _NAME_LIMIT:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _NAME_LIMIT - 13]}~{digest}"


def comment(version: int) -> str:
    """The table's comment: since when every change has been recorded."""
    return f"{COMMENT}, complete since {version}"


def since(comment: str) -> int:
    """The version in an outbox's comment; 0 if it does not say."""
    number = comment.rpartition(" ")[2]
    return int(number) if comment.startswith(COMMENT) and number.isdigit() else 0


def version_now() -> int:
    """Microseconds since 1970, the seed of AUTO_INCREMENT."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class Outbox:
    """The outbox of a mapped table, in the schema of outboxes.

    `since`: the version since when it records every change; 0 if it is not there yet.
    """

    schema: str
    mapping: Mapping
    since: int = 0

    @property
    def name(self) -> str:
        """The table's name within the schema."""
        return table_name(self.mapping.table.schema, self.mapping.table.name)

    @property
    def sql(self) -> str:
        """The qualified, quoted name."""
        return names(self.schema, self.name)

    @property
    def _source(self) -> str:
        return names(self.mapping.table.schema, self.mapping.table.name)

    @property
    def columns(self) -> list[str]:
        """The quoted identity columns."""
        return [names(identity_name(i)) for i in range(len(self.mapping.identity))]

    def create(self, version: int) -> str:
        """CREATE TABLE IF NOT EXISTS, its ids starting at `version`."""
        columns = [f"{names(ID)} BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY"]
        for quoted, column in zip(self.columns, self.mapping.identity, strict=True):
            columns.append(f"{quoted} {column_type(column)} NOT NULL")
        return (
            f"CREATE TABLE IF NOT EXISTS {self.sql} (\n  "
            + ",\n  ".join(columns)
            + f"\n) ENGINE=InnoDB AUTO_INCREMENT={version} COMMENT='{comment(version)}'"
        )

    def insert(self, values: Sequence[str]) -> str:
        """INSERT of one event with these SQL values of the identity columns."""
        return f"INSERT INTO {self.sql} ({','.join(self.columns)}) VALUES ({','.join(values)})"

    # What the relay runs.

    def read(self, after: int, rows: int, gaps: Iterable[int] = ()) -> str:
        """Events after an id, and those of `gaps` that appeared since, the oldest first.

        One row: their number, and their event lines as one text. The version of a line is its id.
        A line that is too large for the server to build is missing from the text.
        """
        events = self._chosen("*", after, rows, gaps)
        return (
            "SELECT COUNT(*),GROUP_CONCAT(line SEPARATOR '\\n') FROM ("
            f"SELECT {self._line} AS line FROM ({events}) o {self._join}) q"
        )

    def read_few(self, after: int | str, rows: int, gaps: Iterable[int] = ()) -> str:
        """The same events, (id, line) each: quicker for a few, slower for many.

        The line is NULL where it is too large to build.
        """
        where = self._where(after, gaps, "o.")
        return f"{self._lines} WHERE {where} ORDER BY o.{names(ID)} LIMIT {rows}"

    def read_each(self, ids: Iterable[int]) -> str:
        """The events of `ids`, (id, line) each, as by `read_few`."""
        return f"{self._lines} WHERE o.{names(ID)} IN ({','.join(map(str, ids))})"

    def ids(self, after: int, rows: int, gaps: Iterable[int] = ()) -> str:
        """The ids of the events that `read` takes, a row each."""
        return self._chosen(names(ID), after, rows, gaps)

    def _chosen(self, what: str, after: int, rows: int, gaps: Iterable[int]) -> str:
        where = self._where(after, gaps)
        return f"SELECT {what} FROM {self.sql} WHERE {where} ORDER BY {names(ID)} LIMIT {rows}"

    def _where(self, after: int | str, gaps: Iterable[int], qualifier: str = "") -> str:
        id = f"{qualifier}{names(ID)}"
        late = ",".join(map(str, gaps))
        return f"({id}>{after} OR {id} IN ({late}))" if late else f"{id}>{after}"

    @cached_property
    def _lines(self) -> str:
        return f"SELECT o.{names(ID)},{self._line} FROM {self.sql} o {self._join}"

    def ids_up_to(self, last: int, rows: int) -> str:
        """The ids that are there up to `last`, the smallest first, as one text."""
        return (
            f"SELECT GROUP_CONCAT({names(ID)}) FROM (SELECT {names(ID)} FROM {self.sql} "
            f"WHERE {names(ID)}<={last} ORDER BY {names(ID)} LIMIT {rows}) q"
        )

    def delete(self, runs: Iterable[tuple[int, int]]) -> str:
        """DELETE of runs of ids, (first, last) each, every id of which was delivered.

        By the primary key: MySQL 5.6 would scan a small outbox, and wait for events of others.
        """
        which = " OR ".join(
            f"{names(ID)}={first}" if first == last else f"{names(ID)} BETWEEN {first} AND {last}"
            for first, last in runs
        )
        return f"DELETE {self.sql} FROM {self.sql} FORCE INDEX (PRIMARY) WHERE {which}"

    @cached_property
    def _line(self) -> str:
        mapping = self.mapping
        columns = {
            column.name: f"o.{quoted}"
            for column, quoted in zip(mapping.identity, self.columns, strict=True)
        }
        version = f"CAST(o.{names(ID)} AS CHAR)"
        there = names("t", mapping.table.primary_key[0]) + " IS NOT NULL"
        if mapping.config.where:
            there = f"{there} AND {mapping.matches('t')}"
        return mapping.line(version, "t", columns, there)

    @cached_property
    def _join(self) -> str:
        """The row that has the event's key now, byte for byte.

        Not the row that was changed: where the key is no primary key, another row may have it by
        now (REPLACE, say), and the key would seem to be gone until that row's event is read.
        """
        identity = list(zip(self.mapping.identity, self.columns, strict=True))
        same = self.mapping.same_key(
            {column.name: names("t", column.name) for column, _ in identity},
            {column.name: f"o.{quoted}" for column, quoted in identity},
        )
        return f"LEFT JOIN {self._source} t ON {same}"


def column_type(column: Column) -> str:
    """The column's type with its character set, for a column of another table."""
    text = column.full_type
    if column.charset and column.collation:
        text += f" CHARACTER SET {column.charset} COLLATE {column.collation}"
    return text


def runs(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Ids as runs (first, last) without gaps: within a run no other event can appear."""
    found: list[tuple[int, int]] = []
    for number in sorted(ids):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
