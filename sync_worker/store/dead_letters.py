"""Jobs and events that cannot be applied because of their data, kept in a capped Redis stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import config
from .connection import passing


class DeadLetter(NamedTuple):
    """One job, or one line of a job, and why it could not be applied."""

    reason: str
    workload: bytes
    function: bytes
    handle: bytes


class DeadLetters:
    """Appends to the stream of `settings`. Entry: reason, workload, size, function, handle.

    `size` is the workload's length in bytes; where it is larger than the workload kept, the
    workload was cut and cannot be replayed. The entry's id is the time.
    """

    def __init__(self, client: Any, settings: config.DeadLetters) -> None:
        self._client = client
        self._settings = settings

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Writes the letters. Raises StoreUnavailable, then some may have been written."""
        pipeline = self._client.pipeline(transaction=False)
        for letter in letters:
            entry = letter._asdict()
            entry["size"] = len(letter.workload)
            entry["workload"] = letter.workload[: self._settings.workload_bytes]
            pipeline.xadd(
                self._settings.stream, entry, maxlen=self._settings.keep, approximate=True
            )
        with passing(always=True):
            pipeline.execute()
