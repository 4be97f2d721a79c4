"""The way back from a key's text to the values of its columns, as SQL literals.

Only texts that rendering.py makes are taken, so that a value read back gives the same key.
"""

from __future__ import annotations

import base64
import binascii
import re

from .rendering import BINARIES, INTEGERS, is_binary
from .schema import Column

_UNICODE = {"utf8", "utf8mb3", "utf8mb4", "ucs2", "utf16", "utf16le", "utf32"}
# Python's names of other character sets; the rest is taken to have ASCII alone.
_CODECS = {
    "latin1": "cp1252", "latin2": "iso8859_2", "latin5": "iso8859_9", "latin7": "iso8859_13",
    "greek": "iso8859_7", "hebrew": "iso8859_8", "koi8r": "koi8_r", "koi8u": "koi8_u",
    "cp1250": "cp1250", "cp1251": "cp1251", "cp1256": "cp1256", "cp1257": "cp1257",
    "cp850": "cp850", "cp852": "cp852", "cp866": "cp866", "gbk": "gbk", "gb18030": "gb18030",
}  # fmt: skip
_TEXTS = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum"}
_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_PLAIN = {
    "date": r"\d{4}-\d\d-\d\d",
    "datetime": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?",
    "timestamp": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?",
    "time": r"-?\d+:\d\d:\d\d(?:\.\d+)?",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "inet4": r"\d+\.\d+\.\d+\.\d+",
    "inet6": r"[0-9a-f:.]+",
}
_WHOLE = r"0|-?[1-9]\d*"
_BASE64 = r"[A-Za-z0-9+/]*={0,2}"


def shape(column: Column) -> str | None:
    """A regular expression of the column's texts; None where there is no way back."""
    kind = column.type
    if is_binary(column):
        return _BASE64
    if kind in INTEGERS or kind in ("bit", "year"):
        return _WHOLE
    if kind == "decimal":
        return r"-?\d+(?:\.\d+)?"
    if kind in _TEXTS:
        return r"(?s:.*)"
    if kind in BINARIES:
        return _BASE64
    return _PLAIN.get(kind)


def literal(column: Column, text: str) -> str | None:  # noqa: PLR0911 - a return for each type
    """The SQL literal of a text that has the column's shape; None if no value has this text."""
    kind = column.type
    if kind in INTEGERS:
        bits = _BITS[kind]
        unsigned = "unsigned" in column.full_type.lower()
        low, high = (0, 2**bits) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        return text if low <= int(text) < high else None
    if kind in ("bit", "year", "decimal"):
        return text
    if kind in _TEXTS and not is_binary(column):
        if column.charset not in _UNICODE and not _fits(text, column.charset):
            return None
        if kind in ("char", "varchar") and len(text) > _length(column):
            return None
        as_hex = f"_utf8mb4 x'{text.encode().hex()}'"
        return f"CONVERT({as_hex} USING {column.charset}) COLLATE {column.collation}"
    if kind in BINARIES or is_binary(column):
        try:
            value = base64.b64decode(text, validate=True)
        except binascii.Error:
            return None
        return f"_binary x'{value.hex()}'" if len(value) <= _length(column) else None
    return f"'{text}'"


def _fits(text: str, charset: str | None) -> bool:
    """Whether the character set has all of the text; not, where that cannot be told."""
    try:
        text.encode(_CODECS.get(charset or "", "ascii"))
    except UnicodeEncodeError:
        return False
    return True


def _length(column: Column) -> int:
    found = re.search(r"\((\d+)\)", column.full_type)
    return int(found[1]) if found else 1 << 32
