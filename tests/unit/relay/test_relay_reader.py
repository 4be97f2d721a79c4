"""The reader, on an outbox in memory."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from relay_doubles import line

from sync_worker.relay.batch import Batch
from sync_worker.relay.gaps import KEEP
from sync_worker.relay.reader import Reader


class CuttingSession:
    """A server whose text of two events ends after the second one's id."""

    one, two = line(1, "k"), line(2, "l")
    text = one + b"\n2"

    def row(self, query):
        return (len(self.text),) if query.startswith("SELECT LEAST") else (2, self.text)

    def rows(self, query):
        return {"ids": [(1,), (2,)], "1": [(1, self.one)], "2": [(2, self.two)]}[query]


def test_a_text_that_ends_within_an_event_is_read_event_by_event():
    outbox = SimpleNamespace(
        mapping=SimpleNamespace(
            server=SimpleNamespace(executes_with_values=False),
            config=SimpleNamespace(versions=True),
        ),
        read=lambda *_: "read",
        ids=lambda *_: "ids",
        read_each=lambda ids: str(ids[0]),
    )
    reader = Reader(CuttingSession(), outbox, rows=2, most_bytes=1000, too_large=pytest.fail)
    reader.full = True
    assert reader.read() == Batch((CuttingSession.one, CuttingSession.two), (1, 2))


class Table:
    """An outbox in memory, and the session that reads it."""

    def __init__(self, ids):
        self.there = set(ids)
        self.queries = 0

    mapping = SimpleNamespace(
        server=SimpleNamespace(executes_with_values=False),
        config=SimpleNamespace(versions=True),
    )

    def _some(self, after, rows, gaps):
        return sorted(id for id in self.there if id > after or id in gaps)[:rows]

    def read(self, after, rows, gaps=()):
        return self._some(after, rows, gaps)

    read_few = ids = read

    def read_each(self, ids):
        return [id for id in ids if id in self.there]

    def ids_up_to(self, last, rows):
        return ("up to", sorted(id for id in self.there if id <= last)[:rows])

    def row(self, query):
        if isinstance(query, str):
            return (1 << 20,)
        self.queries += 1
        if query[:1] == ("up to",):
            return (",".join(map(str, query[1])).encode(),)
        return (len(query), b"\n".join(line(id, f"k{id}") for id in query) or None)

    def rows(self, query):
        self.queries += 1
        return [(b"%d" % id, line(id, f"k{id}")) for id in query]


def test_many_events_that_were_committed_late_are_read_in_batches_each_once(clock):
    table = Table([1, 20_000])
    reader = Reader(table, table, rows=1000, most_bytes=1 << 20, too_large=pytest.fail)
    assert reader.read().ids == (1, 20_000)
    assert reader.read() is None
    table.there = {*range(100, 10_100), 20_001}  # what was given is delivered and deleted
    table.queries = 0
    given = []
    for _ in range(40):
        while batch := reader.read():
            given += batch.ids
            table.there -= set(batch.ids)
        batch = reader.sweep(frozenset())
        assert batch is None
    assert sorted(given) == [*range(100, 10_100), 20_001]
    assert table.queries < 150
    table.there = {30_000}
    assert reader.read().ids == (30_000,)


def test_a_few_events_that_were_committed_late_are_swept_up(clock):
    table = Table([20_000])
    reader = Reader(table, table, rows=1000, most_bytes=1 << 20, too_large=pytest.fail)
    reader.read()
    clock.now += KEEP + 1
    table.there = {5, 9, 20_000}
    assert reader.read() is None
    assert reader.sweep(frozenset({20_000})).ids == (5, 9)
    assert not reader.full
