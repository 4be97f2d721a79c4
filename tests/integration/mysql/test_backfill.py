"""The backfill of a table: all rows arrive, whatever the key, and whatever happens meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from delivering import DEADLINE, Stand
from installing import PRODUCT, Place
from servers import RedisServer

from sync_worker.backfill import Backfill, Report, epoch_is_current, pace
from sync_worker.errors import ConfigError
from sync_worker.mysql.chunks import Chunks

pytestmark = pytest.mark.matrix

ROWS = 500


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace.Pace.__init__, "__kwdefaults__", {
        **pace.Pace.__init__.__kwdefaults__, "first_rows": 20, "most_rows": 100,
    })  # fmt: skip


@pytest.fixture
def stand(place: Place, redis_server: RedisServer) -> Iterator[Stand]:
    """500 products that are in no outbox."""
    place.run(PRODUCT)
    fill(place, ROWS)
    place.install()
    with Stand(place, redis_server, place.table()) as stand:
        stand.drain()
        yield stand


def fill(place: Place, rows: int, first: int = 1) -> None:
    values = ",".join(f"({i},'name {i}',{i}.5,{i % 7})" for i in range(first, first + rows))
    place.run(f"INSERT INTO product VALUES {values}")


def backfill(stand: Stand, **options: Any) -> Backfill:
    options = {"stopping": threading.Event(), **options}
    return Backfill(stand.config, stand.outbox, stand.client, **options)


def in_thread(backfill: Backfill) -> tuple[threading.Thread, list[bool]]:
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(backfill.run()), daemon=True)
    thread.start()
    return thread, results


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_row_arrives_and_the_epoch_is_set(stand: Stand) -> None:
    assert not epoch_is_current(stand.client, stand.outbox)
    reports: list[Report] = []
    assert backfill(stand, on_progress=reports.append).run()
    assert stand.values() == stand.rows()
    assert len(stand.rows()) == ROWS
    assert epoch_is_current(stand.client, stand.outbox)
    assert reports[-1].state == "done"
    assert reports[-1].rows == ROWS
    assert stand.client.keys("sync-worker:backfill:*") == []


def test_an_empty_table_has_an_epoch_too(place: Place, redis_server: RedisServer) -> None:
    place.run(PRODUCT)
    place.install()
    with Stand(place, redis_server, place.table()) as stand:
        assert backfill(stand).run()
        assert epoch_is_current(stand.client, stand.outbox)


KEYS = {
    "composite": ("a INT, b VARCHAR(20) CHARACTER SET latin1, PRIMARY KEY (b, a)", "{a}/{b}"),
    "text": ("a VARCHAR(20) CHARACTER SET utf8 COLLATE utf8_general_ci PRIMARY KEY", "{a}"),
    "wide text": ("a VARCHAR(20) CHARACTER SET utf16 PRIMARY KEY", "{a}"),
    "binary": ("a VARBINARY(20) PRIMARY KEY", "{a}"),
    "fixed binary": ("a BINARY(8) PRIMARY KEY", "{a}"),
    "decimal": ("a DECIMAL(30,10) PRIMARY KEY", "{a}"),
    "double": ("a DOUBLE PRIMARY KEY, b INT NOT NULL UNIQUE", "{b}"),
    "float": ("a FLOAT PRIMARY KEY, b INT NOT NULL UNIQUE", "{b}"),
    "time": ("a DATETIME(6), b TIME, PRIMARY KEY (a, b)", "{a} {b}"),
    "timestamp": ("a TIMESTAMP(3) NOT NULL DEFAULT '2000-01-01', b DATE, PRIMARY KEY (b, a)",
                  "{a} {b}"),
    "enum and bits": ("a ENUM('z','y','x') NOT NULL, b BIT(64) NOT NULL, c SET('p','q','r'),"
                      " PRIMARY KEY (a, b, c)", "{a}:{b}:{c}"),
    "unsigned": ("a BIGINT UNSIGNED PRIMARY KEY", "{a}"),
    "zerofill": ("a INT ZEROFILL, b YEAR, PRIMARY KEY (a, b)", "{a}.{b}"),
}  # fmt: skip
VALUES = {
    "composite": [(i % 7, f"k'é\\{i}") for i in range(100)] + [(1, ""), (2, ""), (3, "K'É")],
    "text": [(f"ключ {i}",) for i in range(100)] + [("",), (" x",), ("a,b",)],
    "wide text": [(f"ключ {i} €",) for i in range(100)] + [("😀",), ("",)],
    "binary": [(bytes([i, 0, 255 - i]),) for i in range(150)] + [(b"",), (b"\0",), (b"\0\0",)],
    "fixed binary": [(i.to_bytes(8, "big"),) for i in range(100)] + [(b"\xff" * 8,)],
    "decimal": [(f"-{i}.0000000001",) for i in range(60)] + [("99999999999999999999.9999999999",)],
    "double": [(i / 7, i) for i in range(-50, 50)] + [(1.7976931348623157e308, 98), (1e15, 99)],
    "float": [(i / 3, i) for i in range(99)] + [(3.4e38, 101), (1e-30, 102)],
    "time": [(f"2020-01-01 00:00:{i % 60:02}.{i:06}", f"-{i}:00:01") for i in range(100)],
    "timestamp": [(f"2020-03-29 0{i % 9}:30:00.{i:03}", "2020-01-01") for i in range(100)],
    "enum and bits": [("zyx"[i % 3], 2**63 + i, "p,r" if i % 2 else "q") for i in range(100)],
    "unsigned": [(2**64 - 1 - i,) for i in range(100)] + [(0,)],
    "zerofill": [(i, 2000 + i) for i in range(100)],
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_any_type_are_walked_and_copied_exactly(
    kind: str, place: Place, redis_server: RedisServer
) -> None:
    columns, key = KEYS[kind]
    place.run("SET time_zone='+00:00'", f"CREATE TABLE k (v INT, {columns})")
    for number, row in enumerate(VALUES[kind]):
        marks = ",".join(["%s"] * (len(row) + 1))
        place.rows(f"INSERT INTO k VALUES ({marks})", number, *row)
    table = place.table("k", key=f"k:{key}")
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        assert backfill(stand).run()
        assert stand.values() == stand.rows()
        assert len(stand.values()) == len(VALUES[kind])


def test_a_chunk_reads_no_more_rows_than_it_takes(place: Place, redis_server: RedisServer) -> None:
    place.run(
        "CREATE TABLE k (a INT, b VARCHAR(20) CHARACTER SET latin1, c ENUM('z','y','x') NOT NULL,"
        " PRIMARY KEY (a, b, c))"
    )
    rows = [(i // 100, f"k{i % 100}", 1 + i % 3) for i in range(2000)]
    place.run("INSERT INTO k VALUES " + ",".join(map(str, rows)))
    place.run("ANALYZE TABLE k")
    table = place.table("k", key="k:{a}:{b}:{c}")
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        chunks = Chunks(stand.outbox)
        start = stand.session.rows(chunks.select([chunks.identity], "1", 1500))[-1][0]
        stand.session.execute("FLUSH STATUS")
        statement = chunks.select([chunks.identity], chunks.after(start), 50)
        assert len(stand.session.rows(f"{statement} LOCK IN SHARE MODE")) == 50
        status = stand.session.rows("SHOW SESSION STATUS LIKE 'Handler_read%'")
        read = sum(int(value) for name, value in status if not name.endswith(b"rnd_next"))
    assert read <= 60


def test_a_run_that_was_stopped_goes_on_where_it_stopped(stand: Stand) -> None:
    stopping = threading.Event()

    def stop(report: Report) -> None:
        if report.rows >= ROWS // 3:
            stopping.set()

    before = stand.delivered
    assert not backfill(stand, stopping=stopping, on_progress=stop).run()
    assert not epoch_is_current(stand.client, stand.outbox)
    assert backfill(stand).run()
    assert stand.values() == stand.rows()
    assert stand.delivered - before <= ROWS + 2


def test_a_run_that_was_killed_starts_over_when_asked_to_or_when_redis_was_emptied(
    stand: Stand,
) -> None:
    for restart in (True, False):
        stopping = threading.Event()
        backfill(stand, stopping=stopping, on_progress=lambda report, s=stopping: s.set()).run()
        stand.drain()
        stand.client.delete(*stand.values()) if restart else stand.client.flushall()
        assert backfill(stand, restart=restart).run()
        assert stand.values() == stand.rows()
        stand.client.flushall()


def test_flushall_in_the_middle_does_not_end_in_a_set_epoch(stand: Stand) -> None:
    states: list[str] = []

    def flush(report: Report) -> None:
        if report.rows > ROWS // 2 and "restarted" not in states and report.state == "delivering":
            stand.drain()
            stand.client.flushall()
        states.append(report.state)

    stand.hold()
    worker, results = in_thread(backfill(stand, on_progress=flush))
    wait_for(lambda: len(stand.place.ids()) >= ROWS)
    stand.go_on()
    worker.join(DEADLINE)
    assert results == [True]
    assert "restarted" in states
    assert stand.values() == stand.rows()
    assert epoch_is_current(stand.client, stand.outbox)


def test_the_outbox_is_not_filled_beyond_the_limit(stand: Stand) -> None:
    stand.hold()
    states: list[str] = []
    worker, results = in_thread(
        backfill(stand, most_waiting=120, on_progress=lambda report: states.append(report.state))
    )
    wait_for(lambda: "throttled" in states)
    time.sleep(0.3)
    assert len(stand.place.ids()) <= 121
    stand.go_on()
    worker.join(DEADLINE)
    assert results == [True]
    assert stand.values() == stand.rows()


def test_a_rate_is_held(stand: Stand) -> None:
    start = time.monotonic()
    assert backfill(stand, rate=400).run()
    assert time.monotonic() - start > 0.8 * ROWS / 400


def test_one_backfill_of_a_table_runs_at_a_time(stand: Stand) -> None:
    stand.hold()
    worker, results = in_thread(backfill(stand))
    wait_for(lambda: len(stand.place.ids()) > ROWS // 2)
    second = backfill(stand)
    assert not second.run()
    assert second.busy
    stand.go_on()
    worker.join(DEADLINE)
    assert results == [True]


def test_a_locked_row_delays_the_backfill_and_nobody_else(stand: Stand) -> None:
    states: list[str] = []
    locker = stand.place.server.connect(database=stand.place.schema, autocommit=False)
    try:
        locker.cmd_query("UPDATE product SET name = 'locked' WHERE id = 250")
        worker, results = in_thread(
            backfill(stand, on_progress=lambda report: states.append(report.state))
        )
        wait_for(lambda: "locked" in states)
        stand.place.run("SET innodb_lock_wait_timeout = 5")
        stand.place.run("UPDATE product SET name = 'free' WHERE id IN (248, 249, 251)")
        assert not results
        locker.commit()
    finally:
        locker.close()
    worker.join(DEADLINE)
    assert results == [True]
    stand.drain()
    assert stand.values() == stand.rows()
    assert stand.values()[b"product:250"]["name"] == "locked"


def test_rows_that_the_filter_leaves_out_are_sent_only_if_redis_may_hold_them(
    place: Place, redis_server: RedisServer
) -> None:
    place.run(PRODUCT)
    fill(place, 100)
    table = place.table(where="id <= 10")
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        assert backfill(stand).run()
        assert len(stand.values()) == 10
        assert len(stand.client.keys("sync-worker:tombstone:*")) <= 1
        stand.client.set("product:50", '{"id":50,"_v":1}')
        assert backfill(stand).run()
        assert stand.values() == stand.rows()


def test_without_an_outbox_the_error_says_what_to_do(
    place: Place, redis_server: RedisServer
) -> None:
    place.run(PRODUCT)
    stand = Stand(place, redis_server, place.table())
    with pytest.raises(ConfigError, match=r"has no outbox .*sync-worker install"):
        backfill(stand).run()
