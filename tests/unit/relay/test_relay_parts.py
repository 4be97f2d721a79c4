"""The relay's parts without servers: batches, gaps, schedule."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from relay_doubles import Clock, line

from sync_worker.mysql.outbox import runs
from sync_worker.relay.batch import Batch, parse
from sync_worker.relay.gaps import KEEP, Gaps
from sync_worker.relay.schedule import FIRST, Schedule

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
