"""SQL that walks a table by its primary key, and copies identities of its rows into the outbox.

A row's identity is a text: the literals (literals.py) of the identity columns, commas between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from .literals import literal_of, split
from .outbox import ID, Outbox, identity_name
from .quoting import names
from .schema import Column, Server

WAITS = "LOCK IN SHARE MODE"


def nowait(server: Server) -> str:
    """The clause of a shared lock that does not wait; empty where the server has none."""
    if server.kind == "mariadb":
        return f"{WAITS} NOWAIT" if server.version >= (10, 3) else ""
    return "FOR SHARE NOWAIT" if server.version >= (8, 0, 1) else ""


class Chunks:
    """Statements over the table of an outbox. `t` is the table's alias."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.mapping = outbox.mapping
        table = self.mapping.table
        self._source = names(table.schema, table.name)
        positions = {column.name: i for i, column in enumerate(self.mapping.identity)}
        self._key = [positions[name] for name in table.primary_key]
        in_template = {part.name for part in self.mapping.template if isinstance(part, Column)}
        self._in_key = [i for i, c in enumerate(self.mapping.identity) if c.name in in_template]
        self._key_sql = [names("t", name) for name in table.primary_key]

    @property
    def identity(self) -> str:
        """SQL for the identity of row `t`."""
        parts = [literal_of(c, names("t", c.name)) for c in self.mapping.identity]
        return f"CONCAT_WS(',',{','.join(parts)})" if len(parts) > 1 else parts[0]

    @property
    def rendered(self) -> list[str]:
        """SQL for identity, key, whether row `t` matches the filter, its text, its expiry.

        The text is NULL where the row does not match, or is too large for the server to build.
        """
        columns = {c.name: names("t", c.name) for c in self.mapping.identity}
        matches, row = self.mapping.matches("t"), self.mapping.row("t")
        row = row if matches == "1" else f"IF({matches},{row},NULL)"
        key = self.mapping.key_text(columns)
        return [self.identity, key, matches, row, self.mapping.expiry("t")]

    def after(self, identity: bytes | None) -> str:
        """The predicate of rows beyond one in the order of the primary key.

        Written without row constructors, which not every server of the family takes to the index.
        """
        if identity is None:
            return "1"
        literals = self._key_literals(identity)
        pairs = list(zip(self._key_sql, literals, strict=True))
        predicate = ""
        for column, value in reversed(pairs):
            inner = f" OR ({column}={value} AND {predicate})" if predicate else ""
            predicate = f"({column}>{value}{inner})"
        column, value = pairs[0]
        return f"{column}>={value} AND {predicate}" if len(pairs) > 1 else predicate

    def among(self, identities: Iterable[bytes]) -> str:
        """The predicate of the rows that have these primary keys."""
        rows = [self._key_literals(identity) for identity in identities]
        if len(self._key_sql) == 1:
            return f"{self._key_sql[0]} IN ({','.join(row[0] for row in rows)})"
        return " OR ".join(
            "(" + " AND ".join(f"{c}={v}" for c, v in zip(self._key_sql, row, strict=True)) + ")"
            for row in rows
        )

    def select(self, what: Sequence[str], where: str, rows: int | None = None) -> str:
        """Rows by primary key, the first `rows` of them."""
        limit = f" LIMIT {rows}" if rows is not None else ""
        return (
            f"SELECT {','.join(what)} FROM {self._source} t FORCE INDEX (PRIMARY) "
            f"WHERE {where} ORDER BY {','.join(self._key_sql)}{limit}"
        )

    def insert(self, identities: Iterable[bytes]) -> str:
        """INSERT of an event for each identity.

        Many rows of VALUES take their ids at once and hold no lock of the counter, which INSERT …
        SELECT would, to the end of the statement.
        """
        columns, head = self._outbox.columns, ""
        if self.mapping.config.delivery == "direct":  # above every version its triggers have used
            columns, head = [names(ID), *columns], "gman_version(),"
        values = ",".join(f"({head}{_checked(identity)})" for identity in identities)
        return f"INSERT INTO {self._outbox.sql} ({','.join(columns)}) VALUES {values}"

    def insert_absent(self, rows: Iterable[Sequence[str]]) -> str:
        """INSERT of events that name keys without a row: literals of the key template's columns.

        The other identity columns get their defaults, so that no row fits.
        """
        columns = [self._outbox.columns[i] for i in self._in_key]
        values = [list(row) for row in rows]
        if self.mapping.config.delivery == "direct":
            columns, values = [names(ID), *columns], [["gman_version()", *row] for row in values]
        tuples = ",".join(f"({','.join(row)})" for row in values)
        return f"INSERT INTO {self._outbox.sql} ({','.join(columns)}) VALUES {tuples}"

    def insert_default(self) -> str:
        """INSERT of an event of the row whose identity columns all have their defaults."""
        return f"INSERT INTO {self._outbox.sql} () VALUES ()"

    def inserted(self) -> str:
        """Key, and literals of the key template's columns, of the event inserted last here."""
        columns = {c.name: names(identity_name(i)) for i, c in enumerate(self.mapping.identity)}
        literals = [literal_of(column, columns[column.name]) for column in self.key_columns()]
        return (
            f"SELECT {','.join([self.mapping.key_text(columns), *literals])} "
            f"FROM {self._outbox.sql} WHERE {names(ID)}=LAST_INSERT_ID()"
        )

    def key_columns(self) -> list[Column]:
        """The columns of the key template in the order of the table."""
        return [self.mapping.identity[i] for i in self._in_key]

    def find_keys(self, rows: Iterable[Sequence[str]]) -> str:
        """(key, whether it matches the filter, identity) of rows with these template columns."""
        columns = {c.name: names("t", c.name) for c in self.mapping.identity}
        named = [names("t", column.name) for column in self.key_columns()]
        if len(named) == 1:
            where = f"{named[0]} IN ({','.join(row[0] for row in rows)})"
        else:
            where = " OR ".join(
                "(" + " AND ".join(f"{c}={v}" for c, v in zip(named, row, strict=True)) + ")"
                for row in rows
            )
        return (
            f"SELECT {self.mapping.key_text(columns)},{self.mapping.matches('t')},{self.identity} "
            f"FROM {self._source} t WHERE {where}"
        )

    def estimate(self) -> tuple[str, tuple[str, str]]:
        """About how many rows there are; statement and values."""
        table = self.mapping.table
        return _ESTIMATE, (table.schema, table.name)

    # What is to be asked of the outbox.

    def newest(self) -> str:
        """The greatest id in the outbox, 0 without one."""
        return f"SELECT COALESCE(MAX({names(ID)}),0) FROM {self._outbox.sql}"

    def depth(self, most: int) -> str:
        """How many events wait, counted no further than `most`."""
        return f"SELECT COUNT(*) FROM (SELECT 1 FROM {self._outbox.sql} LIMIT {most}) q"

    def waiting(self, last: int) -> str:
        """1 if an event up to the id `last` waits, else 0."""
        return f"SELECT EXISTS (SELECT 1 FROM {self._outbox.sql} WHERE {names(ID)}<={last})"

    def lock_name(self) -> str:
        """The name of the lock that makes a backfill the only one of its table."""
        full = f"{self._outbox.schema}/{self._outbox.name}"
        return f"sync-worker:backfill:{hashlib.sha256(full.encode()).hexdigest()[:32]}"

    def _key_literals(self, identity: bytes) -> list[str]:
        literals = split(identity)
        return [literals[position].decode() for position in self._key]


def _checked(identity: bytes) -> str:
    return b",".join(split(identity)).decode()


_ESTIMATE = """SELECT COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"""
