"""The tables that a command is to work on."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ..config import Config, SyncedTable
from ..config.tables import split_name
from ..errors import ConfigError
from .failure import CommandFailed


def chosen(config: Config, names: Sequence[str]) -> list[SyncedTable]:
    """The configured tables of these names (schema.table), all without one."""
    if not config.tables:
        raise ConfigError(
            f"{config.path or 'no configuration file'}: there is no [[table]]; "
            "`sync-worker init` writes a file for the tables that you choose"
        )
    if not names:
        return list(config.tables)
    known = {(table.schema, table.table): table for table in config.tables}
    found = {}
    for name in names:
        table = known.get(tuple(split_name(name)))  # type: ignore[arg-type]
        if table is None:
            close = difflib.get_close_matches(name, [t.name for t in config.tables], n=1)
            raise CommandFailed(
                f"table {name} is not configured",
                f"{close[0]}" if close else "one of " + ", ".join(t.name for t in config.tables),
                2,
            )
        found[table.name] = table
    return list(found.values())
