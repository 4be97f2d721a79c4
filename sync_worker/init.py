"""`init`: a commented configuration file for tables of a live schema."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from .config import Config, SyncedTable
from .config.tables import split_name
from .config.toml import toml
from .errors import ConfigError
from .mysql.keys import readable
from .mysql.schema import Table, list_tables, read_table
from .mysql.session import Session

_HEAD = """\
# sync-worker's configuration. What stands behind # is the default; docs/configuration.md says more.
# Each setting is also a variable, SYNC_WORKER_<SECTION>_<NAME>, which goes before this file.
# Durations: "500ms", "30s", "5m", "1h", "1d". Sizes: "512KiB", "4MiB".
#
# Next: sync-worker check-config, install --dry-run, install, run
"""


def tables_there(settings: Config) -> list[str]:
    """schema.table of every table that could be synced, quoted as a name in the file is."""
    session = Session(settings.mysql)
    try:
        cursor = session.cursor()
        found = list_tables(cursor)
        cursor.close()
    finally:
        session.close()
    return [quoted(*table) for table in found if table[0] != settings.relay.schema]


def configuration(settings: Config, chosen: Iterable[str]) -> str:
    """The text of a file for the chosen tables (schema.table). Raises ConfigError."""
    session = Session(settings.mysql)
    try:
        cursor = session.cursor()
        entries = []
        for name in chosen:
            parts = split_name(name)
            if len(parts) != 2:
                raise ConfigError(
                    f"{name!r}: expected schema.table, a name with a dot in backticks"
                )
            entries.append(_entry(read_table(cursor, *parts)))
        cursor.close()
    finally:
        session.close()
    return "".join([_HEAD, *_sections(settings), *entries])


def quoted(schema: str, table: str) -> str:
    """schema.table with backticks where a part holds a dot or a backtick."""
    return ".".join(
        "`" + part.replace("`", "``") + "`" if re.search(r"[.`]", part) else part
        for part in (schema, table)
    )


def _sections(settings: Config) -> Iterable[str]:
    for section in dataclasses.fields(settings):
        values = getattr(settings, section.name)
        if not dataclasses.is_dataclass(values):
            continue
        yield f"\n[{section.name}]\n"
        for field in dataclasses.fields(values):
            name = f"{section.name}.{field.name}"
            if field.metadata["secret"]:
                variable = f"SYNC_WORKER_{name}".upper().replace(".", "_")
                yield f"# {field.name}: by the variable {variable}, never in this file\n"
                continue
            given = name in settings.sources
            value = getattr(values, field.name) if given else field.default
            yield f"# {field.metadata['doc']}\n"
            yield f"{'' if given else '# '}{field.name} = {toml(value)}\n"


def _entry(table: Table) -> str:
    name = quoted(table.schema, table.name)
    if not table.primary_key:
        raise ConfigError(f"table {name}: has no primary key, so its rows cannot be told apart")
    unique = _unique(table)
    if not unique:
        raise ConfigError(
            f"table {name}: no key can be made of its primary key ({', '.join(table.primary_key)})"
            " or of a unique one: nothing tells where one of two columns of free text ends, so "
            "two rows could share a key"
        )
    for part in (*unique, table.name):
        if "{" in part or "}" in part:
            raise ConfigError(f"table {name}: a name with a brace cannot stand in a key template")
    key = ":".join([table.name, *("{" + column + "}" for column in unique)])
    lines = [f"\n[[table]]\nname = {toml(name)}\n"]
    columns = [column.name for column in table.columns]
    examples = {
        "columns": columns,
        "exclude": columns[-1:],
        "rename": {columns[-1]: "another_name"},
        "where": f"{columns[0]} IS NOT NULL",
        "expire": "1h",
    }
    for field in dataclasses.fields(SyncedTable):
        if field.name == "name":
            continue
        lines.append(f"# {field.metadata['doc']}\n")
        if field.name == "key":
            lines.append(f"key = {toml(key)}\n")
        else:
            lines.append(f"# {field.name} = {toml(examples.get(field.name, field.default))}\n")
    return "".join(lines)


def _unique(table: Table) -> tuple[str, ...]:
    """The primary key, or the first unique one that can be told apart in a key; () if none can."""
    for unique in (table.primary_key, *table.unique_keys):
        columns = [column for name in unique if (column := table.column(name))]
        template = [part for column in columns for part in (":", column)]
        if set(unique) <= readable(template):
            return unique
    return ()
