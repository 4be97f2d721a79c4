"""Which keys of Redis belong to a table, and the values of the columns that are in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sync_worker.mysql import keytext
from sync_worker.mysql.mapping import Mapping
from sync_worker.mysql.schema import Column

OURS = b"sync-worker:"  # what this product keeps in Redis besides rows
_LONGEST_KEY = 4096  # bytes
_MOST_READINGS = 32  # of one key, where a text column may hold what stands between two columns


class KeySpace:
    """The keys that the template of a table can make; those of two tables never meet."""

    def __init__(self, mapping: Mapping) -> None:
        self._template = mapping.template
        self._columns = [c for c in mapping.identity if c in mapping.template]
        self.unreadable = next((c for c in self._columns if keytext.shape(c) is None), None)
        """A column from whose text there is no way back; then orphans cannot be looked for."""

    @property
    def named(self) -> bool:
        """Whether the template has text of its own, besides columns."""
        return any(isinstance(part, str) for part in self._template)

    @property
    def pattern(self) -> str:
        """The pattern for SCAN."""
        parts = []
        for part in self._template:
            parts.append(
                "*" if isinstance(part, Column) else re.sub(r"([*?\[\]\\])", r"\\\1", part)
            )
        return "".join(parts)

    def read(self, key: bytes) -> list[list[str]]:
        """The literals of the columns, in each way the key can be read; empty if it is not ours."""
        if key.startswith(OURS) or len(key) > _LONGEST_KEY:
            return []
        try:
            text = key.decode()
        except UnicodeDecodeError:
            return []
        readings: list[list[str]] = []
        for values in self._splits(text, 0):
            literals = [keytext.literal(column, values[column.name]) for column in self._columns]
            complete = [literal for literal in literals if literal is not None]
            if len(complete) == len(literals):
                readings.append(complete)
            if len(readings) == _MOST_READINGS:
                break
        return readings

    def _splits(self, text: str, part: int) -> Iterator[dict[str, str]]:
        """The values by column, each way that the template from `part` on can make `text`."""
        if part == len(self._template):
            if not text:
                yield {}
            return
        expected = self._template[part]
        if isinstance(expected, str):
            if text.startswith(expected):
                yield from self._splits(text[len(expected) :], part + 1)
            return
        shape = re.compile(keytext.shape(expected) or "")
        following = self._template[part + 1] if part + 1 < len(self._template) else None
        for end in range(len(text) + 1) if following else (len(text),):
            if isinstance(following, str) and not text.startswith(following, end):
                continue
            value = text[:end]
            if not shape.fullmatch(value):
                continue
            for rest in self._splits(text[end:], part + 1):
                if rest.get(expected.name, value) == value:  # a column may stand twice
                    yield {**rest, expected.name: value}
