"""How chunks are sized."""

from __future__ import annotations

from sync_worker.backfill.pace import LONGEST, Pace


class Clock:
    """Monotonic seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_chunks_grow_while_they_are_quick_up_to_a_limit() -> None:
    pace = Pace(first_rows=100, most_rows=350)
    sizes = []
    for _ in range(4):
        sizes.append(pace.rows)
        pace.took(pace.rows, 0.001)
    assert sizes == [100, 200, 350, 350]


def test_a_chunk_that_was_not_full_tells_nothing() -> None:
    pace = Pace(first_rows=100)
    pace.took(10, 0.001)
    assert pace.rows == 100


def test_chunks_that_take_long_become_smaller_and_never_none() -> None:
    pace = Pace(first_rows=100)
    pace.took(100, 2 * LONGEST)
    assert pace.rows == 50
    for _ in range(10):
        pace.took(pace.rows, 100.0)
    assert pace.rows == 1


def test_locked_rows_are_closed_in_on() -> None:
    pace = Pace(first_rows=100)
    sizes = []
    for _ in range(4):
        pace.locked(pace.rows, waited=False)
        sizes.append(pace.rows)
    assert sizes == [25, 6, 1, 1]


def test_where_a_lock_is_waited_for_the_rows_are_taken_one_by_one_until_it_is_behind() -> None:
    pace = Pace(first_rows=50)
    pace.locked(50, waited=True)
    for _ in range(49):
        assert pace.rows == 1
        pace.took(1, 0.001)
        pace.locked(1, waited=True)
    assert pace.rows == 1
    pace.took(1, 0.001)
    assert pace.rows == 2


def test_a_rate_makes_chunks_small_and_waits_between() -> None:
    clock = Clock()
    pace = Pace(1000, clock=clock)
    assert pace.rows == 100
    assert pace.wait == 0
    for _ in range(30):
        clock.now += pace.wait
        pace.took(100, 0.001)
    assert 2.5 < clock.now - 100 < 3.5


def test_a_rate_is_not_made_up_for_after_a_long_stop() -> None:
    clock = Clock()
    pace = Pace(1000, clock=clock)
    clock.now += 60
    for _ in range(20):
        pace.took(100, 0.001)
    assert pace.wait > 0.5
