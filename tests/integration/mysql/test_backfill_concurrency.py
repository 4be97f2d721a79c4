"""A backfill beside writers: versions hold, and the writers do not notice, in every lock mode."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import mysql.connector
import pytest
from delivering import Stand
from installing import PRODUCT, Place
from servers import Gearmand, RedisServer

from sync_worker.backfill import Backfill, pace
from sync_worker.verify import verify_table

pytestmark = pytest.mark.matrix

ROWS = 2000
HOT = 60
ROUNDS = 4


class Writer(threading.Thread):
    """Transactions of a few rows in ascending order, so that writers alone never deadlock."""

    def __init__(self, place: Place, seed: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._chance = random.Random(seed)
        self._stop_event = stop
        self._place = place
        self._own = range(10_000 * (seed + 1), 10_000 * (seed + 1) + 200)
        self.errors: list[Exception] = []
        self.transactions = 0

    def run(self) -> None:
        connection = self._place.server.connect(database=self._place.schema, autocommit=False)
        connection.cmd_query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        while not self._stop_event.is_set():
            try:
                for statement in self._statements():
                    connection.cmd_query(statement)
                if self._chance.random() < 0.2:
                    connection.rollback()
                else:
                    connection.commit()
                self.transactions += 1
            except mysql.connector.Error as error:
                self.errors.append(error)
                connection.rollback()
        connection.close()

    def _statements(self) -> list[str]:
        chance = self._chance
        ids = sorted(chance.sample(range(1, HOT), 3))
        own = chance.choice(self._own)
        return [
            *(f"UPDATE product SET owner = {chance.randint(0, 10**9)} WHERE id = {i}" for i in ids),
            chance.choice((
                f"INSERT IGNORE INTO product VALUES ({own}, 'own', 1, 1)",
                f"DELETE FROM product WHERE id = {own}",
                f"UPDATE product SET name = 'x' WHERE id = {own}",
            )),
        ]  # fmt: skip


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_rows_end_in_step_and_writers_have_no_errors(
    mode: int, own_sql_server: Any, gearmand: Gearmand, redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    defaults = {**pace.Pace.__init__.__kwdefaults__, "first_rows": 50, "most_rows": 300}
    monkeypatch.setattr(pace.Pace.__init__, "__kwdefaults__", defaults)
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    server = own_sql_server(f"--innodb-autoinc-lock-mode={mode}")
    server.execute("CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4")
    connection = server.connect(database="shop")
    place = Place(server, connection, gearmand)
    place.run(PRODUCT)
    values = ",".join(f"({i},'name',1,1)" for i in range(1, ROWS + 1))
    place.run(f"INSERT INTO product VALUES {values}")
    place.install()
    stop = threading.Event()
    writers = [Writer(place, seed % 100 + number, stop) for number in range(4)]
    with Stand(place, redis_server, place.table()) as stand:
        for writer in writers:
            writer.start()
        try:
            for _ in range(ROUNDS):
                backfill = Backfill(
                    stand.config, stand.outbox, stand.client, stopping=threading.Event(),
                    restart=True,
                )  # fmt: skip
                assert backfill.run()
                time.sleep(0.1)
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        stand.drain()
        assert stand.values() == stand.rows(), f"seed {seed}"
        report = verify_table(stand.config, stand.table, stand.session, stand.client)
        assert report.in_step, report.document()
    connection.close()
    assert all(writer.transactions > 10 for writer in writers)
    errors = [error for writer in writers for error in writer.errors]
    if not backfill_waits(server.kind):
        assert not errors, (seed, errors[:3])
    assert len(errors) < 20, errors[:3]


def backfill_waits(kind: str) -> bool:
    """Whether the server lacks NOWAIT, so that a deadlock with a writer is possible."""
    return kind == "mysql56"
