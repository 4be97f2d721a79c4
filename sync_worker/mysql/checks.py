"""Checks of compiled mappings against each other and against the live server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mysql.connector

from sync_worker.errors import ConfigError, DatabaseUnavailable

from .keys import may_meet
from .mapping import Mapping
from .quoting import names

_CLIENT_ERRORS = range(2000, 3000)  # the connection's, not the statement's


def check_key_spaces(mappings: Sequence[Mapping]) -> None:
    """Raise ConfigError, naming both, if rows of two tables could have the same key."""
    for i, one in enumerate(mappings):
        for other in mappings[i + 1 :]:
            if may_meet(one.template, other.template):
                raise ConfigError(
                    f"tables {one.config.full_name} and {other.config.full_name} share one key "
                    f"space: key = {one.config.key!r} and key = {other.config.key!r} can give "
                    "the same key; begin each with a name of its own, such as "
                    f'"{one.table.name}:"'
                )


def check_condition(cursor: Any, mapping: Mapping) -> None:
    """Have the server resolve the table's `where`, without reading a row.

    Raises ConfigError with the server's own words, DatabaseUnavailable when it is away.
    """
    if not mapping.config.where:
        return
    source = names(mapping.table.schema, mapping.table.name)
    try:
        cursor.execute(f"SELECT 1 FROM {source} t WHERE {mapping.matches('t')} LIMIT 0")
        cursor.fetchall()
    except mysql.connector.Error as error:
        if (error.errno or 2000) in _CLIENT_ERRORS:
            raise DatabaseUnavailable(f"database server: {error}") from error
        raise ConfigError(
            f"table {mapping.config.full_name}: where = {mapping.config.where!r} is refused by "
            f"the database server: {error.msg}"
        ) from error
