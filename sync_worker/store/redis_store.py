"""Writes rows and events to Redis, a batch at a time, and says which of them Redis did not take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import redis
from redis.exceptions import AuthenticationError, NoPermissionError, NoScriptError

from .. import config
from ..errors import BadEvent, ConfigError, StoreUnavailable
from .connection import NO_DOCUMENTS, PASSING, connect, is_passing, passing, without_module
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

    def check(self, tables: Sequence[config.SyncedTable] = ()) -> None:
        """Raises ConfigError when Redis refuses us for good, or lacks a module `tables` need."""
        if lacking := without_module(self.client, tables):
            raise ConfigError(f"{', '.join(lacking)}: {'; '.join(NO_DOCUMENTS)}")
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
        ready: Sequence[int] = range(len(events))
        if any([event[2] == b"hash" for event in events]):
            events, ready = _with_flat_rows(events, outcome)
        for chunk in self._chunks(events, ready):
            self._apply_chunk(events, chunk, outcome)
        return outcome

    def _chunks(self, events: Sequence[Event], ready: Sequence[int]) -> Iterator[Sequence[int]]:
        """Indexes for one script call each: bounded, and of one slot on a cluster."""
        for group in self._slots(events, ready):
            if len(group) <= SCRIPT_EVENTS and _row_bytes(events, group) <= SCRIPT_BYTES:
                yield group
                continue
            start = size = 0
            for end, index in enumerate(group):
                row = len(events[index][4])
                size += row
                if end > start and (end - start == SCRIPT_EVENTS or size > SCRIPT_BYTES):
                    yield group[start:end]
                    start, size = end, row
            yield group[start:]

    def _slots(self, events: Sequence[Event], ready: Sequence[int]) -> Iterable[Sequence[int]]:
        if not self._cluster:
            return [ready] if ready else []
        groups: dict[int, list[int]] = defaultdict(list)
        for index in ready:
            groups[int(self.client.keyslot(events[index][1]))].append(index)
        return groups.values()

    def _apply_chunk(self, events: Sequence[Event], chunk: Sequence[int], outcome: Outcome) -> None:
        versions, keys, kinds, expiries, rows = zip(*[events[i] for i in chunk], strict=True)
        if len(set(kinds)) == len(set(expiries)) == 1:  # as a table's are, mostly
            args = chain((kinds[0], expiries[0]), *zip(versions, rows, strict=True))
        else:
            args = chain((b"", b""), *zip(versions, kinds, expiries, rows, strict=True))
        try:
            stale, *failed = self._script(len(keys), *keys, *self._head, *args)
        except (redis.ResponseError, StoreUnavailable) as error:
            data = isinstance(error, redis.ResponseError)
            if not data and not isinstance(error.__cause__, NoPermissionError):
                raise
            if len(chunk) == 1:
                where = outcome.refused if data else outcome.kept
                where[chunk[0]] = str(error)
                return
            middle = len(chunk) // 2  # find the event at fault; what is applied twice is stale
            self._apply_chunk(events, chunk[:middle], outcome)
            self._apply_chunk(events, chunk[middle:], outcome)
            return
        outcome.stale.extend(chunk[position - 1] for position in stale)
        for position, answer in zip(failed[::2], failed[1::2], strict=True):
            reason = answer.decode(errors="replace")
            where = outcome.kept if reason.startswith(PASSING) else outcome.refused
            where[chunk[position - 1]] = reason

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


def _with_flat_rows(
    events: Sequence[Event], outcome: Outcome
) -> tuple[Sequence[Event], Sequence[int]]:
    """The events with the rows of hashes as the script takes them, and the indexes of the good."""
    flat = list(events)
    ready: list[int] = []
    for index, (version, key, kind, expiry, row) in enumerate(events):
        if row and kind == b"hash":
            try:
                flat[index] = (version, key, kind, expiry, hash_fields(row))
            except BadEvent as error:
                outcome.refused[index] = str(error)
                continue
        ready.append(index)
    return flat, ready


def _row_bytes(events: Sequence[Event], indexes: Sequence[int]) -> int:
    return sum([len(events[index][4]) for index in indexes])
