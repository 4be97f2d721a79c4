"""Verify compares hashes by field and documents by value."""

from __future__ import annotations

import pytest
from delivering import Stand
from installing import PRODUCT, Place
from servers import RedisServer
from verifying import assert_mended, counts, fill, verify

pytestmark = pytest.mark.matrix


def test_hashes_are_compared_by_field(place: Place, redis_server: RedisServer) -> None:
    place.run(PRODUCT)
    table = place.table(kind="hash")
    place.install(table)
    with Stand(place, redis_server, table) as stand:
        fill(place, 50)
        place.run("UPDATE product SET owner = NULL, price = NULL WHERE id < 10")
        stand.drain()
        assert verify(stand).in_step
        stand.client.hset("product:3", "name", "other")
        stand.client.hset("product:4", "more", "1")
        stand.client.hdel("product:5", "_v")
        stand.client.delete("product:6")
        stand.client.hset("product:777", mapping={"id": "777", "_v": "4"})
        assert counts(verify(stand)) == (1, 3, 1)
        assert_mended(stand)
        assert stand.client.hget("product:3", "name") == "näme 3".encode()


def test_documents_are_compared_by_value(place: Place, documents_redis: RedisServer) -> None:
    place.run(PRODUCT)
    place.run("ALTER TABLE product ADD big DECIMAL(65,30), ADD ratio DOUBLE, ADD n BIGINT UNSIGNED")
    table = place.table(kind="redisjson")
    place.install(table)
    with Stand(place, documents_redis, table) as stand:
        place.run(
            "INSERT INTO product (id, name, price, owner, big, ratio, n) VALUES "
            "(1, 'näme \"1\"\\\\ \t/', 12.50, NULL, 12345678901234567890.123, 1e-7, "
            "18446744073709551615),"
            "(2, '', 12.00, 0, -0.1, 1e300, 9007199254740993), (3, '3', 1, 1, 1, 1, 1),"
            "(4, '4', 1, 1, 1, 1, 1), (5, '5', 1, 1, 1, 1, 1), (6, '6', 1, 1, 1, 1, 1)"
        )
        stand.drain()
        assert stand.client.type("product:1") == b"ReJSON-RL"
        assert verify(stand).in_step

        def put(key: str, document: str) -> None:
            stand.client.execute_command("JSON.SET", key, "$", document)

        row = '{"id":%d,"name":"%d","price":1,"owner":1,"big":1,"ratio":1,"n":1%s}'
        put("product:3", row % (3, 3, ',"_v":1'))  # the same, of another version and form
        assert verify(stand).in_step
        put("product:3", row % (3, 4, ',"_v":1'))
        put("product:4", row % (4, 4, ""))  # as if another program had written it
        stand.client.set("product:5", row % (5, 5, ""))
        stand.client.delete("product:2")  # not the newest event's: MySQL 5.6 keeps that one
        put("product:777", row % (7, 7, ',"_v":4'))
        put("product:778", '{"id":778}')
        report = verify(stand)
        assert counts(report) == (1, 3, 1), report.document()
        assert_mended(stand)
        assert stand.client.type("product:5") == b"ReJSON-RL"
        assert stand.client.exists("product:777", "product:778") == 1  # 778 is not ours
