"""The one place where names and text become SQL."""

from __future__ import annotations

import re

from sync_worker.errors import ConfigError

_PLAIN = re.compile(r"[^'\\\x00-\x1f\x7f-\U0010ffff]*")


def name(identifier: str) -> str:
    """An identifier in backticks. Raises ConfigError for one that no server allows."""
    if not identifier or "\0" in identifier:
        raise ConfigError(f"{identifier!r} cannot be the name of a schema, table or column")
    if any(ord(character) > 0xFFFF for character in identifier):
        # MySQL would take another name in its stead, MariaDB refuses the statement.
        raise ConfigError(
            f"{identifier!r} cannot be the name of a schema, table or column: the servers keep "
            "names in three-byte UTF-8, without characters beyond U+FFFF such as emoji"
        )
    return "`" + identifier.replace("`", "``") + "`"


def names(*path: str) -> str:
    """A qualified name: schema.table, or NEW.column with `NEW` as it is."""
    return ".".join(part if part in ("NEW", "OLD") else name(part) for part in path)


def text(value: str) -> str:
    """A string literal, the same under every sql_mode: utf8mb4 in hexadecimal where it matters.

    Both forms give way to a column's collation, so comparing with one is never a mix of collations.
    """
    if _PLAIN.fullmatch(value):
        return f"'{value}'"
    return f"_utf8mb4 0x{value.encode().hex()}"
