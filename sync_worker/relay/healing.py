"""Notices that Redis does not hold what it should, and mends it by itself.

The epoch of a table is a key in Redis that holds the fingerprint of the rendering its keys were
written with. It is missing before the first backfill and after a FLUSHALL, and another one after a
change of the table or of its configuration.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import mysql.connector

from sync_worker.backfill import Backfill, epoch_is_current
from sync_worker.config import Config
from sync_worker.errors import StoreUnavailable, SyncWorkerError
from sync_worker.logs import fields
from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.session import Session
from sync_worker.verify import verify_table

log = logging.getLogger(__name__)


class Healing:
    """Backfills a table when it is needed, and verifies it with repair each `relay.verify`.

    One of the two at a time, in a thread of its own.
    """

    def __init__(self, config: Config, outbox: Outbox, client: Any) -> None:
        self._config = config
        self._outbox = outbox
        self._client = client
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._every = config.relay.verify
        self._verify_at = time.monotonic() + self._every

    def look(self) -> bool:
        """Start what is due, if nothing is running. Returns whether Redis answers."""
        try:
            current = epoch_is_current(self._client, self._outbox)
        except StoreUnavailable:
            return False
        if self._thread and self._thread.is_alive():
            return True
        if not current:
            self._start(self._backfill)
        elif self._every and time.monotonic() >= self._verify_at:
            self._start(self._verify)
        return True

    def close(self) -> None:
        """Stop what is running; a backfill is resumed by the next leader."""
        self._stopping.set()
        if self._thread:
            self._thread.join(5.0)

    def _start(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(
            target=self._guarded, args=(work,), name="healing", daemon=True
        )
        self._thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (SyncWorkerError, mysql.connector.Error) as error:
            log.warning(
                "A backfill or a verification was interrupted; it is tried again.",
                extra=self._fields(reason=str(error)),
            )
            self._stopping.wait(1.0)

    def _backfill(self) -> None:
        log.info("Redis lacks rows of this table; backfilling.", extra=self._fields())
        Backfill(self._config, self._outbox, self._client, stopping=self._stopping).run()

    def _verify(self) -> None:
        session = Session(self._config.mysql)
        try:
            report = verify_table(
                self._config,
                self._outbox.mapping.config,
                session,
                self._client,
                repair=True,
                stopping=self._stopping,
            )
        finally:
            session.close()
        self._verify_at = time.monotonic() + self._every
        level = logging.INFO if not any(report.found.values()) else logging.WARNING
        log.log(
            level,
            "Verified against Redis; what differed was sent again.",
            extra=self._fields(rows=report.rows, in_step=report.in_step, **report.found),
        )

    def _fields(self, **more: object) -> dict[str, object]:
        return fields(table=self._outbox.mapping.config.full_name, **more)
