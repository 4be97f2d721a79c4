"""Mends drift by the way every change goes: an event in the outbox, delivered by the relay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sync_worker.backfill.copying import Copier, Locked
from sync_worker.store.tombstones import forget

from .keyspace import KeySpace
from .looking import AT_ONCE, parts
from .settling import Drift

_RETRY = 0.05  # s
LOCKED_SECONDS = 30.0  # that a row may be locked by the application


class Repair:
    """Sends the keys of one table again."""

    def __init__(
        self,
        copier: Copier,
        keyspace: KeySpace,
        client: Any,
        newest: Callable[[], int],
        *,
        stopping: threading.Event,
    ) -> None:
        self._copier = copier
        self._keyspace = keyspace
        self._client = client
        self._newest = newest
        self._stopping = stopping

    def send(self, drifts: Sequence[Drift]) -> None:
        """Make an event for each. What stays locked for long is left out."""
        self._forget_the_future(drifts)
        rows = [d.expected.identity for d in drifts if d.expected.identity is not None]
        for group in parts(rows):
            self._send_rows(group)
        absent = [d for d in drifts if d.expected.identity is None]
        deletes = [(d.candidate.key, self._reading(d)) for d in absent]
        for group in parts([(key, reading) for key, reading in deletes if reading]):
            self._delete(group)

    def _forget_the_future(self, drifts: Sequence[Drift]) -> None:
        """Delete keys with versions that no event of this outbox can surpass.

        Every real event of such a key is refused, so nothing is lost by it; the event that is sent
        next writes the key again.
        """
        newest = self._newest()
        keys = [d.candidate.key for d in drifts if (d.found.version or 0) > newest]
        for group in parts(keys, AT_ONCE):
            forget(self._client, group)

    def _reading(self, drift: Drift) -> tuple[str, ...]:
        readings = drift.candidate.readings or self._keyspace.read(drift.candidate.key)
        return tuple(readings[0]) if readings else ()

    def _send_rows(self, identities: list[bytes]) -> None:
        def send(part: list[bytes]) -> None:
            where = self._copier.chunks.among(part)
            self._copier.copy(f"({where})", 1 if len(part) == 1 else None)

        self._by_halves(identities, send)

    def _delete(self, rows: list[tuple[bytes, tuple[str, ...]]]) -> None:
        def send(part: list[tuple[bytes, tuple[str, ...]]]) -> None:
            deleted = self._copier.delete([literals for _, literals in part], {k for k, _ in part})
            if not deleted and len(part) > 1:  # one has a row by now: find it, and leave it
                raise Locked

        self._by_halves(rows, send)

    def _by_halves(self, items: list[Any], send: Callable[[list[Any]], None]) -> None:
        """Send all; where a row is locked, smaller groups, and a single one patiently."""
        deadline = time.monotonic() + LOCKED_SECONDS
        groups = [items]
        while groups and not self._stopping.is_set():
            group = groups.pop()
            try:
                send(group)
            except Locked:
                if len(group) > 1:
                    middle = len(group) // 2
                    groups += [group[:middle], group[middle:]]
                elif time.monotonic() < deadline:
                    groups.append(group)
                    self._stopping.wait(_RETRY)
