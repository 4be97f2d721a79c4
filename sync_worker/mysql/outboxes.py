"""The outboxes of all configured tables, each checked against the live schema."""

from __future__ import annotations

from dataclasses import replace

from sync_worker.config import Config, SyncedTable
from sync_worker.errors import ConfigError

from .checks import check_condition, check_key_spaces
from .mapping import compile_mapping
from .outbox import Outbox, since
from .schema import read_server, read_table
from .session import Session

_COMMENT = """SELECT TABLE_COMMENT FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"""


def compile_outbox(session: Session, settings: Config, table: SyncedTable) -> Outbox:
    """The outbox of one table. Raises ConfigError if configuration and schema do not fit."""
    cursor = session.cursor()
    try:
        found = read_table(cursor, table.schema, table.table)
        server = read_server(cursor)
        mapping = compile_mapping(table, found, server, settings.events.version_member)
        check_condition(cursor, mapping)
    finally:
        cursor.close()
    outbox = Outbox(settings.relay.schema, mapping)
    comments = session.rows(_COMMENT, (outbox.schema, outbox.name))
    return replace(outbox, since=since(comments[0][0].decode()) if comments else 0)


def compile_outboxes(session: Session, settings: Config) -> list[Outbox]:
    """The outbox of every configured table. Raises ConfigError."""
    if not settings.tables:
        raise ConfigError(
            f"{settings.path or 'no configuration file'}: there is no [[table]]; "
            "`sync-worker init` writes a file for the tables that you choose"
        )
    outboxes = [compile_outbox(session, settings, table) for table in settings.tables]
    check_key_spaces([outbox.mapping for outbox in outboxes])
    return outboxes
