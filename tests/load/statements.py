"""Random statements, each with the keys that are gone once it has been done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from .tables import HOT, PAYLOAD, TABLES, Key, LoadTable

_WORDS = (
    "plain",
    "it's",
    'a "quote"',
    "tab\there",
    "line\nend",
    "back\\slash",
    "ünï",
    "😀🎉",
    "",
    "}",
)


@dataclass(frozen=True)
class Statement:
    """One statement with its values; `gone` are keys that it removes unless it fails."""

    table: LoadTable
    sql: str
    values: tuple[Any, ...]
    gone: tuple[Key, ...] = ()


class Statements:
    """Makes the statements of one connection; the same ones for the same random numbers."""

    def __init__(self, random: Random, scratch: Path) -> None:
        self._random = random
        self._scratch = scratch
        self._kinds: list[tuple[Callable[[LoadTable, int], list[Statement]], int]] = [
            (self._insert, 6),
            (self._update, 14),
            (self._update_many, 8),
            (self._hot, 12),
            (self._touch, 3),
            (self._delete, 5),
            (self._delete_many, 2),
            (self._delete_and_insert, 5),
            (self._change_key, 7),
            (self._swap, 3),
            (self._replace, 8),
            (self._upsert, 8),
            (self._insert_select, 4),
            (self._load_data, 2),
        ]

    def some(self, stamp: int) -> list[Statement]:
        """One statement, or a few that belong together."""
        makers, weights = zip(*self._kinds, strict=True)
        table = self._random.choices(TABLES, (4, 3, 3, 2))[0]
        return list(self._random.choices(makers, weights)[0](table, stamp))

    # The kinds.

    def _insert(self, table: LoadTable, stamp: int) -> list[Statement]:
        return [self._rows("INSERT", table, self._keys(table, 3), stamp)]

    def _replace(self, table: LoadTable, stamp: int) -> list[Statement]:
        return [self._rows("REPLACE", table, self._keys(table, 4), stamp)]

    def _upsert(self, table: LoadTable, stamp: int) -> list[Statement]:
        end = " ON DUPLICATE KEY UPDATE price = price + 1, qty = VALUES(qty), stamp = VALUES(stamp)"
        return [self._rows("INSERT", table, self._keys(table, 4), stamp, end)]

    def _update(self, table: LoadTable, stamp: int) -> list[Statement]:
        return [self._changed(table, self._keys(table, 1), stamp)]

    def _update_many(self, table: LoadTable, stamp: int) -> list[Statement]:
        return [self._changed(table, self._keys(table, 8), stamp)]

    def _hot(self, _table: LoadTable, stamp: int) -> list[Statement]:
        table = TABLES[0]
        where, values = _where(table, [self._random.choice(HOT)])
        sql = f"UPDATE {table.sql} SET qty = IFNULL(qty, 0) + 1, stamp = %s WHERE {where}"
        return [Statement(table, sql, (stamp, *values))]

    def _touch(self, table: LoadTable, _stamp: int) -> list[Statement]:
        where, values = _where(table, self._keys(table, 3))
        return [Statement(table, f"UPDATE {table.sql} SET price = price WHERE {where}", values)]

    def _delete(self, table: LoadTable, _stamp: int) -> list[Statement]:
        return [_deleted(table, self._doomed(table, 1))]

    def _delete_many(self, table: LoadTable, _stamp: int) -> list[Statement]:
        return [_deleted(table, self._doomed(table, 5))]

    def _delete_and_insert(self, table: LoadTable, stamp: int) -> list[Statement]:
        keys = self._doomed(table, 2)
        return [_deleted(table, keys), self._rows("INSERT", table, keys, stamp)]

    def _change_key(self, table: LoadTable, stamp: int) -> list[Statement]:
        old = self._doomed(table, 1)[0]
        family = [key for key in table.family(old) if key != old]
        new = self._random.choice(family or self._doomed(table, 1))
        return [self._moved(table, old, new, stamp)]

    def _swap(self, table: LoadTable, stamp: int) -> list[Statement]:
        first, second, spare = self._random.sample(self._may_go(table), 3)
        return [
            _deleted(table, [spare]),
            self._moved(table, first, spare, stamp),
            self._moved(table, second, first, stamp),
            self._moved(table, spare, second, stamp),
        ]

    def _insert_select(self, table: LoadTable, stamp: int) -> list[Statement]:
        columns = ", ".join((*table.key, *PAYLOAD))
        parts: list[str] = []
        values: list[Any] = []
        for new, old in zip(self._keys(table, 3), self._keys(table, 3), strict=False):
            where, of_old = _where(table, [old])
            key = ", ".join(["%s"] * len(new))
            parts.append(f"SELECT {key}, note, price, qty, %s FROM {table.sql} WHERE {where}")
            values += (*new, stamp, *of_old)
        sql = f"INSERT INTO {table.sql} ({columns}) {' UNION ALL '.join(parts)}"
        return [Statement(table, sql, tuple(values))]

    def _load_data(self, table: LoadTable, stamp: int) -> list[Statement]:
        table = TABLES[0]
        self._scratch.write_text(
            "".join(
                f"{key[0]}\tloaded\t{self._random.randrange(999)}.{self._random.randrange(10, 99)}"
                f"\t\\N\t{stamp}\n"
                for key in self._keys(table, 6)
            )
        )
        columns = ", ".join(table.columns)
        sql = f"LOAD DATA INFILE %s REPLACE INTO TABLE {table.sql} ({columns})"
        return [Statement(table, sql, (str(self._scratch),))]

    # Their parts.

    def _rows(
        self, verb: str, table: LoadTable, keys: list[Key], stamp: int, end: str = ""
    ) -> Statement:
        columns = ", ".join((*table.key, *PAYLOAD))
        one = "(" + ", ".join(["%s"] * (len(table.key) + len(PAYLOAD))) + ")"
        values = [value for key in keys for value in (*key, *self._payload(), stamp)]
        sql = f"{verb} INTO {table.sql} ({columns}) VALUES {', '.join([one] * len(keys))}{end}"
        return Statement(table, sql, tuple(values))

    def _changed(self, table: LoadTable, keys: list[Key], stamp: int) -> Statement:
        where, values = _where(table, keys)
        sql = f"UPDATE {table.sql} SET note = %s, price = %s, qty = %s, stamp = %s WHERE {where}"
        return Statement(table, sql, (*self._payload(), stamp, *values))

    def _moved(self, table: LoadTable, old: Key, new: Key, stamp: int) -> Statement:
        key = ", ".join(f"{column} = %s" for column in table.key)
        where, values = _where(table, [old])
        sql = f"UPDATE {table.sql} SET {key}, stamp = %s WHERE {where}"
        return Statement(table, sql, (*new, stamp, *values), (old,))

    def _payload(self) -> tuple[str | None, str, int | None]:
        random = self._random
        note = f"{random.choice(_WORDS)} {random.randrange(10**6)}"
        price = f"{random.randrange(-999, 10**6)}.{random.randrange(100):02}"
        return (note, price, random.choice((None, random.randrange(10**6))))

    def _keys(self, table: LoadTable, most: int) -> list[Key]:
        return self._random.sample(table.keys, self._random.randint(1, most))

    def _may_go(self, table: LoadTable) -> list[Key]:
        return [key for key in table.keys if table is not TABLES[0] or key not in HOT]

    def _doomed(self, table: LoadTable, most: int) -> list[Key]:
        return self._random.sample(self._may_go(table), self._random.randint(1, most))


def _where(table: LoadTable, keys: list[Key]) -> tuple[str, tuple[Any, ...]]:
    one = "(" + " AND ".join(f"{column} = %s" for column in table.key) + ")"
    return " OR ".join([one] * len(keys)), tuple(value for key in keys for value in key)


def _deleted(table: LoadTable, keys: list[Key]) -> Statement:
    where, values = _where(table, keys)
    return Statement(table, f"DELETE FROM {table.sql} WHERE {where}", values, tuple(keys))
