"""The text of a job into events, and back into nothing: rows pass through as bytes.

Job format 1, described in docs/architecture.md. A later format must be told apart by the workload's
first byte: 1 uses ``{`` for a bare row and a digit for event lines. Workers must read a new format
before anything may write it; a workload of an unknown format is a dead letter, to be replayed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import orjson

from ..errors import BadEvent

FORMAT = 1
MAX_VERSION = 2**53 - 1  # Lua and JavaScript hold versions as doubles
KINDS = (b"json", b"hash", b"redisjson")

Event = tuple[bytes, bytes, bytes, bytes, bytes]
"""version, key (decoded), kind, expiry, row, each as bytes."""

# One match is one line without escapes in its key: the C engine splits and checks a batch at once.
_LINE = re.compile(
    rb'^(0|[1-9]\d{0,15})\t"([^"\\\x00-\x1f]+)"\t(json|hash|redisjson)\t([1-9]\d{0,8}|)\t((?:\{.*\})?)$',
    re.MULTILINE,
)
_KNOWN = b", ".join(KINDS).decode()
_NUMBER = re.compile(rb"0|[1-9]\d{0,15}")
_MAX_VERSION_TEXT = str(MAX_VERSION).encode()


def parse_lines(workload: bytes) -> tuple[list[Event], list[tuple[bytes, str]]]:
    """Events of a workload of event lines, and the lines at fault with the reason of each."""
    workload = workload.removesuffix(b"\n")
    found: list[Event] = _LINE.findall(workload)
    lines = workload.count(b"\n") + 1
    if len(found) == lines and workload.count(b"\t") == 4 * lines and _is_utf8(workload):
        newest = max([version.rjust(16, b"0") for version, *_ in found])
        if newest <= _MAX_VERSION_TEXT:
            return found, []
    events, bad = [], []
    for line in workload.split(b"\n"):
        try:
            events.append(parse_line(line))
        except BadEvent as error:
            bad.append((line, str(error)))
    return events, bad


def parse_line(line: bytes) -> Event:
    """One event of one line. Raises BadEvent, which says what is wrong."""
    fields = line.split(b"\t")
    if len(fields) != 5:
        raise BadEvent(f"event line has {len(fields)} fields instead of 5")
    version, key, kind, expiry, row = fields
    if not _NUMBER.fullmatch(version) or int(version) > MAX_VERSION:
        raise BadEvent(f"version {_shown(version)} is no whole number up to {MAX_VERSION}")
    if kind not in KINDS:
        raise BadEvent(f"kind {_shown(kind)} is unknown; this worker knows {_KNOWN}")
    if expiry and (not _NUMBER.fullmatch(expiry) or expiry == b"0" or len(expiry) > 9):
        raise BadEvent(f"expiry {_shown(expiry)} is no number of seconds from 1 to 999999999")
    if row and not (row.startswith(b"{") and row.endswith(b"}")):
        raise BadEvent(f"row {_shown(row)} is no JSON object")
    try:
        row.decode()
        name = orjson.loads(key)
    except ValueError as error:
        raise BadEvent(f"key {_shown(key)} is no JSON string, or the row is not UTF-8") from error
    if not isinstance(name, str) or not name:
        raise BadEvent(f"key {_shown(key)} is no JSON string, or empty")
    return version, name.encode(), kind, expiry, row


def format_line(event: Event) -> bytes:
    """The line that parse_line makes this event of."""
    version, key, *rest = event
    return b"\t".join((version, orjson.dumps(key.decode()), *rest))


def hash_fields(row: bytes) -> bytes:
    """The row of a hash event as a flat JSON array of field, text, field, text, …

    null is left out, numbers keep their own text, nested values become JSON text. Raises BadEvent.
    """
    try:
        members = orjson.loads(row)
    except ValueError as error:
        raise BadEvent(f"row {_shown(row)} is not valid JSON: {error}") from error
    exact: dict[str, Any] = {}
    flat: list[str] = []
    for name, value in members.items():
        if isinstance(value, float):  # past 64 bits, or a fraction: take the text as it was sent
            exact = exact or json.loads(row, parse_int=str, parse_float=str)
            flat += (name, exact[name])
        elif value is not None:
            flat += (name, value if isinstance(value, str) else _text(value))
    return orjson.dumps(flat)


def key_maker(template: str) -> Callable[[bytes], bytes]:
    """A function that makes a bare row's key by `template`. It raises BadEvent."""
    parts = re.split(r"\{([^{}]*)\}", template)
    if parts[0] == parts[-1] == "" and len(parts) == 3:
        return _single_member(parts[1])
    literals, members = parts[::2], parts[1::2]

    def make(workload: bytes) -> bytes:
        row = _row(workload)
        key = literals[0]
        for member, literal in zip(members, literals[1:], strict=True):
            key += _member(row, member, workload) + literal
        return key.encode()

    return make


def _single_member(member: str) -> Callable[[bytes], bytes]:
    loads = orjson.loads

    def make(workload: bytes) -> bytes:
        try:
            value = loads(workload)[member]
        except (ValueError, KeyError, TypeError):
            value = None
        if value.__class__ is int:
            return b"%d" % value
        if value.__class__ is str and value:
            return value.encode()
        return _member(_row(workload), member, workload).encode()

    return make


def _row(workload: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(workload)
    except ValueError as error:
        raise BadEvent(f"workload is not valid JSON: {error}: {_shown(workload)}") from error
    if not isinstance(row, dict):
        raise BadEvent(f"workload is no JSON object: {_shown(workload)}")
    return row


def _member(row: dict[str, Any], member: str, workload: bytes) -> str:
    value = row.get(member)
    if isinstance(value, float):  # past 64 bits, or a fraction: take the text as it was sent
        value = json.loads(workload, parse_int=str, parse_float=str)[member]
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        missing = "has no member" if member not in row else "has no usable value in member"
        raise BadEvent(f"bare row {missing} {member!r}, so it has no key: {_shown(workload)}")
    return str(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return orjson.dumps(value).decode()


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(value: bytes, most: int = 80) -> str:
    """The beginning of some bytes, fit for a message."""
    return repr(value[:most])[1:] + ("…" if len(value) > most else "")
