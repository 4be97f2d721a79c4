"""[[table]]: the tables that are kept in step, each an entry of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import fields as f
from .fields import setting

DELIVERIES = ("outbox", "direct")
KINDS = ("json", "hash", "redisjson")


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("expected true or false")


def _qualified(value: Any) -> str:
    """schema.table; a name with a dot of its own is put in backticks."""
    if isinstance(value, str) and len(split_name(value)) == 2:
        return value
    raise ValueError('expected "schema.table", a name with a dot in backticks')


def _list(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(part, str) and part for part in value):
        return tuple(dict.fromkeys(value))
    raise ValueError("expected a list of column names, not empty")


def _renames(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(value, dict) and all(isinstance(new, str) and new for new in value.values()):
        return tuple(value.items())
    raise ValueError('expected pairs such as { old_name = "new_name" }')


def _expire(value: Any) -> int | str:
    """Whole seconds, a duration, or "column:NAME"."""
    if isinstance(value, str) and value.startswith("column:") and value != "column:":
        return value.removeprefix("column:")
    try:
        seconds = f.positive_duration(value)
    except ValueError as error:
        raise ValueError('expected a duration such as "1h", or "column:NAME"') from error
    if not 1 <= seconds <= 999_999_999:
        raise ValueError("expected at least a second")
    return int(seconds)


@dataclass(frozen=True)
class SyncedTable:
    """One [[table]]."""

    name: str = setting(_qualified, "", "schema.table; a name with a dot goes in backticks.")
    delivery: str = setting(f.one_of(*DELIVERIES), "outbox", "outbox (exact) or direct.")
    key: str = setting(f.key_template, "{id}", "Key of a row; {column} stands for a column.")
    kind: str = setting(
        f.one_of(*KINDS), "json", "json (a string), hash, or redisjson (needs the module)."
    )
    columns: tuple[str, ...] | None = setting(_list, None, "Columns taken; default: all visible.")
    exclude: tuple[str, ...] = setting(_list, (), "Columns left out.")
    rename: tuple[tuple[str, str], ...] = setting(
        _renames, (), "Members' names where they are not the columns'."
    )
    where: str = setting(f.text, "", "SQL condition; rows that do not match have no key.")
    expire: int | str | None = setting(
        _expire, None, 'Keys expire after this, or after the seconds in "column:NAME".'
    )
    versions: bool = setting(
        _flag, True, "Off: the plain row without a version, and no newest-wins."
    )

    @property
    def schema(self) -> str:
        """The table's schema."""
        return split_name(self.name)[0]

    @property
    def table(self) -> str:
        """The table's own name."""
        return split_name(self.name)[1]

    @property
    def full_name(self) -> str:
        """schema.table, as messages show it."""
        return f"{self.schema}.{self.table}"


def split_name(value: str) -> list[str]:
    """The parts of a dotted name; backticks hold a part together."""
    if not re.fullmatch(r"(?:`(?:[^`]|``)+`|[^`.]+)(?:\.(?:`(?:[^`]|``)+`|[^`.]+))*", value):
        return []
    parts = re.findall(r"`(?:[^`]|``)+`|[^`.]+", value)
    return [p[1:-1].replace("``", "`") if p.startswith("`") else p for p in parts]
