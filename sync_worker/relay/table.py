"""The relay of one table: leads its outbox while it holds the lock, and stands by otherwise.

The life of an event: it is read after its commit, applied with its batch, by the relay itself if
that is small and by a worker otherwise, and only then deleted. What is not deleted is not done, so
a relay that dies at any moment loses nothing, and its successor sends again what was under way.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from contextlib import suppress

import mysql.connector

from sync_worker.config import Config, SyncedTable
from sync_worker.counters import Counters
from sync_worker.errors import ConfigError, DatabaseUnavailable, GearmanError, StoreUnavailable
from sync_worker.gearman import Worker as Doorbell
from sync_worker.logs import fields
from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.outboxes import compile_outbox
from sync_worker.mysql.schema import read_table
from sync_worker.mysql.session import Session
from sync_worker.mysql.triggers import doorbell_function
from sync_worker.store.dead_letters import DeadLetter, DeadLetters
from sync_worker.store.redis_store import RedisStore

from .at_once import AtOnce
from .batch import Batch
from .delivery import Delivery
from .healing import Healing
from .reader import Reader
from .remover import Remover
from .schedule import Schedule

log = logging.getLogger(__name__)

RETRY = 1.0  # s, after the database server was lost
CONFIG_RETRY = 10.0  # s, after the table and the configuration were found not to fit
# A leader whose host vanished or froze says nothing more; the server closes its connection, and so
# lets go of the lock, after this. A live one runs a query at least each SCHEMA_SECONDS.
SILENT_SECONDS = 20
SCHEMA_SECONDS = 1.0  # between two looks at the table's columns
SWEEP_SECONDS = 0.5  # between two looks for events of transactions that took long
SWEEP_SHARE = 20  # a sweep that takes long is made rarer: at most this part of the time
CLOSE_SECONDS = 5.0


class SchemaChanged(Exception):
    """The table's columns are others now; compile the mapping again."""


class TableRelay:
    """The relay of one table, run by a thread of its own until `stopping` is set."""

    def __init__(
        self,
        config: Config,
        table: SyncedTable,
        counters: Counters,
        stopping: threading.Event,
        wakeup_fd: int,
    ) -> None:
        self._config = config
        self._table = table
        self._counters = counters
        self._stopping = stopping
        self._wakeup_fd = wakeup_fd
        self._store = RedisStore(config.redis, config.events)
        self._letters = DeadLetters(self._store.client, config.dead_letters)
        # Without versions order is all there is, so all is for the workers then.
        self._most_at_once = config.relay.at_once if table.versions else 0

    def run(self) -> None:
        """Lead or stand by until told to stop; whatever is lost is opened again."""
        while not self._stopping.is_set():
            wait = RETRY
            try:
                self._attempt()
                continue
            except SchemaChanged:
                log.info("The table's columns have changed.", extra=self._fields())
                continue
            except ConfigError as error:
                wait = CONFIG_RETRY
                reason = str(error)
            except (
                DatabaseUnavailable,
                GearmanError,
                StoreUnavailable,
                mysql.connector.Error,
            ) as error:
                reason = str(error)
            except Exception as error:  # a fault of ours: it must not end the thread
                log.exception("The relay of a table has failed.", extra=self._fields())
                wait = CONFIG_RETRY
                reason = repr(error)
            log.warning(
                "The outbox cannot be relayed; events wait in it.",
                extra=self._fields(reason=reason, retry_s=wait),
            )
            self._stopping.wait(wait)
        self._store.close()

    def _attempt(self) -> None:
        session = Session(self._config.mysql)
        try:
            session.execute(f"SET SESSION wait_timeout={SILENT_SECONDS}")
            outbox = compile_outbox(session, self._config, self._table)
            self._await_leadership(session, outbox)
            if not self._stopping.is_set():
                # The table may have been altered while another relay led.
                self._lead(session, compile_outbox(session, self._config, self._table))
        finally:
            session.close()

    def _await_leadership(self, session: Session, outbox: Outbox) -> None:
        """Wait for the outbox's lock; the server lets go of it with the leader's connection."""
        name = lock_name(outbox)
        said = False
        while not self._stopping.is_set():
            if session.row("SELECT GET_LOCK(%s, 1)", (name,))[0] == b"1":
                log.info("Leading.", extra=self._fields())
                return
            if not said:
                log.info("Another relay leads; standing by.", extra=self._fields())
                said = True

    def _lead(self, session: Session, outbox: Outbox) -> None:
        remover = Remover(lambda: Session(self._config.mysql), outbox)
        delivery = Delivery(
            self._config.gearman.servers,
            self._config.gearman.function,
            at_once=AtOnce(self._store, self._counters, self._most_at_once),
            done=lambda batch: self._delivered(batch, remover),
            give_up=lambda batch, reason: self._give_up(batch, reason, remover),
        )
        reader = Reader(
            session,
            outbox,
            rows=self._config.relay.batch_rows,
            most_bytes=self._config.relay.batch_bytes,
            too_large=lambda id: self._too_large(id, outbox),
        )
        schedule = Schedule(self._config.relay.poll)
        doorbell = Doorbell(
            self._config.gearman.servers,
            [doorbell_function(outbox)],
            in_flight=1,
            on_wake=schedule.ring,
        )
        healing = Healing(self._config, outbox, self._store.client)
        try:
            doorbell.watch(self._wakeup_fd)
            _Leading(self._config, self._counters, self._stopping, session, outbox, schedule).loop(
                reader, delivery, remover, doorbell, healing
            )
        finally:
            healing.close()
            doorbell.close()
            self._drain(delivery, remover)

    def _drain(self, delivery: Delivery, remover: Remover) -> None:
        """Wait a little for what is under way, so that a successor need not send it again."""
        deadline = time.monotonic() + CLOSE_SECONDS
        with suppress(GearmanError):
            while delivery.under_way and time.monotonic() < deadline:
                delivery.collect()
                time.sleep(0.01)
        delivery.close()
        remover.close(CLOSE_SECONDS)

    def _delivered(self, batch: Batch, remover: Remover) -> None:
        remover.remove(batch.ids)
        self._counters.add("relayed", len(batch.ids))

    def _give_up(self, batch: Batch, reason: str, remover: Remover) -> None:
        function = self._config.gearman.function.encode()
        self._letters.add([DeadLetter(reason, batch.workload, function, b"")])
        remover.remove(batch.ids)
        self._counters.add("dead_lettered", 1)

    def _too_large(self, id: int, outbox: Outbox) -> None:
        reason = f"event {id} of {outbox.name}: the row is larger than max_allowed_packet"
        self._letters.add([DeadLetter(reason, b"", self._config.gearman.function.encode(), b"")])
        self._counters.add("dead_lettered", 1)
        log.error("A row is too large to be relayed; its key is out of date.", extra=self._fields())

    def _fields(self, **more: object) -> dict[str, object]:
        return fields(table=self._table.full_name, **more)


class _Leading:
    """The leader's loop: read, submit, collect, and wait for the first of what may come."""

    def __init__(
        self,
        config: Config,
        counters: Counters,
        stopping: threading.Event,
        session: Session,
        outbox: Outbox,
        schedule: Schedule,
    ) -> None:
        self._counters = counters
        self._in_flight = config.relay.in_flight
        self._stopping = stopping
        self._session = session
        self._outbox = outbox
        self._schedule = schedule
        now = time.monotonic()
        self._sweep_at = now + SWEEP_SECONDS
        self._schema_at = now

    def loop(
        self,
        reader: Reader,
        delivery: Delivery,
        remover: Remover,
        doorbell: Doorbell,
        healing: Healing,
    ) -> None:
        """Until told to stop, or something is lost."""
        watched: int | None = None
        while not self._stopping.is_set():
            now = time.monotonic()
            if delivery.under_way < self._in_flight:
                if now >= self._schedule.next:
                    batch = reader.read()
                    self._schedule.looked(more=reader.full)
                    _pass_on(batch, delivery, remover)
                elif now >= self._sweep_at:
                    self._sweep(reader, delivery, remover)
            if now >= self._schema_at:
                self._check_schema()
                self._counters.set("redis_up", healing.look())
                self._counters.set("job_servers_up", len(doorbell.connected))
            delivery.collect()
            if delivery.client.fileno() != watched:
                watched = _watch(doorbell, watched, delivery.client.fileno())
            jobs = doorbell.jobs(self._wait(delivery))
            if jobs:
                doorbell.complete(jobs)
                doorbell.flush()
                self._schedule.ring()

    def _wait(self, delivery: Delivery) -> float:
        """How long nothing needs to be done unless something comes in."""
        times = [self._schema_at]
        if delivery.under_way < self._in_flight:
            times += [self._schedule.next, self._sweep_at]
        due = delivery.due()
        if due is not None:
            times.append(due)
        wait = min(times) - time.monotonic()
        if delivery.client.unsent:
            wait = min(wait, 0.0005)
        return max(0.0, wait)

    def _sweep(self, reader: Reader, delivery: Delivery, remover: Remover) -> None:
        start = time.monotonic()
        batch = reader.sweep(frozenset(delivery.ids) | remover.waiting)
        _pass_on(batch, delivery, remover)
        if reader.full:
            self._schedule.ring()
        now = time.monotonic()
        self._sweep_at = now + max(SWEEP_SECONDS, SWEEP_SHARE * (now - start))

    def _check_schema(self) -> None:
        table = self._outbox.mapping.table
        cursor = self._session.cursor()
        same = read_table(cursor, table.schema, table.name) == table
        cursor.close()
        if not same:
            raise SchemaChanged
        self._schema_at = time.monotonic() + SCHEMA_SECONDS


def _pass_on(batch: Batch | None, delivery: Delivery, remover: Remover) -> None:
    if batch and batch.lines:
        delivery.send(batch)
    elif batch:
        remover.remove(batch.ids)


def _watch(doorbell: Doorbell, before: int | None, now: int | None) -> int | None:
    if before is not None:
        doorbell.unwatch(before)
    if now is not None:
        doorbell.watch(now)
    return now


def lock_name(outbox: Outbox) -> str:
    """The name of the leader's lock: at most 64 characters, the same for every relay."""
    digest = hashlib.sha256(f"{outbox.schema}/{outbox.name}".encode()).hexdigest()[:32]
    return f"sync-worker:relay:{digest}"
