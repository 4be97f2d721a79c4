"""Rows and what Redis holds in one form, in which they are equal if the key is in step."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import orjson

from sync_worker.config import SyncedTable
from sync_worker.errors import BadEvent
from sync_worker.store.events import hash_fields

TOO_LARGE = b"(the row is larger than max_allowed_packet)"
_SHOWN = 512  # bytes kept of a value for the examples
_EXPIRY_SLACK = 2000  # ms; Redis counts from when the event was applied


@dataclass(frozen=True)
class Expected:
    """What a key should hold: a digest of the value, None for no key. `expiry` in ms, None never.

    `identity` is that of the row; None where there is no row.
    """

    identity: bytes | None
    digest: bytes | None
    shown: bytes | None
    expiry: int | None = None


@dataclass(frozen=True)
class Found:
    """What a key holds. `mark` differs whenever an event of the key was applied in between."""

    digest: bytes | None
    shown: bytes | None
    mark: bytes
    expires: int | None = None
    """ms left, -1 never, None not asked"""
    version: int | None = None


class Values:
    """Makes Expected and Found for a table."""

    def __init__(self, table: SyncedTable, version_member: str) -> None:
        self._kind = table.kind
        self._versions = table.versions
        # As Redis's cjson writes it.
        quoted = json.dumps(version_member, ensure_ascii=False).replace("/", "\\/").encode()
        self._tail = re.compile(rb",?" + re.escape(quoted) + rb":([1-9]\d{0,15})\}\Z")
        self._member = version_member
        self._field = version_member.encode()
        self._readers = {"json": self._string, "hash": self._hash, "redisjson": self._document}

    def expected(self, row: tuple[Any, ...]) -> Expected:
        """Of (identity, key, matches, text, expiry) as Chunks.rendered has them."""
        identity, _, matches, text, expiry = row
        if matches != b"1":
            return Expected(identity, None, None)
        limit = int(expiry) * 1000 if expiry else None
        if text is None:
            return Expected(identity, _digest(TOO_LARGE), TOO_LARGE, limit)
        try:
            value = self._comparable(text)
        except (BadEvent, ValueError) as error:
            value = str(error).encode()
        if value == b"[]" and not self._versions:  # a hash without a field is no key
            return Expected(identity, None, None)
        return Expected(identity, _digest(value), text[:_SHOWN], limit)

    def _comparable(self, row: bytes) -> bytes:
        if self._kind == "hash":
            return _pairs(orjson.loads(hash_fields(row)))
        if self._kind == "redisjson":
            return _document(orjson.loads(row))
        return row

    def found(self, raw: Any, tombstone: Any = None, expires: int | None = None) -> Found:
        """Of the answer to GET, HGETALL or JSON.GET, which may be an error."""
        mark = _digest(repr((raw, tombstone)).encode())
        if isinstance(raw, Exception):  # a key of another type
            return Found(b"", str(raw).encode(), mark, expires)
        if raw is None or raw == {}:
            return Found(None, None, mark, expires, _number(tombstone))
        try:
            value, shown, version = self._readers[self._kind](raw)
        except ValueError:  # a document that is none
            return Found(b"", raw[:_SHOWN], mark, expires)
        unversioned = self._versions and version is None
        digest = b"" if unversioned else _digest(value)
        return Found(digest, shown[:_SHOWN], mark, expires, version)

    # Each of these returns the value to compare (without its version), what to show, the version.

    def _string(self, raw: bytes) -> tuple[bytes, bytes, int | None]:
        tail = self._tail.search(raw) if self._versions else None
        if tail is None:
            return raw, raw, None
        return raw[: tail.start()] + b"}", raw, int(tail[1])

    def _hash(self, raw: Any) -> tuple[bytes, bytes, int | None]:
        fields = dict(raw)
        shown = orjson.dumps({_text(k): _text(v) for k, v in fields.items()})
        version = _number(fields.pop(self._field, None)) if self._versions else None
        flat = [_text(part) for pair in fields.items() for part in pair]
        return _pairs(flat), shown, version

    def _document(self, raw: bytes) -> tuple[bytes, bytes, int | None]:
        [document] = orjson.loads(raw)
        held = None
        if self._versions and isinstance(document, dict):
            held = document.pop(self._member, None)
        return _document(document), raw[1:-1], held if type(held) is int else None

    def is_ours(self, *looks: Any) -> bool:
        """Whether a value carries a version, by what `Looking.ours` asked; errors among it.

        A string in its tail, a hash in a field, a document in a member (``[123]``).
        """
        tail, *rest = looks
        if isinstance(tail, bytes) and self._tail.search(tail):
            return True
        return any(isinstance(one, bytes) and one.strip(b"[]").isdigit() for one in rest)


def agree(expected: Expected, found: Found) -> bool:
    """Whether the key is as it should be. An expired key is as good as a live one."""
    if expected.digest is not None and found.digest is None:
        return expected.expiry is not None
    if expected.digest != found.digest:
        return False
    if expected.digest is None or found.expires is None:
        return True
    if expected.expiry is None:
        return found.expires < 0
    return 0 <= found.expires <= expected.expiry + _EXPIRY_SLACK


def kind_of(expected: Expected, found: Found) -> str:
    """missing, stale or orphan."""
    if expected.digest is None:
        return "orphan"
    return "missing" if found.digest is None else "stale"


def _pairs(flat: list[str]) -> bytes:
    return orjson.dumps(sorted(zip(flat[::2], flat[1::2], strict=True)))


def _document(value: Any) -> bytes:
    """A document whose numbers are as the module holds them: 12.50 is 12.5, and 12.0 is 12.

    Of doubles 15 digits count: not every build of the module reads the last bit right.
    """
    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        value = float(f"{value:.15g}")
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    return value


def _text(value: bytes) -> str:
    return value.decode(errors="surrogateescape").encode(errors="replace").decode()


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, bytes) and value.isdigit() else None


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()
