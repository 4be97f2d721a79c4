"""Writes rows and events to Redis, a batch at a time, and says which of them Redis did not take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import redis
from redis.exceptions import AuthenticationError, NoPermissionError, NoScriptError

from .. import config
from ..errors import BadEvent, ConfigError, StoreUnavailable
from .connection import PASSING, connect, is_passing, passing
from .events import Event, hash_fields

_APPLY = (Path(__file__).parent / "apply.lua").read_text(encoding="utf-8")
TOMBSTONE_PREFIX = b"sync-worker:tombstone:"
SCRIPT_EVENTS = 1000  # a script call of this many events holds Redis up for about 5 ms
SCRIPT_BYTES = 1 << 20


class Outcome(NamedTuple):
    """Those of a batch that were not applied, by index; the rest was."""

    stale: list[int]
    """not newer than what Redis holds"""
    refused: dict[int, str]
    """index → reason, because of the data"""
    kept: dict[int, str]
    """index → reason, because of the state Redis is in; to be tried again"""


class RedisStore:
    """One connection to Redis. Not thread-safe.

    Every method raises StoreUnavailable when Redis is away, full, loading or read-only.
    """

    def __init__(self, settings: config.Redis, events: config.Events) -> None:
        self.client = connect(settings)
        self._cluster = settings.cluster
        self._head = (events.version_member, int(events.tombstone), TOMBSTONE_PREFIX)
        self._sha = ""

    def check(self) -> None:
        """One round trip. Raises ConfigError when Redis refuses us for good."""
        try:
            self._call("PING")
        except StoreUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, AuthenticationError | NoPermissionError):
                raise ConfigError(
                    f"Redis refuses this user: {cause}; "
                    "check redis.username and redis.password_file"
                ) from error
            raise

    def set_rows(self, pairs: Sequence[bytes]) -> Outcome:
        """Sets key, value, key, value, … as they are; an Outcome's index counts pairs."""
        if not self._cluster:
            try:
                self._call("MSET", *pairs)
            except StoreUnavailable as error:
                if not isinstance(error.__cause__, redis.ResponseError):
                    raise
            except redis.ResponseError:
                pass
            else:
                return Outcome([], {}, {})
        return self._set_each(pairs)

    def _set_each(self, pairs: Sequence[bytes]) -> Outcome:
        """One SET a row, so that a row which Redis refuses does not cost the others."""
        pipeline = self.client.pipeline(transaction=False)
        for start in range(0, len(pairs), 2):
            pipeline.set(pairs[start], pairs[start + 1])
        with passing():
            answers = pipeline.execute(raise_on_error=False)
        outcome = Outcome([], {}, {})
        for index, answer in enumerate(answers):
            if isinstance(answer, Exception):
                where = outcome.kept if is_passing(answer) else outcome.refused
                where[index] = str(answer)
        return outcome

    def apply(self, events: Sequence[Event]) -> Outcome:
        """Applies events, newest version wins. A hash row that is no valid JSON is refused."""
        outcome = Outcome([], {}, {})
        ready: list[int] = []
        rows: list[bytes] = []
        for index, event in enumerate(events):
            row = event[4]
            if row and event[2] == b"hash":
                try:
                    row = hash_fields(row)
                except BadEvent as error:
                    outcome.refused[index] = str(error)
                    continue
            ready.append(index)
            rows.append(row)
        for chunk in self._chunks(events, ready, rows):
            self._apply_chunk(events, chunk, outcome)
        return outcome

    def _chunks(
        self, events: Sequence[Event], ready: list[int], rows: list[bytes]
    ) -> Iterator[list[tuple[int, bytes]]]:
        """Parts of (index, row) for one script call each: bounded, and of one slot on a cluster."""
        groups: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
        for item in zip(ready, rows, strict=True):
            groups[self._slot(events[item[0]][1])].append(item)
        for group in groups.values():
            start = size = 0
            for end, (_, row) in enumerate(group):
                size += len(row)
                if end > start and (end - start == SCRIPT_EVENTS or size > SCRIPT_BYTES):
                    yield group[start:end]
                    start, size = end, len(row)
            yield group[start:]

    def _slot(self, key: bytes) -> int:
        return int(self.client.keyslot(key)) if self._cluster else 0

    def _apply_chunk(
        self, events: Sequence[Event], chunk: list[tuple[int, bytes]], outcome: Outcome
    ) -> None:
        keys: list[bytes] = []
        args: list[Any] = [*self._head]
        for index, row in chunk:
            version, key, kind, expiry, _ = events[index]
            keys.append(key)
            args += (version, kind, expiry, row)
        try:
            stale, *failed = self._script(len(keys), *keys, *args)
        except (redis.ResponseError, StoreUnavailable) as error:
            data = isinstance(error, redis.ResponseError)
            if not data and not isinstance(error.__cause__, NoPermissionError):
                raise
            if len(chunk) == 1:
                where = outcome.refused if data else outcome.kept
                where[chunk[0][0]] = str(error)
                return
            middle = len(chunk) // 2  # find the event at fault; what is applied twice is stale
            self._apply_chunk(events, chunk[:middle], outcome)
            self._apply_chunk(events, chunk[middle:], outcome)
            return
        outcome.stale.extend(chunk[position - 1][0] for position in stale)
        for position, answer in zip(failed[::2], failed[1::2], strict=True):
            reason = answer.decode(errors="replace")
            where = outcome.kept if reason.startswith(PASSING) else outcome.refused
            where[chunk[position - 1][0]] = reason

    def _script(self, *args: Any) -> Any:
        if not self._sha:
            self._sha = self._call("SCRIPT LOAD", _APPLY)
        try:
            return self._call("EVALSHA", self._sha, *args)
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        self._sha = self._call("SCRIPT LOAD", _APPLY)
        return self._call("EVALSHA", self._sha, *args)

    def _call(self, *command: Any) -> Any:
        with passing():
            return self.client.execute_command(*command)

    def close(self) -> None:
        """Closes the connection."""
        self.client.close()
