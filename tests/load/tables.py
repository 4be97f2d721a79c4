"""The tables of the load: integer, text and composite keys, and one whose key is no primary key.

All have the same columns beside their keys. Every transaction writes its own number into `stamp`,
so the rows it has changed can be read back before it commits, whatever the statements were.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

SCHEMA = "shop"
PAYLOAD = ("note", "price", "qty", "stamp")
_PAYLOAD_DDL = (
    "note VARCHAR(80) NULL, price DECIMAL(12,2) NOT NULL DEFAULT 0, qty INT NULL, "
    "stamp BIGINT NOT NULL DEFAULT 0"
)
HOT = ((1,), (2,))
"""Rows of `item` that every connection changes."""

Key = tuple[Any, ...]
Image = str
"""The values of a row, JSON."""
ABSENT: Image = "-"


@dataclass(frozen=True)
class LoadTable:
    """A table; `families` are the keys in use, those that its collation calls equal together."""

    name: str
    key: tuple[str, ...]
    ddl: str
    families: tuple[tuple[Key, ...], ...]
    own: tuple[str, ...] = ()
    """columns before the key that the server fills"""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in their order."""
        return (*self.own, *self.key, *PAYLOAD)

    @property
    def sql(self) -> str:
        """The qualified name."""
        return f"{SCHEMA}.{self.name}"

    @property
    def template(self) -> str:
        """The key template of its configuration."""
        return ":".join([self.name, *(f"{{{column}}}" for column in self.key)])

    @property
    def create(self) -> str:
        """CREATE TABLE."""
        return (
            f"CREATE TABLE {self.sql} ({self.ddl.replace('…', _PAYLOAD_DDL)}) ENGINE=InnoDB "
            "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
        )

    @property
    def keys(self) -> list[Key]:
        """Every key in use."""
        return list(itertools.chain.from_iterable(self.families))

    def family(self, key: Key) -> tuple[Key, ...]:
        """The keys of which only one can be in the table at a time: `key` and its equals."""
        return next((family for family in self.families if key in family), (key,))

    def redis_key(self, key: Key) -> str:
        """The key in Redis."""
        return ":".join([self.name, *map(str, key)])

    def key_of(self, row: Sequence[Any]) -> Key:
        """The key of a row of all columns."""
        start = len(self.own)
        return tuple(row[start : start + len(self.key)])


def image(row: Iterable[Any]) -> Image:
    """A row as the driver gives it."""
    return json.dumps([str(v) if isinstance(v, Decimal) else v for v in row], ensure_ascii=False)


def image_of_json(table: LoadTable, text: bytes) -> Image:
    """A row as Redis gives it, without the version. Raises ValueError if it is another shape."""
    names: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> list[Any]:
        names.extend(name for name, _ in pairs)
        return [value for _, value in pairs]

    values = json.loads(text, object_pairs_hook=members, parse_float=str)
    if tuple(names) != table.columns:
        raise ValueError(f"members {names}, expected {list(table.columns)}")
    return image(values)


def _singles(keys: Iterable[Key]) -> tuple[tuple[Key, ...], ...]:
    return tuple((key,) for key in keys)


_TAGS = (
    ("abc", "ABC", "Abc"), ("pad", "pad "), ("über", "uber", "UBER"), ("😀", "😎"),
    ('quote"s',), ("it's",), ("back\\slash",), ("tab\there",), ("new\nline",), ("a:b",), ("{a}",),
    ("",), ("%s",), ("日本語",), ("nul\0byte",),
)  # fmt: skip

TABLES = (
    LoadTable("item", ("id",), "id INT PRIMARY KEY, …", _singles((n,) for n in range(1, 121))),
    LoadTable(
        "tag",
        ("name",),
        "name VARCHAR(40) PRIMARY KEY, …",
        (
            *(tuple((name,) for name in names) for names in _TAGS),
            *_singles((f"tag {n}",) for n in range(40)),
        ),
    ),
    LoadTable(
        "stock",
        ("warehouse", "sku"),
        "warehouse SMALLINT UNSIGNED, sku VARCHAR(20), …, PRIMARY KEY (sku, warehouse)",
        _singles((n, f"sku-{m}") for n in range(8) for m in range(8)),
    ),
    LoadTable(
        "coupon",
        ("code",),
        "id INT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(20) NOT NULL, …, UNIQUE (code)",
        _singles((f"CODE-{n}",) for n in range(30)),
        own=("id",),
    ),
)
