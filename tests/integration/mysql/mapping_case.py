"""A table with its mapping and outbox on a real server, and a log of what its triggers see."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from sync_worker.config import Mysql, SyncedTable
from sync_worker.mysql.mapping import Mapping, compile_mapping
from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.quoting import name, names
from sync_worker.mysql.schema import read_server, read_table
from sync_worker.mysql.session import Session

VERSION = 1_760_000_000_000_000

# Settings of applications' sessions, none of which may change a byte.
SESSIONS = [
    "time_zone = '+05:30'",
    "time_zone = '-12:00'",
    "sql_mode = 'ANSI_QUOTES'",
    "sql_mode = 'NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,ANSI,TRADITIONAL'",
    "character_set_connection = latin1",
    "character_set_connection = cp1251",
    "collation_connection = utf8mb4_bin",
    "collation_connection = utf8mb4_unicode_ci, character_set_results = latin1",
]


def session_settings(kind: str) -> list[str]:
    """The settings that a server of that kind knows."""
    extra = {"mysql97": ["sql_mode = 'TIME_TRUNCATE_FRACTIONAL'"]}
    return SESSIONS + extra.get(kind, [])


class Case:
    """`ddl` is the table's between the brackets; more is for SyncedTable.

    Triggers write each event line into the table `log` and the identity into the outbox.
    """

    def __init__(self, db: Any, ddl: str, *, table: str = "t", **config: Any) -> None:
        self.db = db
        self.schema = db.database
        self.run(
            "SET SESSION sql_mode = '', time_zone = '+00:00'",
            f"CREATE TABLE {name(table)} ({ddl}) ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
        )
        config.setdefault("key", "t:{id}")
        full_name = f"{self.schema}.{name(table)}"
        self.config = SyncedTable(name=full_name, **config)
        with contextlib.closing(db.cursor()) as cursor:
            self.mapping: Mapping = compile_mapping(
                self.config, read_table(cursor, self.schema, table), read_server(cursor), "_v"
            )
        self.outbox = Outbox(self.schema, self.mapping)
        self.run(
            self.outbox.create(VERSION),
            "CREATE TABLE log (id BIGINT AUTO_INCREMENT PRIMARY KEY, event CHAR(6),"
            " line LONGTEXT CHARACTER SET utf8mb4)",
        )
        for event, row, present in (
            ("insert", "NEW", self.mapping.matches("NEW")),
            ("update", "NEW", self.mapping.matches("NEW")),
            ("delete", "OLD", "0"),
        ):
            identity = {c.name: names(row, c.name) for c in self.mapping.identity}
            line = self.mapping.line("'7'", row, identity, present)
            self.run(
                f"CREATE TRIGGER t_{event} AFTER {event} ON {name(table)} FOR EACH ROW BEGIN "
                f"{self.outbox.insert(list(identity.values()))};"
                f"INSERT INTO log (event, line) VALUES ('{event}', {line}); END"
            )

    def run(self, *statements: str) -> None:
        """Run statements as they are."""
        with contextlib.closing(self.db.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)
                if cursor.with_rows:
                    cursor.fetchall()

    def logged(self, event: str) -> list[bytes]:
        """The lines that the triggers of an event made, without version."""
        with contextlib.closing(self.db.cursor(raw=True)) as cursor:
            cursor.execute(f"SELECT line FROM log WHERE event = '{event}' ORDER BY id")
            return [tail(bytes(line)) for (line,) in cursor.fetchall()]

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A session as the relay has it."""
        settings = Mysql(host="127.0.0.1", port=self.db.server_port, user="root", password="")
        session = Session(settings)
        try:
            yield session
        finally:
            session.close()

    def relayed(self) -> list[bytes]:
        """The lines of the relay's SELECT in order of their ids, without version."""
        with self.session() as session:
            count, text = session.row(self.outbox.read(0, 100_000))
        lines = sorted(text.split(b"\n")) if text else []
        assert len(lines) == int(count)
        return [tail(line) for line in lines]

    def selected(self, session: Session | Any) -> list[bytes]:
        """The lines of all rows, by primary key, as a connection's session evaluates them."""
        source = names(self.schema, self.mapping.table.name)
        identity = {c.name: names("t", c.name) for c in self.mapping.identity}
        line = self.mapping.line("'7'", "t", identity, self.mapping.matches("t"))
        order = ",".join(names("t", column) for column in self.mapping.table.primary_key)
        with contextlib.closing(session.cursor(raw=True)) as cursor:
            # CAST: character_set_results must not change what is compared.
            cursor.execute(f"SELECT CAST({line} AS BINARY) FROM {source} t ORDER BY {order}")
            return [tail(bytes(line)) for (line,) in cursor.fetchall()]


def tail(line: bytes) -> bytes:
    """An event line without its version; it is checked to have five fields."""
    assert line.count(b"\t") == 4 and b"\n" not in line and b"\r" not in line
    return line.split(b"\t", 1)[1]


def key_of(line: bytes) -> str:
    """The key of a line without version."""
    key = json.loads(line.split(b"\t")[0])
    assert isinstance(key, str)
    return key


def row_of(line: bytes) -> dict[str, Any]:
    """The row of a line, numbers as the text they are; {} for a delete."""
    row = line.split(b"\t")[3]
    return json.loads(row, parse_int=_number, parse_float=_number) if row else {}


class Number(str):
    """A JSON number's text, to be told from a string."""

    __slots__ = ()


def _number(text: str) -> Number:
    return Number(text)
