"""Verify finds what differs, nothing else, and repair mends it by the way every change goes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import mysql.connector
import orjson
import pytest
from delivering import DEADLINE, Stand
from installing import PRODUCT, Place
from servers import RedisServer
from verifying import assert_mended, counts, fill, verify

from sync_worker.backfill import Backfill
from sync_worker.verify import Report

pytestmark = pytest.mark.matrix

ROWS = 300
NAMES = ("product_insert", "product_update", "product_delete")


@pytest.fixture
def stand(place: Place, redis_server: RedisServer) -> Iterator[Stand]:
    """300 products, in step."""
    place.run(PRODUCT)
    place.install()
    with Stand(place, redis_server, place.table()) as stand:
        fill(place, ROWS)
        stand.drain()
        yield stand


def without_triggers(stand: Stand, *statements: str) -> None:
    for name in NAMES:
        stand.place.run(f"DROP TRIGGER sync_{name}")
    stand.place.run(*statements)


def test_tables_in_step_have_no_differences(stand: Stand) -> None:
    report = verify(stand)
    assert counts(report) == (0, 0, 0)
    assert report.in_step
    assert (report.rows, report.keys) == (ROWS, ROWS)


def test_each_kind_of_difference_is_found_with_examples_and_mended(stand: Stand) -> None:
    stand.client.delete("product:1", "product:2")
    stand.client.set("product:3", '{"id":3,"_v":5}')
    stand.client.set("product:4", '{"id":4}')  # as if another program had written it
    stand.client.set("product:999", '{"id":999,"_v":5}')
    report = verify(stand)
    assert counts(report) == (2, 2, 1), report.document()
    assert not report.in_step
    example = report.examples["stale"][0].document()
    assert example["key"] == "product:3"
    assert example["found"] == '{"id":3,"_v":5}'
    assert "näme 3" in example["expected"]
    assert report.examples["orphan"][0].key == b"product:999"
    assert stand.client.get("product:3") == b'{"id":3,"_v":5}'
    assert_mended(stand)
    assert stand.values() == stand.rows()


def test_truncate_is_found_and_mended(stand: Stand) -> None:
    stand.place.run("TRUNCATE TABLE product", "INSERT INTO product VALUES (7,'new',1,1)")
    stand.drain()
    assert counts(verify(stand)) == (0, 0, ROWS - 1)
    assert_mended(stand)
    assert list(stand.values()) == [b"product:7"]


def test_flushall_is_found_and_mended(stand: Stand) -> None:
    stand.client.flushall()
    missing, stale, orphan = counts(verify(stand))
    assert missing >= ROWS - 1  # where the newest event stays in the outbox, it is there again
    assert (stale, orphan) == (0, 0)
    assert_mended(stand)
    assert stand.values() == stand.rows()


def test_rows_changed_without_triggers_are_found_and_mended(stand: Stand) -> None:
    without_triggers(
        stand,
        "UPDATE product SET name = 'x' WHERE id <= 10",
        "DELETE FROM product WHERE id > 290",
        "INSERT INTO product VALUES (1000, 'y', 1, 1)",
    )
    assert counts(verify(stand)) == (1, 10, 10)
    assert_mended(stand)
    assert stand.values() == stand.rows()


def test_a_cascade_is_found_and_mended(place: Place, redis_server: RedisServer) -> None:
    place.run(
        "CREATE TABLE parent (id INT PRIMARY KEY)",
        "CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES"
        " parent (id) ON DELETE CASCADE)",
        "INSERT INTO parent VALUES (1), (2)",
    )
    table = place.table("child")
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        place.run("INSERT INTO child VALUES (1, 1), (2, 1), (3, 2)")
        stand.drain()
        place.run("DELETE FROM parent WHERE id = 1")
        assert counts(verify(stand)) == (0, 0, 2)
        assert_mended(stand)
        assert list(stand.values()) == [b"child:3"]


def test_a_live_system_gives_no_false_alarms(stand: Stand) -> None:
    stop = threading.Event()
    errors: list[Exception] = []

    def write(seed: int) -> None:
        chance = random.Random(seed)
        connection = stand.place.server.connect(database=stand.place.schema)
        cursor = connection.cursor()
        while not stop.is_set():
            id = chance.randint(1, 40)
            try:
                cursor.execute(chance.choice((
                    f"UPDATE product SET owner = owner + 1 WHERE id = {id}",
                    f"UPDATE product SET owner = owner ^ 1 WHERE id = {id}",
                    f"DELETE FROM product WHERE id = {id}",
                    f"REPLACE INTO product VALUES ({id}, 'r', 1, 1)",
                )))  # fmt: skip
            except mysql.connector.Error as error:
                if error.errno not in (1205, 1213):
                    errors.append(error)
            time.sleep(0.002)
        connection.close()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(4):
            report = verify(stand)
            assert counts(report) == (0, 0, 0), report.document()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert not errors
    stand.drain()
    assert verify(stand).in_step


def test_what_waits_in_the_outbox_is_no_difference(stand: Stand) -> None:
    stand.hold()
    stand.place.run("UPDATE product SET name = 'later' WHERE id <= 5", "DELETE FROM product"
                    " WHERE id = 6", "INSERT INTO product VALUES (2000, 'n', 1, 1)")  # fmt: skip
    report = verify(stand, patience=0.3)
    assert counts(report) == (0, 0, 0)
    assert report.undecided == 7
    assert "events wait in the outbox" in report.notes[0]
    stand.go_on()
    assert verify(stand).in_step


def test_keys_of_other_programs_are_left_alone(stand: Stand) -> None:
    others = {"product:5000": '{"id":5000}', "product:x": "1", "product:1:stock": '{"a":1,"_v":3}',
              "product:007": '{"id":7,"_v":3}', 
              "product:99999999999": '{"id":1,"_v":3}'}  # fmt: skip
    stand.client.mset(others)
    stand.client.hset("product:6000", mapping={"a": "1"})
    assert_mended(stand)
    assert stand.client.mget(list(others)) == [value.encode() for value in others.values()]
    assert stand.client.hgetall("product:6000") == {b"a": b"1"}


def test_a_key_whose_version_is_from_the_future_is_mended(stand: Stand) -> None:
    future = 9_000_000_000_000_000
    stand.client.set("product:3", f'{{"id":3,"_v":{future}}}')
    stand.client.delete("product:4")
    stand.client.set("sync-worker:tombstone:{product:4}", str(future))
    assert counts(verify(stand)) == (1, 1, 0)
    assert_mended(stand)
    assert stand.values() == stand.rows()


def test_a_key_of_another_type_is_stale(stand: Stand) -> None:
    stand.client.delete("product:3")
    stand.client.hset("product:3", mapping={"id": "3"})
    report = verify(stand)
    assert report.found["stale"] == 1
    assert "WRONGTYPE" in str(report.examples["stale"][0].document()["found"])


def test_a_key_that_may_have_expired_is_not_missing(
    place: Place, redis_server: RedisServer
) -> None:
    place.run(PRODUCT)
    table = place.table(expire=3600)
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        fill(place, 20)
        stand.drain()
        assert verify(stand).in_step
        stand.client.delete("product:1")
        stand.client.persist("product:2")
        stand.client.expire("product:3", 10_000)
        report = verify(stand)
        assert counts(report) == (0, 2, 0)
        assert report.expired == 1
        assert_mended(stand)
        assert 0 < stand.client.ttl("product:2") <= 3600


def test_rows_that_the_filter_leaves_out_have_no_key(
    place: Place, redis_server: RedisServer
) -> None:
    place.run(PRODUCT)
    table = place.table(where="owner > 3")
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        fill(place, 70)
        stand.drain()
        assert verify(stand).in_step
        stand.client.set("product:1", '{"id":1,"_v":4}')
        report = verify(stand)
        assert counts(report) == (0, 0, 1)
        assert_mended(stand)
        assert stand.client.get("product:1") is None


def test_without_versions_rows_are_compared_as_they_are(
    place: Place, redis_server: RedisServer
) -> None:
    place.run(PRODUCT)
    table = place.table(versions=False)
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        fill(place, 50)
        stand.drain()
        assert verify(stand).in_step
        stand.client.delete("product:1")
        stand.client.set("product:2", "{}")
        stand.client.set("product:99", '{"id":99}')
        assert counts(verify(stand)) == (1, 1, 1)
        assert_mended(stand)
        assert stand.values() == stand.rows()


KEYS = [
    ("sku VARCHAR(50) NOT NULL UNIQUE, id INT PRIMARY KEY", "sku:{sku}",
     [("a:b", 1), ("é*[x]", 2), ("Ab", 3)], [b"sku:gone", "sku:{é}".encode(), b"sku:ab"]),
    ("a INT, b VARCHAR(20) CHARACTER SET latin1, PRIMARY KEY (b, a)", "k[{a}]{b}",
     [(1, "x"), (2, "é y")], [b"k[3]x", "k[2]é".encode(), b"k[1]"]),
    ("b VARBINARY(20) PRIMARY KEY", "bin:{b}",
     [(b"\0\xff",), (b"",)], [b"bin:AAAA", b"bin:/w=="]),
    ("d DATE, t TIMESTAMP NOT NULL DEFAULT '2000-01-01', PRIMARY KEY (d, t)", "d:{d}/{t}",
     [("2020-01-01", "2020-01-01 10:00:00")], [b"d:2021-01-01/2020-01-01 10:00:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "key", "rows", "orphans"), KEYS)
def test_keys_without_a_row_are_read_back_to_columns(
    columns: str, key: str, rows: list[Any], orphans: list[bytes],
    place: Place, redis_server: RedisServer,
) -> None:  # fmt: skip
    place.run("SET time_zone='+00:00'", f"CREATE TABLE k ({columns})")
    table = place.table("k", key=key)
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        for row in rows:
            place.rows(f"INSERT INTO k VALUES ({','.join(['%s'] * len(row))})", *row)
        stand.drain()
        report = verify(stand)
        assert report.in_step, report.document()
        assert report.keys == len(rows)
        for orphan in orphans:
            stand.client.set(orphan, '{"_v":7}')
        assert counts(verify(stand)) == (0, 0, len(orphans))
        assert_mended(stand)
        assert stand.values() == stand.rows()


def test_the_repair_of_an_orphan_waits_for_a_row_that_is_being_inserted(stand: Stand) -> None:
    stand.client.set("product:999", '{"id":999,"_v":5}')
    writer = stand.place.server.connect(database=stand.place.schema, autocommit=False)
    cursor = writer.cursor()
    cursor.execute("INSERT INTO product VALUES (999, 'new', 1, 1)")
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(verify(stand, repair=True)))
    thread.start()
    time.sleep(1.0)
    writer.commit()
    writer.close()
    thread.join(DEADLINE)
    assert reports
    stand.drain()
    assert orjson.loads(stand.client.get("product:999"))["name"] == "new"
    assert verify(stand).in_step


def test_a_rate_is_held_and_a_stop_obeyed(stand: Stand) -> None:
    start = time.monotonic()
    verify(stand, rate=500)
    assert time.monotonic() - start > 0.8 * ROWS / 500
    stopping = threading.Event()
    stopping.set()
    assert verify(stand, stopping=stopping).notes == ["stopped before the end"]


def test_large_rows_are_compared_without_holding_many(
    place: Place, redis_server: RedisServer
) -> None:
    place.run("CREATE TABLE big (id INT PRIMARY KEY, v MEDIUMTEXT)")
    table = place.table("big")
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        for i in range(12):
            place.run(f"INSERT INTO big VALUES ({i}, REPEAT('x', 1000000))")
        stand.drain()
        report = verify(stand)
        assert report.in_step
        assert report.rows == 12
        stand.client.delete("big:3")
        assert_mended(stand)


def test_a_backfill_leaves_nothing_for_verify(stand: Stand) -> None:
    stand.client.flushall()
    assert Backfill(stand.config, stand.outbox, stand.client, stopping=threading.Event()).run()
    assert verify(stand).in_step
