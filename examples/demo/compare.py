"""Compares every row with its key, and looks for keys without a row."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import redis

from demo.stack import FUNCTION, SCHEMA, Stack, StackFailed

SELECT = "SELECT id, name, price, volume, updated FROM product ORDER BY id"
OWN_KEYS = b"sync-worker:"  # dead letters and the like
IDLE_SECONDS = 60.0
MANY = 1000  # keys of one MGET


@dataclass(frozen=True)
class Comparison:
    """The result: numbers, and a sentence for each difference."""

    rows: int
    keys: int
    differences: list[str]


def wait_until_idle(stack: Stack) -> None:
    """Return when no job of the worker waits or runs. Raises StackFailed if that takes too long."""
    deadline = time.monotonic() + IDLE_SECONDS
    while waiting := stack.gearmand.queued(FUNCTION):
        stack.check()
        if time.monotonic() > deadline:
            raise StackFailed(f"{waiting} jobs still wait after {IDLE_SECONDS:.0f} s")
        time.sleep(0.02)


def compare(stack: Stack) -> Comparison:
    """Read all rows and all keys, and compare them member by member."""
    rows = stack.mariadb.execute(SELECT, database=SCHEMA, time_zone="+00:00")
    with stack.redis.client() as client:
        keys = {key for key in client.scan_iter(count=MANY) if not key.startswith(OWN_KEYS)}
        differences = list(_differences(rows, client))
    wanted = {str(row[0]).encode() for row in rows}
    differences += [f"key {key.decode()}: has no row" for key in sorted(keys - wanted)]
    return Comparison(len(rows), len(keys), differences)


def _differences(rows: list[Any], client: redis.Redis) -> Iterator[str]:
    for start in range(0, len(rows), MANY):
        part = rows[start : start + MANY]
        values: Any = client.mget([str(row[0]) for row in part])
        for row, value in zip(part, values, strict=True):
            if value is None:
                yield f"row {row[0]}: has no key"
            elif _row(value) != row:
                yield f"row {row[0]}: the table has {row}, Redis has {value.decode()}"


def _row(value: bytes) -> tuple[Any, ...] | None:
    """Return a key's value as the tuple that the database gives for its row."""
    try:
        members = json.loads(value, parse_float=Decimal)
        return (
            members["id"],
            members["name"],
            Decimal(members["price"]),
            members["volume"],
            datetime.fromisoformat(members["updated"]),
        )
    except (ValueError, KeyError, TypeError, ArithmeticError):
        return None
