"""The table `backfill` beside the outboxes: how far the backfill of each table has come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import mysql.connector
from mysql.connector import errorcode

from sync_worker.errors import ConfigError

from .quoting import names
from .session import Session

TABLE = "backfill"
COMMENT = "sync-worker progress of backfills"


@dataclass(frozen=True)
class Progress:
    """One run. `last` is the identity of the last row copied, `rows` how many were looked at.

    `everything`: rows that the filter leaves out are sent as well, so that their keys go.
    """

    table: str
    run: str
    fingerprint: str
    everything: bool
    last: bytes | None = None
    rows: int = 0
    finished: bool = False

    def advanced(self, last: bytes, rows: int) -> Progress:
        """The same run, `rows` rows further."""
        return replace(self, last=last, rows=self.rows + rows)


class ProgressTable:
    """Reads and writes the rows of the table, in the schema of outboxes."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._sql = names(schema, TABLE)

    def create(self) -> str:
        """CREATE TABLE IF NOT EXISTS."""
        return (
            f"CREATE TABLE IF NOT EXISTS {self._sql} ({_COLUMNS}) ENGINE=InnoDB COMMENT='{COMMENT}'"
        )

    def ensure(self, session: Session) -> None:
        """Create the table if it is not there. Raises ConfigError if it may not be created."""
        try:
            session.execute(f"SELECT 1 FROM {self._sql} LIMIT 0")
        except mysql.connector.Error as error:
            if error.errno != errorcode.ER_NO_SUCH_TABLE:
                raise
        else:
            return
        try:
            session.execute(self.create())
        except (mysql.connector.Error, ConfigError) as error:
            raise ConfigError(
                f"table {self._schema}.{TABLE} is not there and cannot be created ({error}); "
                "`sync-worker install` with an account that may creates it"
            ) from error

    def read(self, session: Session, table: str) -> Progress | None:
        """The newest run of a table."""
        rows = session.rows(_READ.format(table=self._sql), (table,))
        if not rows:
            return None
        run, fingerprint, everything, last, count, finished = rows[0]
        return Progress(
            table,
            run.decode(),
            fingerprint.decode(),
            everything == b"1",
            json.loads(last).encode() if last else None,
            int(count),
            finished == b"1",
        )

    def start(self, session: Session, progress: Progress) -> None:
        """Write the row of a new run in place of the one before."""
        values = (progress.table, progress.run, progress.fingerprint, int(progress.everything))
        session.execute(_START.format(table=self._sql), values)

    def advance(self, progress: Progress) -> tuple[str, Sequence[Any]]:
        """The statement that says how far the run has come, and its values."""
        assert progress.last is not None
        last = json.dumps(progress.last.decode())
        return _ADVANCE.format(table=self._sql), (last, progress.rows, progress.table, progress.run)

    def finish(self, session: Session, progress: Progress) -> None:
        """Say that the run has ended."""
        session.execute(_FINISH.format(table=self._sql), (progress.table, progress.run))


# A name of 191 characters of utf8mb4 is the longest that MySQL 5.6 takes as a key.
_COLUMNS = """
  table_name VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  run CHAR(32) CHARACTER SET ascii NOT NULL,
  fingerprint VARCHAR(64) CHARACTER SET ascii NOT NULL,
  everything TINYINT NOT NULL,
  last_key MEDIUMTEXT CHARACTER SET ascii,
  row_count BIGINT NOT NULL DEFAULT 0,
  started DATETIME NOT NULL,
  finished DATETIME"""
_READ = """SELECT run, fingerprint, everything, last_key, row_count, finished IS NOT NULL
FROM {table} WHERE table_name = %s"""
_START = """REPLACE INTO {table} (table_name, run, fingerprint, everything, started)
VALUES (%s, %s, %s, %s, UTC_TIMESTAMP())"""
_ADVANCE = "UPDATE {table} SET last_key = %s, row_count = %s WHERE table_name = %s AND run = %s"
_FINISH = "UPDATE {table} SET finished = UTC_TIMESTAMP() WHERE table_name = %s AND run = %s"
