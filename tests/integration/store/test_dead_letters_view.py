"""Dead letters are looked at, replayed and purged, the stream being a real one."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import redis

from sync_worker.config import DeadLetters as Settings
from sync_worker.errors import JobServerUnavailable
from sync_worker.store.dead_letters import DeadLetter, DeadLetters
from sync_worker.store.dead_letters_view import DeadLettersView, NotReplayable

SETTINGS = Settings(workload_bytes=20)


@pytest.fixture
def view(redis_client: redis.Redis) -> DeadLettersView:
    return DeadLettersView(redis_client, SETTINGS)


@pytest.fixture
def keep(redis_client: redis.Redis) -> Callable[..., None]:
    letters = DeadLetters(redis_client, SETTINGS)

    def keep(*workloads: bytes) -> None:
        letters.add([DeadLetter(f"reason {w[:3]!r}", w, b"sync", b"H:1") for w in workloads])

    return keep


def test_without_letters_there_is_nothing(view: DeadLettersView) -> None:
    assert view.count() == 0
    assert view.newest(5) == []
    assert list(view.all()) == []
    assert view.get("1-1") is None
    assert view.purge([]) == 0


def test_the_newest_come_first_and_all_come_in_order(
    view: DeadLettersView, keep: Callable[..., None]
) -> None:
    keep(*(b"%d" % i for i in range(250)))
    assert [letter.workload for letter in view.newest(2)] == [b"249", b"248"]
    assert [letter.workload for letter in view.all()] == [b"%d" % i for i in range(250)]
    letter = view.newest(1)[0]
    assert view.get(letter.id) == letter
    assert abs(letter.time - time.time()) < 60
    assert (letter.function, letter.handle) == (b"sync", "H:1")


def test_letters_that_come_while_all_are_gone_through_are_left(
    view: DeadLettersView, keep: Callable[..., None]
) -> None:
    keep(b"1", b"2")
    seen = []
    for letter in view.all():
        seen.append(letter.workload)
        keep(b"more")
    assert seen == [b"1", b"2"]


@pytest.mark.parametrize("id", ["", "x", "-", "+", "1-1-1", "99999999999999999999", "1 2"])
def test_an_id_that_is_none_is_no_letter(
    id: str, view: DeadLettersView, keep: Callable[..., None]
) -> None:
    keep(b"1")
    assert view.get(id) is None


def test_a_letter_is_deleted_only_once_its_job_is_acknowledged(
    view: DeadLettersView, keep: Callable[..., None]
) -> None:
    keep(b"work")
    letter = view.newest(1)[0]

    def unreachable(function: bytes, workload: bytes) -> None:
        raise JobServerUnavailable

    with pytest.raises(JobServerUnavailable):
        view.replay(letter, unreachable)
    assert view.count() == 1
    sent = []
    view.replay(letter, lambda function, workload: sent.append((function, workload)))
    assert sent == [(b"sync", b"work")]
    assert view.count() == 0


@pytest.mark.parametrize(("workload", "reason"), [(b"x" * 21, "was cut to 20"), (b"", "has no")])
def test_a_letter_without_its_whole_workload_is_refused(
    workload: bytes, reason: str, view: DeadLettersView, keep: Callable[..., None]
) -> None:
    keep(workload)
    with pytest.raises(NotReplayable, match=f"{reason}.*verify --repair"):
        view.replay(view.newest(1)[0], lambda function, workload: None)
    assert view.count() == 1


def test_only_older_letters_are_given_when_a_time_is(
    view: DeadLettersView, redis_client: redis.Redis
) -> None:
    now = int(time.time() * 1000)
    for age in (3_600_000, 1_000_000, 0):
        redis_client.xadd(SETTINGS.stream, {"workload": str(age)}, id=f"{now - age}-0")
    old = list(view.all(before=time.time() - 500))
    assert [letter.workload for letter in old] == [b"3600000", b"1000000"]
    assert view.purge([letter.id for letter in old]) == 2
    assert view.count() == 1
