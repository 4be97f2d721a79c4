"""A column's value as an SQL literal that the server itself writes, and reads back exactly.

Values of identity columns travel so from a table into its outbox, whatever their type and character
set, and stand in the range predicates that walk the primary key.
"""

from __future__ import annotations

import re

from .rendering import BINARIES, INTEGERS, NUMBERS, STRINGS
from .schema import Column

LITERAL = re.compile(
    rb"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|_[a-z0-9]+ x'[0-9A-F]*'|'[-0-9a-fA-F:. ]*'", re.ASCII
)
"""What every literal looks like; none holds a comma."""


def literal_of(column: Column, value: str) -> str:  # noqa: PLR0911 - a return for each type
    """SQL for the literal of `value`, an SQL expression of the column's type that is not NULL."""
    kind = column.type
    if kind in ("enum", "set"):  # by number, which is their order in an index
        return f"CAST(({value})+0 AS CHAR)"
    if kind in STRINGS:
        return f"CONCAT('_{column.charset} x''',HEX({value}),'''')"
    if kind in BINARIES:
        return f"CONCAT('_binary x''',HEX({value}),'''')"
    if kind in ("float", "double"):  # with an exponent, else it would be read as a decimal
        text = f"CAST(({value})*1e0 AS CHAR)"
        return f"IF(LOCATE('e',{text})>0,{text},CONCAT({text},'e0'))"
    if kind in INTEGERS or kind in ("bit", "year"):
        return f"CAST(({value})+0 AS CHAR)"
    if kind in NUMBERS:
        return f"CAST({value} AS CHAR)"
    return f"CONCAT('''',CAST({value} AS CHAR),'''')"


def split(text: bytes) -> list[bytes]:
    """The literals of a text that has commas between them. Raises ValueError for anything else."""
    parts = text.split(b",")
    for part in parts:
        if not LITERAL.fullmatch(part):
            raise ValueError(f"{part!r} is no literal")
    return parts
