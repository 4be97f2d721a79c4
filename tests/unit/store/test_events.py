"""The text of jobs: bare rows and event lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.errors import BadEvent
from sync_worker.store.events import (
    KINDS,
    MAX_VERSION,
    format_line,
    hash_fields,
    key_maker,
    parse_line,
    parse_lines,
)

LINE = b'1760000000000001\t"product:1"\tjson\t60\t{"id":1}'
EVENT = (b"1760000000000001", b"product:1", b"json", b"60", b'{"id":1}')

texts = st.text(st.characters(codec="utf-8"), min_size=1)
events = st.tuples(
    st.integers(0, MAX_VERSION).map(lambda n: str(n).encode()),
    texts.map(str.encode),
    st.sampled_from(KINDS),
    st.one_of(st.just(b""), st.integers(1, 999_999_999).map(lambda n: str(n).encode())),
    st.one_of(
        st.just(b""), st.dictionaries(texts, texts).map(lambda row: json.dumps(row).encode())
    ),
)


def test_a_line_is_an_event_of_five_fields() -> None:
    assert parse_lines(LINE) == ([EVENT], [])
    assert parse_line(LINE) == EVENT


def test_a_newline_at_the_end_is_no_further_line() -> None:
    assert parse_lines(LINE + b"\n") == ([EVENT], [])


@given(st.lists(events, min_size=1, max_size=20))
def test_what_is_formatted_is_parsed_back(batch: list[tuple[bytes, ...]]) -> None:
    workload = b"\n".join(format_line(event) for event in batch)  # type: ignore[arg-type]
    assert parse_lines(workload) == (batch, [])


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_without_a_crash_and_every_line_is_accounted_for(text: bytes) -> None:
    good, bad = parse_lines(text)
    assert len(good) + len(bad) == text.removesuffix(b"\n").count(b"\n") + 1


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"", "1 fields instead of 5"),
        (b"not an event", "1 fields instead of 5"),
        (b'1\t"k"\tjson\t', "4 fields instead of 5"),
        (LINE + b"\tmore", "6 fields instead of 5"),
        (LINE.replace(b"1760", b"x760"), "version"),
        (b'%s\t"k"\tjson\t\t{}' % (b"9" * 30), "version"),
        (b'%d\t"k"\tjson\t\t{}' % (MAX_VERSION + 1), "version"),
        (b'007\t"k"\tjson\t\t{}', "version"),
        (b'-1\t"k"\tjson\t\t{}', "version"),
        (b"1\tk\tjson\t\t{}", "JSON string"),
        (b"1\t12\tjson\t\t{}", "JSON string"),
        (b'1\t""\tjson\t\t{}', "empty"),
        (b'1\t"\xff"\tjson\t\t{}', "JSON string"),
        (b'1\t"k"\tlist\t\t{}', "kind 'list' is unknown"),
        (b'1\t"k"\tjson\t1h\t{}', "expiry"),
        (b'1\t"k"\tjson\t0\t{}', "expiry"),
        (b'1\t"k"\tjson\t\t[1]', "no JSON object"),
        (b'1\t"k"\tjson\t\t{"a":"\xff"}', "UTF-8"),
    ],
)
def test_a_line_at_fault_is_named_and_costs_no_other_line(line: bytes, complaint: str) -> None:
    good, bad = parse_lines(LINE + b"\n" + line + b"\n" + LINE)
    assert good == [EVENT, EVENT]
    [(text, reason)] = bad
    assert text == line
    assert complaint in reason


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (b'{"id":7,"volume":1}', b"7"),
        (b'{"id":-7}', b"-7"),
        (b'{"id":0}', b"0"),
        (b'{"id":18446744073709551615}', b"18446744073709551615"),
        (b'{"id":123456789012345678901234567890}', b"123456789012345678901234567890"),
        (b'{"id":1.10}', b"1.10"),
        (b'{"id":"a:b \\u00e9"}', "a:b é".encode()),
    ],
)
def test_the_key_of_a_bare_row_is_its_id_as_it_was_sent(row: bytes, key: bytes) -> None:
    assert key_maker("{id}")(row) == key
    assert key_maker("row:{id}!")(row) == b"row:" + key + b"!"


def test_a_key_template_may_use_several_members() -> None:
    assert key_maker("{shop}:product:{sku}")(b'{"sku":"x-1","shop":3}') == b"3:product:x-1"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (b'{"volume":1}', "has no member 'id'"),
        (b'{"id":null}', "no usable value in member 'id'"),
        (b'{"id":true}', "no usable value"),
        (b'{"id":[1]}', "no usable value"),
        (b'{"id":""}', "no usable value"),
        (b'{"id":1', "not valid JSON"),
        (b"{}", "has no member"),
        (b'{"id":"\xff"}', "not valid JSON"),
    ],
)
@pytest.mark.parametrize("template", ["{id}", "p:{id}"])
def test_a_bare_row_without_a_key_says_why(row: bytes, complaint: str, template: str) -> None:
    with pytest.raises(BadEvent, match=complaint):
        key_maker(template)(row)


def test_hash_fields_keep_the_text_of_numbers_and_leave_null_out() -> None:
    row = b'{"a":"x","n":null,"big":18446744073709551616,"d":1.10,"l":[1,{"b":2}],"t":true,"i":5}'
    flat = json.loads(hash_fields(row))
    assert dict(zip(flat[::2], flat[1::2], strict=True)) == {
        "a": "x",
        "big": "18446744073709551616",
        "d": "1.10",
        "l": '[1,{"b":2}]',
        "t": "1",
        "i": "5",
    }


def test_hash_fields_refuse_what_is_no_json() -> None:
    with pytest.raises(BadEvent, match="not valid JSON"):
        hash_fields(b'{"a":}')
