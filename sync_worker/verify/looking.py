"""Looks at keys from both sides: the row in the table and the value in Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sync_worker.mysql.chunks import Chunks
from sync_worker.mysql.session import Session
from sync_worker.mysql.streaming import rows_up_to
from sync_worker.store.connection import is_passing, passing
from sync_worker.store.tombstones import tombstone_key

from .values import Expected, Found, Values

AT_ONCE = 200  # keys looked at in one query or pipeline
MOST_BYTES = 4 << 20  # of rows held at once
_TAIL = 256  # bytes of a string's end that hold the version's member
_NO_ROW = Expected(None, None, None)


@dataclass(frozen=True)
class Candidate:
    """A key that may differ, with its row's identity, or the ways to read it as columns' values."""

    key: bytes
    identity: bytes | None = None
    readings: tuple[tuple[str, ...], ...] = ()


class Looking:
    """Reads rows and keys of one table. `outbox` chunks tell how."""

    def __init__(
        self,
        session: Session,
        client: Any,
        chunks: Chunks,
        values: Values,
        *,
        version_member: str,
        cluster: bool,
    ) -> None:
        self._session = session
        self._client = client
        self._chunks = chunks
        self._values = values
        self._member = version_member
        escaped = re.sub(r'(["\\])', r"\\\1", version_member)
        self._path = f'$["{escaped}"]'
        self._cluster = cluster
        config = chunks.mapping.config
        self._kind = config.kind
        self._expires = config.expire is not None

    def expected(self, candidates: Sequence[Candidate]) -> list[Expected]:
        """What each key should hold as of now."""
        found: dict[bytes, Expected] = {}
        for part in parts(candidates):
            identities = [c.identity for c in part if c.identity is not None]
            readings = [reading for c in part for reading in c.readings]
            if readings:
                rows = self._session.rows(self._chunks.find_keys(readings))
                keys = {c.key for c in part}
                identities += [identity for key, _, identity in rows if key in keys]
            while identities:
                statement = self._chunks.select(
                    self._chunks.rendered, self._chunks.among(identities)
                )
                rows, complete = rows_up_to(self._session, statement, MOST_BYTES)
                found.update((row[1], self._values.expected(row)) for row in rows)
                if complete:
                    break
                done = {row[0] for row in rows}
                identities = [identity for identity in identities if identity not in done]
        return [found.get(candidate.key, _NO_ROW) for candidate in candidates]

    def found(self, keys: Sequence[bytes]) -> list[Found]:
        """What each key holds, its tombstone counted in."""
        result = []
        for part in parts(keys):
            pipeline = self._client.pipeline(transaction=False)
            for key in part:
                self._ask(pipeline, key)
                pipeline.get(tombstone_key(key))
                if self._expires:
                    pipeline.pttl(key)
            each = 3 if self._expires else 2
            answers = _run(pipeline)
            for i in range(0, len(answers), each):
                expires = answers[i + 2] if self._expires else None
                result.append(self._values.found(answers[i], answers[i + 1], expires))
        return result

    def quickly(self, keys: Sequence[bytes]) -> list[Found]:
        """The same without tombstones; a key of another type may seem to be missing."""
        if not keys:
            return []
        if self._kind != "json" or self._cluster:
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                self._ask(pipeline, key)
            values = _run(pipeline)
        else:
            with passing(always=True):
                values = self._client.mget(keys)
        times: list[int | None] = [None] * len(keys)
        if self._expires:
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                pipeline.pttl(key)
            times = _run(pipeline)
        return [
            self._values.found(value, None, expires)
            for value, expires in zip(values, times, strict=True)
        ]

    def ours(self, keys: Sequence[bytes]) -> list[bytes]:
        """Those of `keys` whose value carries a version, so that we wrote it."""
        result = []
        for part in parts(keys):
            pipeline = self._client.pipeline(transaction=False)
            for key in part:
                pipeline.getrange(key, -_TAIL, -1)
                pipeline.hget(key, self._member)
                if self._kind == "redisjson":
                    pipeline.execute_command("JSON.GET", key, self._path)
            answers = _run(pipeline)
            looks = parts(answers, len(answers) // len(part))
            result += [
                key for key, of in zip(part, looks, strict=True) if self._values.is_ours(*of)
            ]
        return result

    def without_row(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those of `candidates`, read from keys, that no row has."""
        result = []
        for part in parts(candidates):
            readings = [reading for c in part for reading in c.readings]
            rows = self._session.rows(self._chunks.find_keys(readings))
            present = {key for key, _, _ in rows}
            result += [candidate for candidate in part if candidate.key not in present]
        return result

    def _ask(self, pipeline: Any, key: bytes) -> None:
        if self._kind == "hash":
            pipeline.hgetall(key)
        elif self._kind == "redisjson":
            pipeline.execute_command("JSON.GET", key, "$")
        else:
            pipeline.get(key)


def parts(items: Sequence[Any], size: int = AT_ONCE) -> Iterator[Any]:
    """`items` in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _run(pipeline: Any) -> list[Any]:
    """The answers of a pipeline, errors of single commands among them."""
    with passing(always=True):
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception) and not _is_of_the_key(answer):
                raise answer
    return answers


def _is_of_the_key(error: Exception) -> bool:
    """Whether an error speaks of one key, which is of another type, and not of Redis."""
    return not is_passing(error) and "unknown command" not in str(error)
