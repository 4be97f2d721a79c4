"""Delivery and what the relay applies itself, without servers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from relay_doubles import line

from sync_worker.counters import Counters
from sync_worker.errors import JobFailed, JobServerUnavailable, StoreUnavailable
from sync_worker.gearman import Result
from sync_worker.relay.at_once import FIRST_PAUSE, LONGEST_PAUSE, MOST_BYTES, AtOnce
from sync_worker.relay.batch import Batch
from sync_worker.relay.delivery import TRIES, Delivery
from sync_worker.store.redis_store import Outcome

MOST_LINES = 4


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
