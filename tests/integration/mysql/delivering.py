"""A relay and worker in one thread, which a test can hold and watch."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import orjson
import redis
from installing import Place
from servers import RedisServer

from sync_worker import config
from sync_worker.mysql.outbox import ID, Outbox
from sync_worker.mysql.outboxes import compile_outbox
from sync_worker.mysql.session import Session
from sync_worker.relay.batch import parse
from sync_worker.store.events import parse_lines
from sync_worker.store.redis_store import RedisStore

ROWS = 1000
DEADLINE = 60.0  # seconds, for whatever a test waits for


class Stand:
    """A table with its outbox, and Redis. Rows move while it is entered and not held."""

    def __init__(self, place: Place, server: RedisServer, *tables: config.SyncedTable) -> None:
        self.place = place
        self.table = tables[0]
        base = place.settings(*tables)
        self.config = replace(base, redis=config.Redis(url=server.url))
        self.client: redis.Redis = server.client()
        self.session = Session(self.config.mysql)
        self.outbox: Outbox = compile_outbox(self.session, self.config, self.table)
        self.store = RedisStore(self.config.redis, self.config.events)
        self.delivered = 0
        self._moving = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self._moving.set()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._moving.set()
        self._thread.join(DEADLINE)
        self.session.close()
        self.client.close()
        self.store.close()
        if self._error and kind is None:
            raise self._error

    def hold(self) -> None:
        """Deliver nothing until `go_on`."""
        self._moving.clear()
        time.sleep(0.1)

    def go_on(self) -> None:
        """Deliver again."""
        self._moving.set()

    def values(self) -> dict[bytes, Any]:
        """What Redis holds for the rows, without versions."""
        found = {}
        for key in self.client.scan_iter(count=1000):
            if not key.startswith(b"sync-worker:"):
                value = orjson.loads(self.client.get(key))
                value.pop("_v", None)
                found[key] = value
        return found

    def rows(self) -> dict[bytes, Any]:
        """What Redis should hold, by the table."""
        mapping = self.outbox.mapping
        columns = {c.name: f"t.`{c.name}`" for c in mapping.identity}
        source = f"`{mapping.table.schema}`.`{mapping.table.name}`"
        rows = self.session.rows(
            f"SELECT {mapping.key_text(columns)},{mapping.row('t')} FROM {source} t "
            f"WHERE {mapping.matches('t')}"
        )
        return {key: orjson.loads(row) for key, row in rows}

    def drain(self) -> None:
        """Wait until the outbox is empty."""
        spare = 0 if self.outbox.mapping.server.keeps_auto_increment else 1
        deadline = time.monotonic() + DEADLINE
        while int(self.session.row(f"SELECT COUNT(*) FROM {self.outbox.sql}")[0]) > spare:
            assert time.monotonic() < deadline, self._error or "the outbox is never empty"
            time.sleep(0.01)

    def _run(self) -> None:
        try:
            session = Session(self.config.mysql)
            while not self._stopping.is_set():
                self._moving.wait()
                if not self._move(session):
                    time.sleep(0.005)
            session.close()
        except BaseException as error:
            self._error = error
            raise

    def _move(self, session: Session) -> int:
        count, text = session.row(self.outbox.read(0, ROWS))
        if not int(count):
            return 0
        batch = parse(text, versions=self.table.versions)
        events, bad = parse_lines(batch.workload)
        assert not bad, bad
        self.store.apply(events)
        done = sorted(batch.ids)
        if not self.outbox.mapping.server.keeps_auto_increment:
            done = done[:-1]
        if done:
            # By the index alone: a scan would wait for the events of open transactions.
            session.execute(
                f"DELETE {self.outbox.sql} FROM {self.outbox.sql} FORCE INDEX (PRIMARY) "
                f"WHERE `{ID}` IN ({','.join(map(str, done))})"
            )
        self.delivered += len(done)
        return len(done)
