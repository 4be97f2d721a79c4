"""The oracle of the random load sees what it is there to see."""

import pytest
from load.committed import History, Record
from load.oracle import judge_sights
from load.poller import Sight
from load.tables import ABSENT

KEY = "item:7"


def image(price):
    return f'[7, "note", "{price}", null, 1]'


def value(price, version):
    row = f'"id":7,"note":"note","price":{price},"qty":null,"stamp":1,"_v":{version}'
    return b"{" + row.encode() + b"}"


@pytest.fixture
def history():
    """The row was 1.00, then 2.00, was deleted, and was 1.00 again."""
    made = History()
    for rank, what in ((10, image("1.00")), (20, image("2.00")), (30, ABSENT), (40, image("1.00"))):
        made.add(Record(rank, KEY, what))
    made.sort()
    return made


def judge(history, *values, emptied=()):
    sights = [Sight(100 + at, one, 100 + at) for at, one in enumerate(values)]
    return judge_sights({KEY: sights}, history, emptied=emptied).violations


def test_what_was_committed_in_the_order_of_commits_is_right(history):
    assert not judge(history, value("1.00", 1), value("2.00", 2), None, value("1.00", 4))


def test_states_may_be_passed_over(history):
    assert not judge(history, value("2.00", 2), value("1.00", 4))
    assert not judge(history, value("1.00", 4))


def test_a_value_that_was_never_committed_is_found(history):
    [found] = judge(history, value("3.00", 1))
    assert found.startswith("I2")
    assert "never committed" in found


def test_a_key_that_vanishes_without_a_delete_is_found(history):
    assert not judge(history, value("2.00", 2), None)
    [found] = judge(history, value("2.00", 2), value("1.00", 4), None)
    assert "vanished" in found


def test_a_version_that_goes_down_is_found(history):
    found = judge(history, value("1.00", 2), value("2.00", 1))
    assert [one[:2] for one in found] == ["I3"]
    assert judge(history, value("2.00", 3), None, value("1.00", 3))


def test_a_value_that_goes_back_is_found_though_its_version_rises(history):
    [found] = judge(history, value("2.00", 1), value("1.00", 2), value("2.00", 3))
    assert "older than what was seen" in found


def test_a_key_may_start_anew_when_redis_was_emptied(history):
    assert judge(history, value("2.00", 2), value("1.00", 1))
    assert not judge(history, value("2.00", 2), value("1.00", 1), emptied=[(101, 101)])
    assert not judge(history, value("1.00", 4), None, emptied=[(90, 105)])


@pytest.mark.parametrize(
    "text",
    [b'{"id":7}', b'{"id":7,"_v":1}', b"", b'{"note":"note","id":7,"price":1.00,"_v":1}'],
)
def test_another_shape_is_found(history, text):
    assert judge(history, text)
