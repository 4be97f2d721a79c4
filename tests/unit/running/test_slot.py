"""One slot: restarts with backoff, drains within its limit. Time and processes are made up."""

import dataclasses
import signal

import pytest

from sync_worker import slot as slots
from sync_worker.config import Config
from sync_worker.counters import Counters
from sync_worker.errors import ConfigError
from sync_worker.slot import BACKOFF_MAX, DRAIN_MARGIN, HEALTHY, START_LIMIT, Past, Slot


class Fake:
    """A child process that does what the test says."""

    made: list["Fake"]
    now = 0.0

    def __init__(self, kind, slot, config):
        self.started = Fake.now
        self.pid = 100 + len(Fake.made)
        self.counters = Counters()
        self.code = None
        self.words = ""
        self.got = []
        self.heartbeat_age = None
        Fake.made.append(self)

    @property
    def up(self):
        return self.heartbeat_age is not None

    def poll(self):
        return self.code

    def last_words(self):
        return self.words

    def close(self):
        self.counters.close()

    def drain(self):
        self.got.append("drain")

    def stop_now(self):
        self.got.append("now")

    def kill(self):
        self.got.append("kill")
        self.code = -signal.SIGKILL

    def come_up(self):
        self.heartbeat_age = 0.0


@pytest.fixture
def made(monkeypatch):
    Fake.made, Fake.now = [], 0.0
    monkeypatch.setattr(slots, "ChildProcess", Fake)
    return Fake.made


@pytest.fixture
def slot(made):
    return Slot("worker", 1, Config(), Past())


def check(slot, now):
    Fake.now = now
    slot.check(now)


def die(slot, made, now, code=1, *, up=True):
    if up:
        made[-1].come_up()
        check(slot, now)
    made[-1].code = code
    check(slot, now)


def test_a_process_is_started_at_once(slot, made):
    check(slot, 0)
    assert (len(made), slot.state) == (1, "starting")
    made[0].come_up()
    assert (slot.up, slot.state) == (True, "up")


def test_restarts_wait_twice_as_long_each_time_up_to_the_limit(slot, made):
    now, waits = 0.0, []
    for _ in range(9):
        check(slot, now)
        count = len(made)
        die(slot, made, now)
        start = now
        while len(made) == count:
            now += 0.25
            check(slot, now)
        waits.append(now - start)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert slot.past.restarts == 9
    assert waits[-1] == BACKOFF_MAX


def test_one_that_was_healthy_for_long_is_restarted_quickly_again(slot, made):
    check(slot, 0)
    die(slot, made, 1)
    check(slot, 1.5)
    die(slot, made, 2)
    check(slot, 3)
    die(slot, made, 3 + HEALTHY)
    check(slot, 3 + HEALTHY + 0.5)
    assert len(made) == 4


def test_what_a_dead_process_did_still_counts(slot, made):
    check(slot, 0)
    made[0].counters.add("applied", 5)
    die(slot, made, 1)
    check(slot, 2)
    made[1].counters.add("applied", 2)
    die(slot, made, 3)
    assert slot.past.counts["applied"] == 7


def test_a_refused_configuration_is_a_failure_with_the_childs_words(slot, made):
    check(slot, 0)
    made[0].words = "redis.password is wrong"
    die(slot, made, 1, code=2, up=False)
    assert isinstance(slot.failure, ConfigError)
    assert str(slot.failure) == "redis.password is wrong"


def test_three_deaths_before_it_is_up_are_a_failure_and_one_is_not(slot, made):
    now = 0.0
    for _ in range(3):
        assert slot.failure is None
        check(slot, now)
        die(slot, made, now, code=-9, up=False)
        now += 10
    assert str(slot.failure) == "worker 1 does not come up: signal SIGKILL"
    check(slot, now)
    made[-1].come_up()
    check(slot, now)
    assert slot.failure is None


def test_one_that_does_not_come_up_is_killed(slot, made):
    check(slot, 0)
    check(slot, START_LIMIT + 1)
    assert made[0].got == ["kill"]


def test_a_process_that_cannot_be_started_is_tried_again(slot, made, monkeypatch):
    def refuse(*_):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(slots, "ChildProcess", refuse)
    check(slot, 0)
    assert slot.state == "waiting"
    monkeypatch.setattr(slots, "ChildProcess", Fake)
    check(slot, 0.6)
    assert slot.state == "starting"


def test_a_drained_slot_stays_empty(slot, made):
    check(slot, 0)
    made[0].come_up()
    slot.drain(1)
    assert (made[0].got, slot.state, slot.gone) == (["drain"], "leaving", False)
    made[0].code = 0
    check(slot, 2)
    check(slot, 100)
    assert (slot.gone, slot.drained, len(made)) == (True, True, 1)


def test_one_that_does_not_drain_in_time_is_killed(slot, made):
    check(slot, 0)
    made[0].come_up()
    slot.drain(1)
    limit = 1 + Config().worker.drain + DRAIN_MARGIN
    check(slot, limit - 0.1)
    assert "kill" not in made[0].got
    check(slot, limit)
    check(slot, limit)
    assert (slot.gone, slot.drained) == (True, False)


@pytest.mark.parametrize(
    ("code", "up", "drained"), [(0, True, True), (5, True, False), (-15, False, True)]
)
def test_whether_jobs_were_given_back_is_known(slot, made, code, up, drained):
    check(slot, 0)
    if up:
        made[0].come_up()
    slot.drain(1)
    made[0].code = code
    check(slot, 2)
    assert slot.drained is drained


def test_one_waiting_for_its_restart_is_gone_as_soon_as_it_is_told(slot, made):
    check(slot, 0)
    die(slot, made, 1)
    slot.drain(1)
    assert slot.gone


def test_a_process_that_does_not_answer_is_late(slot, made, caplog):
    check(slot, 0)
    made[0].heartbeat_age = 1000.0
    check(slot, 1)
    check(slot, 2)
    assert slot.state == "late"
    made[0].heartbeat_age = 0.1
    check(slot, 3)
    assert slot.state == "up"
    told = [record.getMessage() for record in caplog.records]
    assert told == ["A process does not answer.", "A process answers again."]


def test_the_redis_timeout_is_allowed_for(made):
    config = Config()
    patient = dataclasses.replace(config, redis=dataclasses.replace(config.redis, timeout=600.0))
    slot = Slot("worker", 1, patient, Past())
    check(slot, 0)
    made[0].heartbeat_age = 500.0
    assert slot.state == "up"
