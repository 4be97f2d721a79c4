"""Changes rows as an application would: inserts, updates and deletes, in transactions."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from demo.stack import SCHEMA, Stack

BATCH = 10  # rows of one transaction
SEED = 20
INSERT = "INSERT INTO product (name, price, volume) VALUES (%s, %s, %s)"
UPDATE = "UPDATE product SET name = %s, price = %s, volume = %s WHERE id = %s"
NAMES = ("Teapot", 'Pan, 24" wide', "Bügeleisen", "急須", "Cup \N{TEACUP WITHOUT HANDLE}", "it's")


@dataclass
class Progress:
    """What has been done so far; written by the load, read by the display."""

    phase: str = "starting"
    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def changes(self) -> int:
        """All row changes together."""
        return self.inserted + self.updated + self.deleted


def run_load(stack: Stack, rows: int, rate: float, progress: Progress) -> None:
    """Insert rows, change as many, delete a third of them. rate: changes a second, 0 for no limit.

    Changes a row several times in one transaction now and then. Never touches the row with a
    negative volume, which measures the latency. Raises StackFailed if a part of the stack ends.
    """
    chance = random.Random(SEED)  # noqa: S311 - the same changes every time
    connection = stack.mariadb.connect(database=SCHEMA, autocommit=False)
    with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
        pace = _pace(stack, rate, progress)
        progress.phase = "insert"
        for _ in range(0, rows, BATCH):
            batch = [_product(chance) for _ in range(min(BATCH, rows - progress.inserted))]
            cursor.executemany(
                "INSERT INTO product (name, price, volume) VALUES (%s, %s, %s)", batch
            )
            connection.commit()
            progress.inserted += len(batch)
            next(pace)
        cursor.execute("SELECT id FROM product WHERE volume >= 0")
        ids = [row[0] for row in cursor.fetchall()]
        progress.phase = "update"
        while progress.updated < rows:
            for number in chance.choices(ids, k=min(BATCH, rows - progress.updated)):
                change = (*_product(chance), number)
                cursor.execute(UPDATE, change)
                progress.updated += 1
            connection.commit()
            next(pace)
        progress.phase = "delete"
        gone = chance.sample(ids, k=rows // 3)
        for start in range(0, len(gone), BATCH):
            batch = gone[start : start + BATCH]
            marks = ", ".join(["%s"] * len(batch))
            cursor.execute(f"DELETE FROM product WHERE id IN ({marks})", batch)  # noqa: S608
            connection.commit()
            progress.deleted += len(batch)
            next(pace)
        progress.phase = "done"


def _product(chance: random.Random) -> tuple[Any, ...]:
    return chance.choice(NAMES), f"{chance.randint(1, 9_999_999) / 100:.2f}", chance.randint(0, 999)


def _pace(stack: Stack, rate: float, progress: Progress) -> Iterator[None]:
    """Yield when the changes made so far are due at this rate."""
    start = time.monotonic()
    while True:
        stack.check()
        if rate:
            time.sleep(max(0.0, start + progress.changes / rate - time.monotonic()))
        yield
