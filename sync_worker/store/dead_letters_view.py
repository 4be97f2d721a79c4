"""Dead letters looked at, taken up again and thrown away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .. import config
from ..errors import SyncWorkerError
from .connection import passing

_AT_ONCE = (
    100  # entries read from the stream in one go; each holds up to dead_letters.workload_bytes
)


class NotReplayable(SyncWorkerError):
    """A dead letter that cannot be replayed."""


@dataclass(frozen=True)
class KeptLetter:
    """An entry of the stream. `size` is the workload's length before it was cut."""

    id: str
    reason: str
    workload: bytes
    size: int
    function: bytes
    handle: str

    @property
    def time(self) -> float:
        """When it was kept, in seconds since 1970."""
        return int(self.id.split("-")[0]) / 1000

    @property
    def refusal(self) -> str:
        """Why it cannot be replayed; empty if it can."""
        if not self.workload:
            return "it has no workload; `sync-worker verify --repair` sends the row again"
        if self.size > len(self.workload):
            return (
                f"its workload of {self.size} bytes was cut to {len(self.workload)}; "
                "`sync-worker verify --repair` sends the row again"
            )
        return ""


class DeadLettersView:
    """The stream of `settings`. Every method raises StoreUnavailable."""

    def __init__(self, client: Any, settings: config.DeadLetters) -> None:
        self._client = client
        self._stream = settings.stream

    def count(self) -> int:
        """How many there are."""
        with passing(always=True):
            return int(self._client.xlen(self._stream))

    def newest(self, limit: int) -> list[KeptLetter]:
        """The newest first, at most `limit`."""
        with passing(always=True):
            entries = self._client.xrevrange(self._stream, count=limit)
        return [_letter(*entry) for entry in entries]

    def get(self, id: str) -> KeptLetter | None:
        """The letter of an id, None if there is none."""
        if not re.fullmatch(r"\d{1,19}(-\d{1,19})?", id):
            return None
        with passing(always=True):
            entries = self._client.xrange(self._stream, id, id, count=1)
        return _letter(*entries[0]) if entries else None

    def all(self, before: float | None = None) -> Iterator[KeptLetter]:
        """Those that are there now, the oldest first; with `before`, older than that time only."""
        last = self.newest(1)
        if not last:
            return
        end = last[0].id if before is None else str(max(0, int(before * 1000) - 1))
        start = "-"
        while True:
            with passing(always=True):
                entries = self._client.xrange(self._stream, start, end, count=_AT_ONCE)
            for entry in entries:
                yield _letter(*entry)
            if len(entries) < _AT_ONCE:
                return
            start = _after(entries[-1][0].decode())

    def replay(self, letter: KeptLetter, submit: Callable[[bytes, bytes], Any]) -> None:
        """Submit the letter's function and workload again, and delete it once that is acknowledged.

        `submit` returns when the job server has the job, and raises if not. Raises NotReplayable.
        """
        if letter.refusal:
            raise NotReplayable(f"dead letter {letter.id} cannot be replayed: {letter.refusal}")
        submit(letter.function, letter.workload)
        self.purge([letter.id])

    def purge(self, ids: Sequence[str]) -> int:
        """Delete letters; return how many there were."""
        if not ids:
            return 0
        with passing(always=True):
            return int(self._client.xdel(self._stream, *ids))


def _after(id: str) -> str:
    """The smallest id beyond one."""
    time, _, number = id.partition("-")
    return f"{time}-{int(number) + 1}"


def _letter(id: bytes, entry: dict[bytes, bytes]) -> KeptLetter:
    workload = entry.get(b"workload", b"")
    size = entry.get(b"size", b"")
    return KeptLetter(
        id.decode(),
        entry.get(b"reason", b"").decode(errors="replace"),
        workload,
        int(size) if size.isdigit() else len(workload),
        entry.get(b"function", b""),
        entry.get(b"handle", b"").decode(errors="replace"),
    )
