"""The log of committed images: what every transaction left behind, and in which order."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TextIO

from .tables import ABSENT, Image


class Record(NamedTuple):
    """A key of Redis and what a transaction made of its row.

    rank: monotonic nanoseconds, taken just before the commit, while the row's lock was held; for
    one key, rank order is commit order.
    """

    rank: int
    key: str
    image: Image


class Writer:
    """Appends records to a file."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def add(self, records: Iterable[Record]) -> None:
        """Log what one transaction has committed."""
        self._file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


class History:
    """All that was committed, by key, in the order of commits."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[tuple[int, Image]]] = defaultdict(list)
        self.size = 0

    def read(self, path: Path) -> None:
        """Take in a file of records."""
        with path.open(encoding="utf-8") as file:
            for line in file:
                self.add(Record(*json.loads(line)))

    def add(self, record: Record) -> None:
        """Take in one record."""
        self._by_key[record.key].append((record.rank, record.image))
        self.size += 1

    def sort(self) -> None:
        """Put every key's images in order; call it after the last `add`."""
        for images in self._by_key.values():
            images.sort()

    def next_rank(self, key: str, image: Image, after: int, until: int) -> int | None:
        """The first rank in [after, until] at which `key` became `image`; None if there is none."""
        for rank, found in self._by_key.get(key, ()):
            if after <= rank <= until and found == image:
                return rank
        return None

    def known(self, key: str, image: Image) -> bool:
        """Whether `key` was ever committed as `image`."""
        return any(found == image for _, found in self._by_key.get(key, ()))

    def last(self, key: str) -> set[Image]:
        """What the newest commit can have made of `key`.

        A delete that met no row holds no lock, so its rank may be too high.
        """
        images = [image for _, image in self._by_key.get(key, ())]
        if not images:
            return {ABSENT}
        rows = [image for image in images if image != ABSENT]
        return {images[-1]} | (set(rows[-1:]) if images[-1] == ABSENT else set())
