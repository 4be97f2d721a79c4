"""What there is on the server: outboxes, triggers, settings that bear on them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import mysql.connector

from .outbox import COMMENT, ID, since
from .quoting import name, names
from .schema import Server, read_server
from .session import Session
from .triggers import MARK


@dataclass(frozen=True)
class FoundTrigger:
    """A trigger that is there. `event` and `timing` in lower case, `definer` is user@host."""

    schema: str
    name: str
    table: str
    event: str
    timing: str
    body: str
    definer: str

    def is_ours(self, outbox_schema: str) -> bool:
        """Whether it was generated for outboxes of this schema."""
        return self.body.startswith(MARK) and f" {name(outbox_schema)}." in self.body

    @property
    def is_direct(self) -> bool:
        """Whether it submits the row itself."""
        return "gman_version()" in self.body

    @property
    def full_name(self) -> str:
        """schema.name, as messages show it."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class FoundOutbox:
    """An outbox that is there: its identity columns as (name, type), and its next id."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]
    next_id: int
    comment: str

    @property
    def sql(self) -> str:
        """The qualified, quoted name."""
        return names(self.schema, self.name)

    @property
    def since(self) -> int:
        """The version since which it is complete; 0 if its comment does not say."""
        return since(self.comment)

    @property
    def set_back(self) -> bool:
        """Whether it was truncated or restored: its next id is one given out before."""
        return self.next_id < self.since


def clock(session: Session) -> int:
    """The server's time in microseconds since 1970, never below a version it has given out."""
    (now,) = session.row("SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED)")
    try:
        (version,) = session.row("SELECT gman_version()")
    except mysql.connector.Error:
        version = now
    return max(int(now), int(version))


def server(session: Session) -> Server:
    """Which server it is."""
    cursor = session.cursor()
    try:
        return read_server(cursor)
    finally:
        cursor.close()


def variables(session: Session) -> dict[str, str]:
    """The server's global settings."""
    return {
        key.decode().lower(): (value or b"").decode(errors="replace")
        for key, value in session.rows("SHOW GLOBAL VARIABLES")
    }


def triggers(session: Session) -> list[FoundTrigger]:
    """Every trigger that this account may see."""
    found = [FoundTrigger(*(value.decode() for value in row)) for row in session.rows(_TRIGGERS)]
    return [_exact(session, one) if one.body.startswith(MARK) else one for one in found]


def _exact(session: Session, trigger: FoundTrigger) -> FoundTrigger:
    """With the body as it was given: information_schema alters character sets and backticks."""
    statement = f"SHOW CREATE TRIGGER {names(trigger.schema, trigger.name)}"
    text = session.row(statement)[2].decode()
    return replace(trigger, body=text[text.index(MARK) :])


def tables_of(session: Session, schema: str) -> dict[str, str]:
    """Tables and views of a schema with their comments."""
    rows = session.rows(_TABLES, (schema,))
    return {table.decode(): comment.decode() for table, comment in rows}


def schema_exists(session: Session, schema: str) -> bool:
    """Whether there is such a schema, and this account may see it."""
    return bool(session.rows(_SCHEMA, (schema,)))


def outboxes(session: Session, schema: str) -> dict[str, FoundOutbox]:
    """The outboxes of a schema by name."""
    found = {}
    for table, comment in tables_of(session, schema).items():
        if comment.startswith(COMMENT):
            found[table] = _outbox(session, schema, table, comment)
    return found


def _outbox(session: Session, schema: str, table: str, comment: str) -> FoundOutbox:
    columns = []
    for row in session.rows(_COLUMNS, (schema, table)):
        column, full_type, charset, collation = (v.decode() if v else "" for v in row)
        if column != ID:
            columns.append((column, typed(full_type, charset, collation)))
    # information_schema may show the next id as it was a day ago.
    text = session.row(f"SHOW CREATE TABLE {names(schema, table)}")[1].decode()
    next_id = re.search(r"\) ENGINE=\w+ AUTO_INCREMENT=(\d+)", text)
    return FoundOutbox(schema, table, tuple(columns), int(next_id[1]) if next_id else 1, comment)


def typed(full_type: str, charset: str | None, collation: str | None) -> str:
    """A column's type as `outbox.column_type` writes it."""
    if charset and collation:
        return f"{full_type} CHARACTER SET {charset} COLLATE {collation}"
    return full_type


def waiting(session: Session, outbox: str) -> int:
    """How many events wait in an outbox, given by its quoted name."""
    return int(session.row(f"SELECT COUNT(*) FROM {outbox}")[0])


def blind_spots(session: Session, schema: str, table: str) -> list[str]:
    """Changes of a table that fire no trigger, a sentence for each kind that can happen there."""
    found = []
    for constraint, parent, on_delete, on_update in session.rows(_CASCADES, (schema, table)):
        rules = f"ON DELETE {on_delete.decode()}, ON UPDATE {on_update.decode()}"
        found.append(
            f"table {schema}.{table}: foreign key {constraint.decode()} to {parent.decode()} "
            f"({rules}): changes that come through it fire no trigger; `sync-worker verify "
            "--repair` finds them"
        )
    if session.rows(_PARTITIONS, (schema, table)):
        found.append(
            f"table {schema}.{table} has partitions: dropping or truncating one fires no trigger; "
            "`sync-worker verify --repair` finds it"
        )
    return found


_SCHEMA = "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
_TABLES = """SELECT TABLE_NAME, TABLE_COMMENT FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %s"""
_COLUMNS = """SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
ORDER BY ORDINAL_POSITION"""
_TRIGGERS = """SELECT TRIGGER_SCHEMA, TRIGGER_NAME, EVENT_OBJECT_TABLE, LOWER(EVENT_MANIPULATION),
  LOWER(ACTION_TIMING), ACTION_STATEMENT, DEFINER
FROM information_schema.TRIGGERS ORDER BY TRIGGER_SCHEMA, TRIGGER_NAME"""
_CASCADES = """SELECT CONSTRAINT_NAME, REFERENCED_TABLE_NAME, DELETE_RULE, UPDATE_RULE
FROM information_schema.REFERENTIAL_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = %s AND TABLE_NAME = %s
  AND (DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
    OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))
ORDER BY CONSTRAINT_NAME"""
_PARTITIONS = """SELECT 1 FROM information_schema.PARTITIONS
WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND PARTITION_NAME IS NOT NULL LIMIT 1"""
