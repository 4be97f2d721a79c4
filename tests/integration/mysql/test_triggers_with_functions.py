"""Triggers that call the loadable functions: the doorbell, and direct delivery."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from installing import PRODUCT, Place
from servers import Gearmand

from sync_worker.gearman import Worker

pytestmark = pytest.mark.matrix

DEADLINE = 30.0  # seconds


@pytest.fixture
def product(place: Place) -> Place:
    place.with_functions()
    place.run(PRODUCT)
    return place


def install_direct(place: Place, **entry: Any) -> None:
    place.install(place.table(delivery="direct", **entry), functions="yes")


@contextmanager
def receiving(place: Place) -> Iterator[Callable[[int], list[list[str]]]]:
    """A function that waits for as many event lines; each is its five fields."""
    with closing(Worker([place.gearmand.address], [place.function])) as worker:
        lines: list[list[str]] = []

        def lines_of(count: int) -> list[list[str]]:
            deadline = time.monotonic() + DEADLINE
            while len(lines) < count and time.monotonic() < deadline:
                jobs = worker.jobs(1.0)
                lines.extend(job.workload.decode().split("\t") for job in jobs)
                worker.complete(jobs)
                worker.flush(1.0)
            assert len(lines) == count, lines
            taken = lines[:]
            lines.clear()
            return taken

        yield lines_of
        assert worker.jobs(0.05) == []


def counts(place: Place) -> dict[str, int]:
    ((text,),) = place.rows("SELECT gman_status()")
    status = json.loads(text)
    return {name: status[name] for name in ("submitted", "failed", "posted", "dropped")}


def test_the_doorbell_rings_for_what_changes_and_waits_as_one_job(product: Place) -> None:
    product.install(functions="yes")
    for statement in (
        "INSERT INTO product VALUES (1, 'a', 1, 1), (2, 'b', 1, 1), (3, 'c', 1, 1)",
        "UPDATE product SET id = id + 10 ORDER BY id DESC",
        "DELETE FROM product",
    ):
        before = counts(product)["posted"]
        product.run(statement)
        assert counts(product)["posted"] > before, statement
    before = counts(product)["posted"]
    product.run("DELETE FROM product WHERE id = 99")
    assert counts(product)["posted"] == before
    bell = f"syncOutbox:{product.schema}.product"
    deadline = time.monotonic() + DEADLINE
    while not product.gearmand.queued(bell) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert product.gearmand.queued(bell) == 1


def test_direct_triggers_submit_the_row_and_leave_the_outbox_empty(product: Place) -> None:
    install_direct(product)
    before = time.time_ns() // 1000 - 1_000_000
    with receiving(product) as lines:
        product.run("INSERT INTO product VALUES (1, 'a \"b\"\\n', 1.50, NULL)")
        ((version, key, kind, expiry, row),) = lines(1)
        assert before < int(version) < before + 60_000_000
        assert (key, kind, expiry) == ('"product:1"', "json", "")
        assert row == '{"id":1,"name":"a \\"b\\"\\n","price":1.50,"owner":null}'

        product.run("UPDATE product SET owner = 4")
        ((later, _, _, _, row),) = lines(1)
        assert int(later) > int(version)
        assert json.loads(row)["owner"] == 4

        product.run("UPDATE product SET id = 2")
        gone, there = lines(2)
        assert (gone[1], gone[4]) == ('"product:1"', "")
        assert there[1] == '"product:2"'
        assert int(later) < int(gone[0]) < int(there[0])

        product.run("REPLACE INTO product VALUES (2, 'r', 1, 1)", "DELETE FROM product")
        last = lines(3)
        assert [line[1] for line in last] == ['"product:2"'] * 3
        assert [bool(line[4]) for line in last] == [False, True, False]
    assert product.events() == []


def test_a_filter_expiry_and_kind_go_into_the_line(product: Place) -> None:
    install_direct(
        product, where="price > 1", expire=60, kind="hash", columns=("id", "price"),
        rename=(("price", "cost"),),
    )  # fmt: skip
    with receiving(product) as lines:
        product.run(
            "INSERT INTO product VALUES (1, 'a', 2, 1), (2, 'b', 0.5, 1), (3, 'c', NULL, 1)"
        )
        first, second, third = lines(3)
        assert first[2:] == ["hash", "60", '{"id":"1","cost":"2.00"}']
        assert second[1:] == ['"product:2"', "hash", "", ""]
        assert third[4] == ""


def test_without_a_job_server_the_events_are_in_the_outbox_under_their_versions(
    product: Place,
) -> None:
    install_direct(product)
    with Gearmand() as closed:
        address = closed.address
    product.run(f"DO gman_servers_set('{address}', '{product.function}')")
    ((low,),) = product.rows("SELECT gman_version()")
    product.run(
        "INSERT INTO product VALUES (1, 'a', 1, 1), (2, 'b', 1, 1)",
        "UPDATE product SET id = 3 WHERE id = 2",
        "DELETE FROM product WHERE id = 1",
        "START TRANSACTION",
        "DELETE FROM product",
        "ROLLBACK",
    )
    ((high,),) = product.rows("SELECT gman_version()")
    assert product.events() == [1, 2, 2, 3, 1]
    ids = product.ids()[-5:]
    assert ids == sorted(ids)
    assert low < ids[0] < ids[-1] < high


def test_a_row_too_large_for_a_job_goes_to_the_outbox(place: Place) -> None:
    place.with_functions()
    place.run(
        "CREATE TABLE product (id INT NOT NULL PRIMARY KEY, a LONGTEXT NOT NULL)",
        "SET GLOBAL max_allowed_packet = 1048576",
    )
    try:
        install_direct(place)
        with closing(place.server.connect(database=place.schema)) as connection:
            cursor = connection.cursor()
            cursor.execute("INSERT INTO product SELECT 1, REPEAT('x', 1048570)")
            cursor.close()
        assert place.events() == [1]
    finally:
        place.run("SET GLOBAL max_allowed_packet = 67108864")
