"""Reads an outbox a batch at a time, bounded by rows and by bytes."""

from __future__ import annotations

from collections.abc import Callable

from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.session import Session

from .batch import Batch, parse
from .gaps import Gaps

_HANDLE = "sync_few"
FEW = 32  # events; up to here a row each is quicker than a text of all
_LONGEST_TEXT = "SELECT LEAST(@@group_concat_max_len, @@max_allowed_packet)"
_LONGEST_CHARACTER = 4  # bytes
LATE_ROWS = 5000  # ids looked at in one sweep beyond those that are known


class Reader:
    """Where the relay stands in an outbox. Not thread-safe.

    `too_large(id)` is told of an event whose row the server cannot build; its id counts as read.
    """

    def __init__(
        self,
        session: Session,
        outbox: Outbox,
        *,
        rows: int,
        most_bytes: int,
        too_large: Callable[[int], None],
    ) -> None:
        self._session = session
        self._outbox = outbox
        self._most_rows = rows
        self._rows = rows
        self._most_bytes = most_bytes
        self._too_large = too_large
        self._versions = outbox.mapping.config.versions
        self._longest_text = int(session.row(_LONGEST_TEXT)[0])
        self._prepared = outbox.mapping.server.executes_with_values
        if self._prepared:
            session.prepare(_HANDLE, outbox.read_few("?", FEW))
        self._gaps = Gaps()
        self._after = 0
        self._last = 0  # the highest id read; _after is behind it after going back
        self.full = False
        """Whether the last batch was as large as it may be, so that more is likely there."""

    def read(self) -> Batch | None:
        """The next events, None if there are none.

        Those given before are not given again, but for those under way when `sweep` goes back. A
        batch without lines has only events that cannot be sent; they are to be deleted.
        """
        gaps = self._gaps.missing()
        batch = self._read_many(gaps) if self.full else self._read_few(gaps)
        self._last = self._gaps.read(self._last, batch.ids)
        self._after = max(self._after, *batch.ids, 0) if self.full else self._last
        return batch if batch.ids else None

    def _read_few(self, gaps: list[int]) -> Batch:
        if self._prepared and not gaps:
            rows = self._session.prepared(_HANDLE, self._after)
        else:
            rows = self._session.rows(self._outbox.read_few(self._after, FEW, gaps))
        self.full = len(rows) >= FEW
        return self._of_rows(rows)

    def _read_many(self, gaps: list[int]) -> Batch:
        """A batch that the server has put together, or its rows where it could not."""
        count, text = self._session.row(self._outbox.read(self._after, self._rows, gaps))
        expected = int(count)
        self.full = expected >= self._rows
        if not expected:
            return Batch((), ())
        whole = text and not self._cut(text)
        batch = parse(text, versions=self._versions) if whole else None
        if batch is None or len(batch.ids) != expected:
            ids = self._session.rows(self._outbox.ids(self._after, self._rows, gaps))
            batch = self._read_each([int(id) for (id,) in ids])
        self._fit(len(text or b""), expected)
        return batch

    def sweep(self, known: frozenset[int]) -> Batch | None:
        """Events below the reader's place that are not `known`: of transactions that took long.

        Where they are many, as of a bulk change, the reader goes back to the first of them instead,
        and is full: what is under way beyond it is sent again, which is harmless.
        """
        rows = len(known) + LATE_ROWS
        text = self._session.row(self._outbox.ids_up_to(self._after, rows))[0]
        late = [id for id in map(int, text.split(b",")) if id not in known] if text else []
        if not late:
            return None
        if len(late) > FEW:
            self._after = late[0] - 1
            self.full = True
            return None
        batch = self._read_each(late)
        return batch if batch.ids else None

    def _cut(self, text: bytes) -> bool:
        """Whether the text's end may be missing: it is as long as the server makes one.

        It is cut between two characters. That it ends in `}`, as a whole line does, says nothing.
        """
        return len(text) > self._longest_text - _LONGEST_CHARACTER

    def _read_each(self, ids: list[int]) -> Batch:
        """The events of `ids`, by a query for each, so that no result is larger than a row."""
        return self._of_rows(
            [row for id in ids for row in self._session.rows(self._outbox.read_each([id]))]
        )

    def _of_rows(self, rows: list[tuple[bytes, bytes | None]]) -> Batch:
        """A batch of (id, line); ids whose line could not be built are in it without one."""
        lost = [int(id) for id, line in rows if line is None]
        for id in lost:
            self._too_large(id)
        lines = [line for _, line in rows if line is not None]
        if not lines:
            return Batch((), tuple(lost))
        batch = parse(b"\n".join(lines), versions=self._versions)
        return Batch(batch.lines, (*batch.ids, *lost))

    def _fit(self, size: int, count: int) -> None:
        """Ask for as many rows as make about a batch's bytes, at the size of these."""
        mean = max(1, size // count)
        self._rows = max(1, min(self._most_rows, self._most_bytes // mean, self._rows * 2))
