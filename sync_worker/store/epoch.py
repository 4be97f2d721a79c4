"""Keys in Redis by which it is seen that Redis holds a table's rows, or has lost them.

The epoch of a table names the rendering that its keys were written with, and the outbox; it is set
when a backfill has been delivered. The marker stands for a backfill that is under way: if it has
gone by the end, Redis was emptied meanwhile and the backfill has to start over.
"""

from __future__ import annotations

from typing import Any

from .connection import passing

EPOCH_PREFIX = "sync-worker:epoch:"
MARKER_PREFIX = "sync-worker:backfill:"


class Epoch:
    """Epoch and marker of a table (schema.table). Every method raises StoreUnavailable."""

    def __init__(self, client: Any, table: str, fingerprint: str) -> None:
        self._client = client
        self._fingerprint = fingerprint.encode()
        self._epoch = EPOCH_PREFIX + table
        self._marker = MARKER_PREFIX + table

    def exists(self) -> bool:
        """Whether Redis has been filled with this table, by whatever rendering."""
        return self._get(self._epoch) is not None

    def is_current(self) -> bool:
        """Whether Redis has been filled with this rendering of the table."""
        return self._get(self._epoch) == self._fingerprint

    def begin(self, run: str) -> None:
        """Set the marker of a run."""
        with passing(always=True):
            self._client.set(self._marker, run)

    def is_marked(self, run: str) -> bool:
        """Whether the marker of the run is still there."""
        return self._get(self._marker) == run.encode()

    def finish(self, run: str) -> bool:
        """Set the epoch if Redis was not emptied since the run began; return whether it was set."""
        if not self.is_marked(run):
            return False
        with passing(always=True):
            self._client.set(self._epoch, self._fingerprint)
        if not self.is_marked(run):  # emptied just now, perhaps before the epoch was set
            with passing(always=True):
                self._client.delete(self._epoch)
            return False
        with passing(always=True):
            self._client.delete(self._marker)
        return True

    def _get(self, key: str) -> bytes | None:
        with passing(always=True):
            value: bytes | None = self._client.get(key)
        return value
