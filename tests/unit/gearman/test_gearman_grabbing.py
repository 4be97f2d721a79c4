"""How many GRAB_JOBs are out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.errors import RemoteProtocolError
from sync_worker.gearman.grabbing import FIRST_GRABS, GrabWindow

MIB = 1024 * 1024


def test_a_wake_begins_with_a_few_grabs():
    window = GrabWindow(1000, 4 * MIB)
    assert window.take() == FIRST_GRABS
    assert window.take() == 0


def test_the_number_doubles_while_jobs_come_and_stops_at_the_limit():
    window = GrabWindow(100, 4 * MIB)
    sent = []
    for _ in range(8):
        sent.append(window.take())
        window.answered(window.outstanding, 80 * window.outstanding, 0, last_empty=False)
    assert sent == [4, 8, 16, 32, 64, 100, 100, 100]


def test_an_empty_queue_costs_few_answers_and_a_sleep():
    window = GrabWindow(1000, 4 * MIB)
    assert window.take() == FIRST_GRABS
    assert window.answered(0, 0, FIRST_GRABS, last_empty=True)
    assert window.asleep
    assert window.take() == 0
    window.woken()
    assert window.take() == FIRST_GRABS


def test_after_the_first_empty_answer_nothing_is_sent_until_all_are_answered():
    window = GrabWindow(1000, 4 * MIB)
    window.take()
    assert not window.answered(1, 80, 1, last_empty=True)
    assert window.take() == 0
    assert window.answered(0, 0, 2, last_empty=True)


def test_a_job_after_the_empty_answers_means_asking_again():
    window = GrabWindow(1000, 4 * MIB)
    window.take()
    assert not window.answered(1, 80, 3, last_empty=False)
    assert window.take() == FIRST_GRABS


def test_large_jobs_keep_the_number_small():
    window = GrabWindow(1000, 4 * MIB)
    for _ in range(20):
        window.take()
        window.answered(window.outstanding, 16 * MIB * window.outstanding, 0, last_empty=False)
    assert window.size == FIRST_GRABS


def test_a_limit_of_one_is_kept():
    window = GrabWindow(1, 4 * MIB)
    for _ in range(5):
        assert window.take() == 1
        window.answered(1, 80, 0, last_empty=False)


def test_an_answer_that_was_not_asked_for_is_refused():
    window = GrabWindow(1000, 4 * MIB)
    window.take()
    with pytest.raises(RemoteProtocolError):
        window.answered(FIRST_GRABS + 1, 80, 0, last_empty=False)


@settings(deadline=None)
@given(st.integers(1, 50), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))))
def test_the_limit_holds_and_the_worker_never_waits_for_nothing(limit, answers):
    window = GrabWindow(limit, MIB)
    for most_jobs, most_empty in answers:
        window.take()
        assert 0 <= window.outstanding <= limit
        # Either something is out, or the job server will send NOOP.
        assert window.outstanding or window.asleep
        jobs = min(most_jobs, window.outstanding)
        empty = min(most_empty, window.outstanding - jobs)
        if jobs or empty:
            window.answered(jobs, jobs * 100, empty, last_empty=empty > 0)
        elif window.asleep:
            window.woken()
