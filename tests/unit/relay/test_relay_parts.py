"""The relay's parts without servers: batches, gaps, schedule, delivery."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.counters import Counters
from sync_worker.errors import JobFailed, JobServerUnavailable, StoreUnavailable
from sync_worker.gearman import Result
from sync_worker.mysql.outbox import runs
from sync_worker.relay import delivery as delivery_module
from sync_worker.relay.at_once import FIRST_PAUSE, LONGEST_PAUSE, MOST_BYTES, AtOnce
from sync_worker.relay.batch import Batch, parse
from sync_worker.relay.delivery import TRIES, Delivery
from sync_worker.relay.gaps import KEEP, Gaps
from sync_worker.relay.reader import Reader
from sync_worker.relay.schedule import FIRST, Schedule
from sync_worker.store.redis_store import Outcome

MOST_LINES = 4


def line(id: int, key: str, row: str = "{}") -> bytes:
    return f'{id}\t"{key}"\tjson\t\t{row}'.encode()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


# Batches.


def test_a_batch_has_a_line_and_an_id_for_each_event():
    batch = parse(b"\n".join([line(5, "a"), line(7, "b", "")]), versions=True)
    assert batch == Batch((line(5, "a"), line(7, "b", "")), (5, 7))


def test_a_key_changed_many_times_is_delivered_once_with_its_newest_version():
    text = b"\n".join([line(7, "a"), line(5, "a"), line(6, "b"), line(9, "a"), line(8, "b")])
    batch = parse(text, versions=True)
    assert sorted(batch.lines) == sorted([line(9, "a"), line(8, "b")])
    assert sorted(batch.ids) == [5, 6, 7, 8, 9]


def test_without_versions_the_lines_carry_0_and_the_ids_stay():
    batch = parse(line(5, "a"), versions=False)
    assert batch == Batch((b'0\t"a"\tjson\t\t{}',), (5,))


@given(st.lists(st.tuples(st.integers(1, 500), st.sampled_from("abcde")), min_size=2, unique=True))
def test_halving_to_the_end_keeps_every_id_and_the_newest_of_a_key_with_its_line(events):
    events = list(dict(events).items())
    batch = parse(b"\n".join(line(*event) for event in events), versions=True)
    newest = {}
    for id, key in sorted(events):
        newest[key] = id
    assert dict(zip(batch.ids, batch.lines, strict=False)) == {
        id: line(id, key) for key, id in newest.items()
    }
    parts = [batch]
    while any(len(part.lines) > 1 for part in parts):
        parts = [
            half for part in parts for half in (part.halves() if len(part.lines) > 1 else (part,))
        ]
    assert sorted(id for part in parts for id in part.ids) == sorted(id for id, _ in events)
    for part in parts:
        assert part.lines[0].startswith(b"%d\t" % part.ids[0])


@given(st.sets(st.integers(0, 60)))
def test_runs_hold_exactly_the_ids(ids):
    found = runs(ids)
    assert sorted(id for first, last in found for id in range(first, last + 1)) == sorted(ids)
    assert all(b[0] > a[1] + 1 for a, b in itertools.pairwise(found))


# Gaps.


def test_ids_that_were_passed_over_are_asked_for_until_they_come_or_grow_old():
    clock = Clock()
    gaps = Gaps(clock)
    after = gaps.read(0, [10, 11])
    assert (after, gaps.missing()) == (11, [])
    after = gaps.read(after, [13, 16])
    assert (after, sorted(gaps.missing())) == (16, [12, 14, 15])
    after = gaps.read(after, [14, 17])
    assert (after, sorted(gaps.missing())) == (17, [12, 15])
    clock.now += KEEP + 0.1
    assert gaps.missing() == []


def test_a_gap_as_wide_as_a_bulk_insert_leaves_is_not_remembered_whole():
    gaps = Gaps(Clock())
    gaps.read(gaps.read(0, [1]), [10_000_000])
    assert len(gaps.missing()) <= 2000


def test_reading_nothing_moves_nothing():
    gaps = Gaps(Clock())
    assert gaps.read(7, []) == 7


# Schedule.


def test_after_the_doorbell_the_looks_grow_rarer_up_to_the_poll_interval():
    clock = Clock()
    schedule = Schedule(10 * FIRST, clock)
    schedule.ring()
    assert schedule.next == clock.now
    waits = []
    for _ in range(5):
        schedule.looked(more=False)
        waits.append(round(schedule.next - clock.now, 6))
    assert waits == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, 10 * FIRST]
    schedule.looked(more=True)
    assert schedule.next == clock.now


# Delivery.


@dataclass
class FakeClient:
    sent: list[bytes] = field(default_factory=list)
    results: list[tuple[int, Result]] = field(default_factory=list)
    away: bool = False

    def send(self, task):
        if self.away:
            raise JobServerUnavailable
        self.sent.append(task.workload)
        return len(self.sent)

    def wait(self, timeout):
        results, self.results = self.results, []
        return results

    def answer(self, error=None):
        """Answer the last job sent."""
        self.results.append((len(self.sent), Result(error=error)))


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(delivery_module.time, "monotonic", clock)
    return clock


@dataclass
class FakeStore:
    """Redis as the relay sees it. `answers` in turn: an Outcome, or an error; then it is away."""

    answers: list[object] = field(default_factory=list)
    applied: list[list[bytes]] = field(default_factory=list)

    def apply(self, events):
        self.applied.append([key for _, key, *_ in events])
        answer = self.answers.pop(0) if self.answers else StoreUnavailable("away")
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def made(clock, store):
    done, given_up = [], []
    delivery = Delivery(
        ("127.0.0.1:1",),
        "syncToRedis",
        at_once=AtOnce(store, Counters(), MOST_LINES),
        done=done.append,
        give_up=lambda batch, reason: given_up.append((batch, reason)),
    )
    delivery.client = FakeClient()
    return delivery, done, given_up


BATCH = Batch((line(1, "a"), line(2, "b")), (1, 2, 0))


def test_a_batch_is_done_when_its_job_is_answered(made):
    delivery, done, _ = made
    delivery.send(BATCH)
    assert (delivery.under_way, delivery.ids, done) == (1, {0, 1, 2}, [])
    delivery.client.answer()
    delivery.collect()
    assert (delivery.under_way, done) == (0, [BATCH])


def test_a_batch_that_no_job_server_takes_is_sent_later(made, clock):
    delivery, done, _ = made
    delivery.client.away = True
    delivery.send(BATCH)
    assert (delivery.under_way, delivery.ids) == (1, {0, 1, 2})
    delivery.client.away = False
    clock.now = delivery.due()
    delivery.collect()
    delivery.client.answer()
    delivery.collect()
    assert done == [BATCH]


def test_a_lost_connection_is_never_the_events_fault(made, clock):
    delivery, done, given_up = made
    delivery.send(Batch((line(1, "a"),), (1,)))
    for _ in range(5 * TRIES):
        delivery.client.answer(JobServerUnavailable())
        delivery.collect()
        clock.now = delivery.due()
        delivery.collect()
    assert (done, given_up) == ([], [])
    assert delivery.under_way == 1


def test_an_event_that_always_fails_is_found_by_halving_and_given_up_alone(made, clock):
    delivery, done, given_up = made
    batch = Batch(tuple(line(i, f"k{i}") for i in range(8)), tuple(range(8)))
    delivery.send(batch)
    while delivery.under_way:
        for number, workload in enumerate(delivery.client.sent, 1):
            at_fault = b'"k5"' in workload
            delivery.client.results.append(
                (number, Result(error=JobFailed("no") if at_fault else None))
            )
        delivery.collect()
        clock.now = max(clock.now, delivery.due() or clock.now)
        delivery.collect()
    assert [batch.ids for batch, _ in given_up] == [(5,)]
    assert sorted(id for batch in done for id in batch.ids) == [0, 1, 2, 3, 4, 6, 7]


def test_a_job_without_a_result_is_sent_again_ever_more_rarely(made, clock):
    delivery, _, given_up = made
    delivery.send(BATCH)
    waits = []
    for _ in range(4):
        start = clock.now
        clock.now = delivery.due() + 0.001
        delivery.collect()
        waits.append(round(clock.now - start))
        clock.now = delivery.due() + 0.001
        delivery.collect()
    assert waits == [60, 120, 240, 480]
    assert given_up == []
    assert delivery.under_way == 1


# Small batches are applied by the relay itself.

WELL = Outcome([], {}, {})


def test_a_small_batch_is_applied_at_once_and_done(made, store):
    delivery, done, _ = made
    store.answers = [WELL, Outcome([0, 1], {}, {})]  # what is stale is in Redis, or newer is
    for _ in range(2):
        delivery.send(BATCH)
    assert (delivery.under_way, delivery.client.sent, done) == (0, [], [BATCH, BATCH])
    assert store.applied == [[b"a", b"b"]] * 2


def test_nothing_is_applied_at_once_while_another_batch_is_under_way(made, store):
    delivery, done, _ = made
    store.answers = [Outcome([], {0: "no"}, {}), WELL]
    delivery.send(BATCH)
    delivery.send(BATCH)
    assert len(store.applied) == 1
    delivery.client.results = [(1, Result())]
    delivery.collect()
    delivery.send(BATCH)
    assert len(store.applied) == 1
    delivery.client.results = [(2, Result()), (3, Result())]
    delivery.collect()
    delivery.send(BATCH)
    assert (len(store.applied), done) == (2, [BATCH] * 4)


def test_a_redis_that_was_away_is_left_to_the_workers_for_ever_longer(made, store, clock):
    delivery, done, _ = made
    tries = []
    for _ in range(1000):
        before = len(store.applied)
        delivery.send(BATCH)
        delivery.client.answer()
        delivery.collect()
        if len(store.applied) > before:
            tries.append(clock.now)
        clock.now += 0.1
    pauses = [round(later - before) for before, later in itertools.pairwise(tries)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert len(done) == 1000
    store.answers = [WELL, StoreUnavailable("away"), WELL]
    clock.now += LONGEST_PAUSE
    for _ in range(2):
        delivery.send(BATCH)
    delivery.client.answer()
    delivery.collect()
    clock.now += FIRST_PAUSE + 0.1
    delivery.send(BATCH)
    assert (len(store.applied), len(done)) == (len(tries) + 3, 1003)


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (Outcome([], {1: "WRONGTYPE"}, {}), True),
        (RuntimeError("unforeseen"), True),
        (Outcome([], {}, {0: "OOM"}), False),
    ],
)
def test_what_redis_does_not_take_goes_to_a_worker_as_a_whole(made, store, answer, again):
    delivery, done, _ = made
    store.answers = [answer, WELL]
    delivery.send(BATCH)
    assert (delivery.client.sent, done) == ([BATCH.workload], [])
    delivery.client.answer()
    delivery.collect()
    delivery.send(BATCH)
    assert len(store.applied) == (2 if again else 1)


@pytest.mark.parametrize(
    "lines",
    [
        [line(id, f"k{id}") for id in range(MOST_LINES + 1)],
        [line(1, "k", '{"a":"%s"}' % ("x" * MOST_BYTES))],
        [b"no event"],
    ],
)
def test_what_is_large_or_no_event_goes_to_a_worker(made, store, lines):
    delivery, _, _ = made
    store.answers = [WELL]
    delivery.send(Batch(tuple(lines), tuple(range(len(lines)))))
    assert (len(delivery.client.sent), store.applied) == (1, [])


# Reader.


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
