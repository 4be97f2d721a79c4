"""The oracle: what must hold of all that was seen (I2, I3), and of the end (I1).

It renders nothing by way of the product: a value of Redis is parsed and compared with the values
of the row as the driver gives them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .committed import History
from .poller import Sight
from .tables import ABSENT, TABLES, LoadTable, image, image_of_json

_VERSION = re.compile(rb',"_v":(\d+)}$')
OWN_PREFIX = b"sync-worker:"  # tombstones, epochs, dead letters
_SHOWN = 10


@dataclass
class Verdict:
    """What was looked at, and what was wrong."""

    values: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Note a violation."""
        self.violations.append(text)

    def __str__(self) -> str:
        shown = "\n  ".join(self.violations[:_SHOWN])
        return f"{len(self.violations)} violations in {self.values} values seen:\n  {shown}"


def split(value: bytes) -> tuple[bytes, int]:
    """The row without its version, and the version. Raises ValueError without one."""
    found = _VERSION.search(value)
    if not found:
        raise ValueError("no version")
    return value[: found.start()] + b"}", int(found[1])


def judge_sights(
    sights: Mapping[str, Sequence[Sight]],
    history: History,
    *,
    emptied: Sequence[tuple[int, int]] = (),
) -> Verdict:
    """I2: every value seen was committed. I3: a key never goes back, in version or in value.

    emptied: when (from, to, monotonic ns) Redis lost its data; a key may vanish and start anew.
    """
    verdict = Verdict()
    tables = {table.name: table for table in TABLES}
    for key, seen in sights.items():
        table = tables[key.split(":", 1)[0]]
        version = rank = 0
        before = 0
        for at, value, asked in seen:
            anew = any(before <= end and start <= at for start, end in emptied)
            if anew:
                version = rank = 0
            before = asked
            verdict.values += 1
            if value is None:
                if not anew and history.next_rank(key, ABSENT, rank, at) is None:
                    verdict.add(f"I2 {key!r} vanished, which was not committed")
                continue
            try:
                row, new_version = split(value)
                found = image_of_json(table, row)
            except ValueError as error:
                verdict.add(f"I2 {key!r} is {value!r}: {error}")
                continue
            if new_version <= version:
                verdict.add(f"I3 {key!r}: version {new_version} after {version}: {value!r}")
            new_rank = history.next_rank(key, found, rank, at)
            if new_rank is None:
                known = history.known(key, found)
                what = "older than what was seen before" if known else "never committed"
                verdict.add(f"{'I3' if known else 'I2'} {key!r} is {value!r}: {what}")
            version, rank = max(version, new_version), max(rank, new_rank or 0)
    return verdict


def judge_end(rows: Mapping[str, str], client: Any) -> list[str]:
    """I1: every row's key holds the row, and there is no other key."""
    violations = []
    tables = {table.name: table for table in TABLES}
    keys = list(rows)
    values = client.mget(keys) if keys else []
    for key, value in zip(keys, values, strict=True):
        try:
            held = image_of_json(tables[key.split(":", 1)[0]], split(value)[0]) if value else ABSENT
        except ValueError as error:
            held = str(error)
        if held != rows[key]:
            violations.append(f"I1 {key!r} is {value!r}, expected {rows[key]}")
    expected = {key.encode() for key in rows}
    for key in client.scan_iter(count=1000):
        if key not in expected and not key.startswith(OWN_PREFIX):
            violations.append(f"I1 {key!r} has no row")
    return violations


def rows_of(connection: Any, tables: Iterable[LoadTable] = TABLES) -> dict[str, str]:
    """Every row's key in Redis, and the row."""
    rows = {}
    cursor = connection.cursor()
    for table in tables:
        cursor.execute(f"SELECT {', '.join(table.columns)} FROM {table.sql}")
        for row in cursor.fetchall():
            rows[table.redis_key(table.key_of(row))] = image(row)
    cursor.close()
    return rows


def judge_log(rows: Mapping[str, str], history: History, keys: Iterable[str]) -> list[str]:
    """The log itself: its newest images are the rows that are there. Else the load is at fault."""
    return [
        f"log {key!r}: {history.last(key)}, but the row is {rows.get(key, ABSENT)}"
        for key in keys
        if rows.get(key, ABSENT) not in history.last(key)
    ]
