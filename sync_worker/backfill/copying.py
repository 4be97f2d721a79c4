"""One chunk of a backfill: a short transaction that makes an event for each of some rows.

Why it is safe while the application writes. The rows are read with shared locks, then their events
are inserted, then all is committed. So an event's id is taken while the row is locked:

- a change of the row that came before held the row's lock until its commit, which therefore was
  before ours: the relay, which reads after our commit, sees it, whatever its own id is;
- a change that comes after waits for our commit, so it takes a greater id and its event wins.

The ids of one INSERT … VALUES are taken at once, after the locks, under every
innodb_autoinc_lock_mode. INSERT … SELECT would do for versions too, but under modes 0 and 1 it
holds the lock of the outbox's AUTO_INCREMENT while it waits for rows: every writer would wait
behind one long transaction, and a writer could become the victim of a deadlock.

Nothing waits for a row's lock while it holds others, where the server has NOWAIT. So no deadlock
with the application can come of it. Without NOWAIT (MySQL before 8, MariaDB before 10.3) the waits
and the chunks are short, and ours is the lighter transaction, which servers choose as the victim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import mysql.connector
from mysql.connector import errorcode

from sync_worker.errors import ConfigError, DatabaseUnavailable
from sync_worker.mysql.chunks import WAITS, Chunks, nowait
from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.session import Session

# Seconds, the least there is: other writers of a chunk's rows wait as long.
_LOCK_SECONDS = 1
# Without NOWAIT. So many rows lie on a page or two, which makes the transaction a light one.
_FEW_ROWS = 50
_LOCKED = {
    errorcode.ER_LOCK_WAIT_TIMEOUT,
    errorcode.ER_LOCK_DEADLOCK,
    errorcode.ER_LOCK_NOWAIT,
}

_NO_OUTBOX = {
    errorcode.ER_BAD_DB_ERROR,
    errorcode.ER_NO_SUCH_TABLE,
    errorcode.ER_BAD_FIELD_ERROR,  # a table of that name, but no outbox
}

T = TypeVar("T")


class Locked(Exception):
    """The application holds a lock on one of the rows; nothing was done."""


class Copied(NamedTuple):
    """`rows` were read, the last one in primary-key order has the identity `last`."""

    rows: int
    sent: int
    last: bytes | None


class Copier:
    """Makes events for rows of one table. Uses the session for transactions of its own."""

    def __init__(self, session: Session, outbox: Outbox, *, everything: bool = True) -> None:
        self._session = session
        self.chunks = Chunks(outbox)
        mapping = outbox.mapping
        self._what = [self.chunks.identity]
        if mapping.config.where and not everything:
            self._what.append(mapping.matches("t"))
        self._nowait = nowait(mapping.server)
        self._lock = WAITS
        self.waits = not self._nowait
        """Whether Locked comes only after a wait."""
        self.most_rows = _FEW_ROWS if self.waits else None
        session.execute(f"SET SESSION innodb_lock_wait_timeout={_LOCK_SECONDS}")
        self._require_outbox(outbox)

    def _require_outbox(self, outbox: Outbox) -> None:
        try:
            self._session.row(self.chunks.newest())
        except mysql.connector.Error as error:
            if error.errno not in _NO_OUTBOX:
                raise
            table = outbox.mapping.config.full_name
            raise ConfigError(
                f"table {table} has no outbox {outbox.schema}.{outbox.name}; "
                "`sync-worker install` creates it"
            ) from error

    def copy(self, where: str, rows: int | None, progress: Any = None) -> Copied:
        """Make an event for each of the first `rows` rows that `where` (SQL over `t`) describes.

        `progress(copied)` gives a statement to run in the same transaction. Raises Locked.
        """
        return self._transaction(lambda: self._copy(where, rows, progress), alone=rows == 1)

    def delete(self, rows: Sequence[Sequence[str]], keys: set[bytes]) -> bool:
        """Make events that delete `keys`, which no row has; `rows` are their columns' literals.

        Returns False, having done nothing, if one of them has a row by now. Raises Locked.

        First the events are inserted, then looked for rows with a lock: a row of such a key that is
        inserted before the look is found or waited for, and one inserted later has a greater id.
        """
        return self._transaction(lambda: self._delete(rows, keys), alone=len(rows) == 1)

    def send_any(self) -> None:
        """Make an event that changes nothing. Raises Locked.

        It is of the key of the columns' defaults, such as product:0; if that has a row, of any row.
        """
        if not self._transaction(self._send_default, alone=True):
            self.copy("1", 1)

    def _copy(self, where: str, rows: int | None, progress: Any) -> Copied:
        found = self._session.rows(f"{self.chunks.select(self._what, where, rows)} {self._lock}")
        chosen = [row[0] for row in found if len(row) == 1 or row[1] == b"1"]
        copied = Copied(len(found), len(chosen), found[-1][0] if found else None)
        if chosen:
            self._session.execute(self.chunks.insert(chosen))
        if found and progress:
            self._session.execute(*progress(copied))
        return copied

    def _delete(self, rows: Sequence[Sequence[str]], keys: set[bytes]) -> bool:
        self._session.execute(self.chunks.insert_absent(rows))
        found = self._session.rows(f"{self.chunks.find_keys(rows)} {self._lock}")
        return not any(key in keys for key, _, _ in found)

    def _send_default(self) -> bool:
        self._session.execute(self.chunks.insert_default())
        key, *literals = self._session.row(self.chunks.inserted())
        reading = [value.decode() for value in literals]
        found = self._session.rows(f"{self.chunks.find_keys([reading])} {self._lock}")
        return not any(other == key for other, _, _ in found)

    def _transaction(self, body: Callable[[], T], *, alone: bool) -> T:
        """Run `body`; commit unless it returns False. `alone`: it locks one row at most."""
        self._lock = WAITS if alone else self._nowait or WAITS
        session = self._session
        try:
            session.execute("START TRANSACTION")
            result = body()
            session.execute("ROLLBACK" if result is False else "COMMIT")
        except (DatabaseUnavailable, mysql.connector.Error) as error:
            if not is_locked(error):
                raise
            session.execute("ROLLBACK")
            raise Locked(str(error)) from error
        return result


def is_locked(error: BaseException) -> bool:
    """Whether an error says that another transaction was in the way."""
    cause = error if isinstance(error, mysql.connector.Error) else error.__cause__
    return isinstance(cause, mysql.connector.Error) and cause.errno in _LOCKED
