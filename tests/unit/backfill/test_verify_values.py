"""Rows and values in one form, in which they are equal if the key is in step."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from sync_worker.config import SyncedTable
from sync_worker.verify.values import Values, agree, kind_of

ROW = b'{"id":1,"a/b":"\xc3\xa4"}'


def values(member: str = "_v", **entry: object) -> Values:
    return Values(SyncedTable(name="s.t", **entry), member)  # type: ignore[arg-type]


def row(text: bytes | None = ROW, matches: bytes = b"1", expiry: bytes = b"") -> tuple[object, ...]:
    return (b"1", b"t:1", matches, text, expiry)


@pytest.mark.parametrize(
    ("stored", "same"),
    [
        (ROW[:-1] + b',"_v":12}', True),
        (ROW[:-1] + b',"_v":9007199254740991}', True),
        (ROW, False),
        (ROW[:-1] + b', "_v":12}', False),
        (ROW[:-1] + b',"_v":12} ', False),
        (ROW[:-1] + b',"_v":"12"}', False),
        (ROW[:-1] + b',"_w":12}', False),
        (ROW[:-1] + b',"_v":1,"_v":12}', False),
        (b'{"id":2,"_v":12}', False),
        (None, False),
        (ResponseError("WRONGTYPE"), False),
    ],
)
def test_a_string_is_the_row_and_a_version(stored: object, same: bool) -> None:
    of = values()
    assert agree(of.expected(row()), of.found(stored)) is same


def test_the_members_name_is_looked_for_as_redis_writes_it() -> None:
    of = values('v"/ä')
    stored = ROW[:-1] + ',"v\\"\\/ä":12}'.encode()
    assert agree(of.expected(row()), of.found(stored))
    assert of.found(stored).version == 12


def test_without_versions_the_string_is_the_row_itself() -> None:
    of = values(versions=False)
    assert agree(of.expected(row()), of.found(ROW))
    assert not agree(of.expected(row()), of.found(ROW[:-1] + b',"_v":12}'))


def test_a_hash_has_a_field_for_each_column_that_is_not_null() -> None:
    of = values(kind="hash")
    expected = of.expected(row(b'{"id":"1","n":null,"x":"\xc3\xa4"}'))
    stored = {b"x": "ä".encode(), b"id": b"1", b"_v": b"12"}
    assert agree(expected, of.found(stored))
    assert not agree(expected, of.found({**stored, b"n": b""}))
    assert not agree(expected, of.found({b"x": "ä".encode(), b"id": b"1"}))
    assert not agree(expected, of.found({}))
    assert not agree(expected, of.found({**stored, b"x": b"\xe4"}))


def test_a_row_that_the_filter_leaves_out_has_no_key() -> None:
    of = values()
    expected = of.expected(row(None, b"0"))
    assert agree(expected, of.found(None))
    assert kind_of(expected, of.found(b"{}")) == "orphan"


def test_a_row_too_large_to_render_is_never_in_step() -> None:
    of = values()
    expected = of.expected(row(None))
    assert kind_of(expected, of.found(ROW)) == "stale"
    assert kind_of(expected, of.found(None)) == "missing"


@pytest.mark.parametrize(
    ("expiry", "left", "same"),
    [
        (b"", -1, True),
        (b"", 5000, False),
        (b"60", 59_000, True),
        (b"60", -1, False),
        (b"60", 600_000, False),
    ],
)
def test_expiry_is_compared_coarsely(expiry: bytes, left: int, same: bool) -> None:
    of = values(expire=60)
    stored = ROW[:-1] + b',"_v":12}'
    assert agree(of.expected(row(expiry=expiry)), of.found(stored, None, left)) is same


def test_a_key_that_may_have_expired_is_in_step() -> None:
    of = values(expire=60)
    assert agree(of.expected(row(expiry=b"60")), of.found(None))
    assert not agree(of.expected(row()), of.found(None))


def test_any_event_that_is_applied_changes_the_mark() -> None:
    of = values()
    marks = {
        of.found(raw, tombstone).mark
        for raw in (None, ROW[:-1] + b',"_v":12}', ROW[:-1] + b',"_v":13}')
        for tombstone in (None, b"12", b"13")
    }
    assert len(marks) == 9
    assert of.found(None, b"13").version == 13
