"""Applies a list of jobs to Redis and says which are done, with what answer, and which are kept."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from .config import Config
from .errors import BadEvent, StoreUnavailable
from .gearman import Job
from .logs import fields
from .store.dead_letters import DeadLetter, DeadLetters
from .store.events import Event, format_line, key_maker, parse_lines
from .store.redis_store import RedisStore

log = logging.getLogger(__name__)

# What WORK_COMPLETE carries: events applied, stale, dead-lettered.
ONE_APPLIED = b"1 0 0"
ONE_DEAD = b"0 0 1"


@dataclass
class Progress:
    """What became of a list of jobs."""

    done: dict[bytes, list[Job]] = field(default_factory=lambda: defaultdict(list))
    """answer → jobs to complete with it"""
    kept: list[Job] = field(default_factory=list)
    """jobs to apply again, in the order they came"""
    why_kept: str = ""
    applied: int = 0
    stale: int = 0
    dead: int = 0
    bytes: int = 0


class _Lines(NamedTuple):
    """A job of event lines: its events, and the letters that its other lines became."""

    job: Job
    events: list[Event]
    letters: list[DeadLetter]


class Applier:
    """Applies jobs. `unavailable` says whether Redis could not be used at all the last time."""

    def __init__(self, store: RedisStore, config: Config) -> None:
        self._store = store
        self._letters = DeadLetters(store.client, config.dead_letters)
        self._make_key = key_maker(config.events.key)
        self.unavailable = False

    def apply(self, jobs: list[Job]) -> Progress:
        """Writes all jobs that Redis takes. Raises nothing for what is wrong with data or Redis."""
        progress = Progress()
        self.unavailable = False
        rows, pairs, lines, dead = self._read(jobs)
        if rows:
            self._guarded(progress, rows, lambda: self._write_rows(rows, pairs, progress))
        if lines:
            of_lines = [work.job for work in lines]
            self._guarded(progress, of_lines, lambda: self._write_lines(lines, progress))
        if dead:
            of_dead = [job for job, _ in dead]
            self._guarded(progress, of_dead, lambda: self._bury(dead, progress))
        if progress.kept:
            kept = set(map(id, progress.kept))
            progress.kept = [job for job in jobs if id(job) in kept]
        progress.bytes = sum([len(job.workload) for done in progress.done.values() for job in done])
        return progress

    def _read(
        self, jobs: list[Job]
    ) -> tuple[list[Job], list[bytes], list[_Lines], list[tuple[Job, DeadLetter]]]:
        """Sorts jobs into bare rows (with their key, value pairs), event lines and dead ones."""
        rows: list[Job] = []
        pairs: list[bytes] = []
        lines: list[_Lines] = []
        dead: list[tuple[Job, DeadLetter]] = []
        make_key = self._make_key
        for job in jobs:
            workload = job.workload
            if workload.startswith(b"{"):
                try:
                    pairs += (make_key(workload), workload)
                    rows.append(job)
                except BadEvent as error:
                    dead.append((job, _letter(job, workload, str(error))))
            else:
                events, bad = parse_lines(workload)
                if events:
                    letters = [_letter(job, line, reason) for line, reason in bad]
                    lines.append(_Lines(job, events, letters))
                else:
                    dead.append((job, _letter(job, workload, bad[0][1])))
        if rows and lines:
            rows, pairs, lines = _in_order(jobs, rows, pairs, lines)
        return rows, pairs, lines, dead

    def _guarded(self, progress: Progress, jobs: list[Job], write: Callable[[], None]) -> None:
        """Runs `write`; when Redis is away, those of `jobs` that are not done are kept."""
        try:
            write()
        except StoreUnavailable as error:
            self.unavailable = True
            progress.why_kept = str(error)
            done = {id(job) for group in progress.done.values() for job in group}
            kept = {id(job) for job in progress.kept}
            progress.kept += [job for job in jobs if id(job) not in done | kept]

    def _write_rows(self, rows: list[Job], pairs: list[bytes], progress: Progress) -> None:
        outcome = self._store.set_rows(pairs)
        refused, kept = outcome.refused, outcome.kept
        for index, reason in kept.items():
            progress.kept.append(rows[index])
            progress.why_kept = reason
        good = rows
        if refused or kept:
            good = [job for i, job in enumerate(rows) if i not in refused and i not in kept]
        if good:
            progress.done[ONE_APPLIED] += good
            progress.applied += len(good)
        if refused:
            self._bury(
                [(rows[i], _letter(rows[i], rows[i].workload, refused[i])) for i in refused],
                progress,
            )

    def _write_lines(self, lines: list[_Lines], progress: Progress) -> None:
        events = [event for work in lines for event in work.events]
        outcome = self._store.apply(events)
        stale = set(outcome.stale)
        kept = _and_those_behind(events, outcome.kept)
        letters: list[DeadLetter] = []
        finished: list[tuple[Job, int, int, int]] = []
        start = 0
        for job, own, own_letters in lines:
            indexes = range(start, start + len(own))
            start += len(own)
            refused = [i for i in indexes if i in outcome.refused] if outcome.refused else []
            if kept and (why := [kept[i] for i in indexes if i in kept]):
                progress.kept.append(job)  # as a whole: what is applied already is stale next time
                progress.why_kept = why[0]
                continue
            letters += own_letters
            letters += [_letter(job, format_line(events[i]), outcome.refused[i]) for i in refused]
            dead = len(refused) + len(own_letters)
            old = sum([i in stale for i in indexes]) if stale else 0
            finished.append((job, len(own) - old - len(refused), old, dead))
        self._write_letters(letters)
        for job, applied, old, dead in finished:
            progress.done[b"%d %d %d" % (applied, old, dead)].append(job)
            progress.applied += applied
            progress.stale += old
            progress.dead += dead

    def _bury(self, dead: list[tuple[Job, DeadLetter]], progress: Progress) -> None:
        self._write_letters([letter for _, letter in dead])
        progress.done[ONE_DEAD] += [job for job, _ in dead]
        progress.dead += len(dead)

    def _write_letters(self, letters: list[DeadLetter]) -> None:
        if letters:
            self._letters.add(letters)
            log.warning(
                "Cannot be applied because of the data; kept as dead letters.",
                extra=fields(
                    letters=len(letters),
                    reason=letters[0].reason,
                    job_handle=letters[0].handle.decode(errors="replace"),
                ),
            )


def _in_order(
    jobs: list[Job], rows: list[Job], pairs: list[bytes], lines: list[_Lines]
) -> tuple[list[Job], list[bytes], list[_Lines]]:
    """Bare rows of keys that event lines name too become unversioned events, in the jobs' order.

    Otherwise a delete would be applied after the row that was written behind it.
    """
    named = {event[1] for work in lines for event in work.events}
    apart_rows: list[Job] = []
    apart_pairs: list[bytes] = []
    for job, key, row in zip(rows, pairs[::2], pairs[1::2], strict=True):
        if key in named:
            lines.append(_Lines(job, [(b"0", key, b"json", b"", row)], []))
        else:
            apart_rows.append(job)
            apart_pairs += (key, row)
    if len(apart_rows) < len(rows):
        place = {id(job): index for index, job in enumerate(jobs)}
        lines.sort(key=lambda work: place[id(work.job)])
    return apart_rows, apart_pairs, lines


def _and_those_behind(events: list[Event], kept: dict[int, str]) -> dict[int, str]:
    """`kept`, and unversioned events behind one of them on the same key: order is all they have."""
    if not kept:
        return kept
    keys: dict[bytes, str] = {}
    both = dict(kept)
    for index, event in enumerate(events):
        if index in kept:
            keys[event[1]] = kept[index]
        elif event[0] == b"0" and event[1] in keys:
            both[index] = keys[event[1]]
    return both


def _letter(job: Job, workload: bytes, reason: str) -> DeadLetter:
    return DeadLetter(reason, workload, job.function, job.handle)
