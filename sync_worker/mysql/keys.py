"""Key templates: which rows, of one table or of two, could get the same key.

A template is literal text and columns in turn; a column's type says which characters it can yield.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .rendering import BINARIES, INTEGERS, STRINGS, is_binary
from .schema import Column

Template = Sequence[str | Column]

_DIGITS = frozenset("0123456789")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_BY_TYPE = {
    "bit": _DIGITS,
    "year": _DIGITS,
    "decimal": _DIGITS | {"-", "."},
    "date": _DIGITS | {"-"},
    "time": _DIGITS | {"-", ":", "."},
    "datetime": _DIGITS | {"-", ":", ".", " "},
    "timestamp": _DIGITS | {"-", ":", ".", " "},
    "uuid": frozenset("0123456789abcdef-"),
    "inet4": _DIGITS | {"."},
    "inet6": frozenset("0123456789abcdef:."),
}


def alphabet(column: Column) -> frozenset[str] | None:
    """The characters that the column's text can have; None: any."""
    if column.type in INTEGERS:
        return _DIGITS if "unsigned" in column.full_type.lower() else _DIGITS | {"-"}
    if column.type in BINARIES or is_binary(column):
        return _BASE64
    if column.type in ("enum", "set"):
        return frozenset(column.full_type)
    if column.type in STRINGS:
        return None
    return _BY_TYPE.get(column.type)


def readable(template: Template) -> set[str]:
    """The columns whose values can be read back from every key.

    A column is readable where the text after it cannot be part of it, all columns before being
    readable; likewise from the end; and if only one is left, it is what remains.
    """
    known = _readable(template, backwards=False)
    mirrored = _readable(list(reversed(template)), backwards=True)
    known |= {len(template) - 1 - i for i in mirrored}
    columns = {i for i, part in enumerate(template) if isinstance(part, Column)}
    if len(columns - known) == 1:
        known = columns
    return {part.name for i in known if isinstance(part := template[i], Column)}


def _readable(template: Template, *, backwards: bool) -> set[int]:
    known: set[int] = set()
    for i, part in enumerate(template):
        if isinstance(part, str):
            continue
        if i + 1 < len(template):
            after = template[i + 1]
            characters = alphabet(part)
            if isinstance(after, Column) or characters is None:
                break
            if not backwards and part.type in INTEGERS | {"decimal"}:
                characters -= {"-"}  # a sign only begins a number
            if after[-1 if backwards else 0] in characters:
                break
        known.add(i)
    return known


def may_meet(one: Template, other: Template) -> bool:
    """Whether some text could be a key of both templates."""
    first, second = list(_steps(one)), list(_steps(other))
    reached = {(0, 0)}
    waiting = [(0, 0)]
    while waiting:
        i, j = waiting.pop()
        if i == len(first) and j == len(second):
            return True
        for state in _next(first, second, i, j):
            if state not in reached:
                reached.add(state)
                waiting.append(state)
    return False


Step = str | tuple[frozenset[str] | None]
"""One character, or any number of characters of an alphabet."""


def _steps(template: Template) -> Iterable[Step]:
    for part in template:
        if isinstance(part, str):
            yield from part
        else:
            yield (alphabet(part),)


def _next(first: list[Step], second: list[Step], i: int, j: int) -> Iterable[tuple[int, int]]:
    a = first[i] if i < len(first) else ""
    b = second[j] if j < len(second) else ""
    if isinstance(a, tuple):
        yield i + 1, j
    if isinstance(b, tuple):
        yield i, j + 1
    if a and b and _share(a, b):
        yield i + (not isinstance(a, tuple)), j + (not isinstance(b, tuple))


def _share(a: Step, b: Step) -> bool:
    """Whether a character can be both."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return a[0] is None or b[0] is None or bool(a[0] & b[0])
    if isinstance(a, tuple):
        return a[0] is None or b in a[0]
    if isinstance(b, tuple):
        return b[0] is None or a in b[0]
    return a == b
