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
        self._is_hash = table.kind == "hash"
        self._versions = table.versions
        # As Redis's cjson writes it.
        quoted = json.dumps(version_member, ensure_ascii=False).replace("/", "\\/").encode()
        self._tail = re.compile(rb",?" + re.escape(quoted) + rb":([1-9]\d{0,15})\}\Z")
        self._member = version_member.encode()

    def expected(self, row: tuple[Any, ...]) -> Expected:
        """Of (identity, key, matches, text, expiry) as Chunks.rendered has them."""
        identity, _, matches, text, expiry = row
        if matches != b"1":
            return Expected(identity, None, None)
        limit = int(expiry) * 1000 if expiry else None
        if text is None:
            return Expected(identity, _digest(TOO_LARGE), TOO_LARGE, limit)
        value = text
        if self._is_hash:
            try:
                value = _pairs(orjson.loads(hash_fields(text)))
            except BadEvent as error:
                value = str(error).encode()
        if value == b"[]" and not self._versions:  # a hash without a field is no key
            return Expected(identity, None, None)
        return Expected(identity, _digest(value), text[:_SHOWN], limit)

    def found(self, raw: Any, tombstone: Any = None, expires: int | None = None) -> Found:
        """Of the answer to GET or HGETALL, which may be an error."""
        mark = _digest(repr((raw, tombstone)).encode())
        if isinstance(raw, Exception):  # a key of another type
            return Found(b"", str(raw).encode(), mark, expires)
        if raw is None or raw == {}:
            return Found(None, None, mark, expires, _number(tombstone))
        if self._is_hash:
            fields = dict(raw)
            text = orjson.dumps({_text(k): _text(v) for k, v in fields.items()})
            version = _number(fields.pop(self._member, None)) if self._versions else None
            flat = [part for pair in fields.items() for part in pair]
            unversioned = self._versions and version is None
            digest = b"" if unversioned else _digest(_pairs([_text(part) for part in flat]))
            return Found(digest, text[:_SHOWN], mark, expires, version)
        if not self._versions:
            return Found(_digest(raw), raw[:_SHOWN], mark, expires)
        tail = self._tail.search(raw)
        if tail is None:
            return Found(b"", raw[:_SHOWN], mark, expires)
        value = raw[: tail.start()] + b"}"
        return Found(_digest(value), raw[:_SHOWN], mark, expires, int(tail[1]))

    def is_ours(self, tail: Any, field: Any) -> bool:
        """Whether a value carries a version: a string in its `tail`, a hash in the `field`."""
        if isinstance(tail, bytes) and self._tail.search(tail):
            return True
        return isinstance(field, bytes) and field.isdigit()


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


def _text(value: bytes) -> str:
    return value.decode(errors="surrogateescape").encode(errors="replace").decode()


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, bytes) and value.isdigit() else None


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()
