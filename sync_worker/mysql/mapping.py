"""A table's configuration and schema compiled to SQL: key, row, filter and expiry of an event line.

The same expressions serve the relay, the direct triggers, backfill and verify. Each takes the row's
qualifier: an alias, or NEW or OLD in a trigger.
"""

from __future__ import annotations

import hashlib
import json as json_module
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sync_worker.config import SyncedTable
from sync_worker.errors import ConfigError

from . import condition, rendering
from .keys import readable
from .quoting import names
from .quoting import text as literal
from .schema import Column, Server, Table

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_TAB = "_utf8mb4 0x09"
_NOT_IN_KEYS = rendering.GEOMETRIES | {"float", "double", "vector"}
_BY_TIME_ZONE = {"unix_timestamp", "from_unixtime"}


@dataclass(frozen=True)
class Mapping:
    """What `compile_mapping` makes. `identity` is primary key and key template's columns."""

    config: SyncedTable
    table: Table
    server: Server
    members: tuple[tuple[str, Column], ...]
    identity: tuple[Column, ...]
    template: tuple[str | Column, ...]
    version_member: str = "_v"

    def key(self, columns: dict[str, str]) -> str:
        """The key as a JSON string; `columns` gives the SQL of each identity column."""
        if any(isinstance(p, Column) and rendering.free_text(p) for p in self.template):
            return rendering.quote(self.key_text(columns), self.server)
        pieces = [
            rendering.text(part, columns[part.name], self.server)
            if isinstance(part, Column)
            else literal(_json(part)[1:-1])
            for part in self.template
        ]
        return _concat(["'\"'", *pieces, "'\"'"])

    def key_text(self, columns: dict[str, str]) -> str:
        """The key as it is in Redis."""
        pieces = [
            rendering.text(part, columns[part.name], self.server)
            if isinstance(part, Column)
            else literal(part)
            for part in self.template
        ]
        return _concat(pieces)

    def same_identity(self, left: dict[str, str], right: dict[str, str]) -> str:
        """Whether two rows' identity columns are the same values and bytes; NULL if one is NULL.

        A collation, or trailing blanks, may make texts equal that give different keys.
        """
        return _same(self.identity, left, right)

    def same_key(self, left: dict[str, str], right: dict[str, str]) -> str:
        """The same of the key template's columns only; at most one row of the table fits."""
        in_key = {part.name for part in self.template if isinstance(part, Column)}
        return _same([c for c in self.identity if c.name in in_key], left, right)

    def row(self, qualifier: str) -> str:
        """The row as a JSON object; NULL if it is too large for the server to build."""
        render = rendering.json_text if self.config.kind == "hash" else rendering.json
        parts: list[str] = []
        before = "{"
        for member, column in self.members:
            parts += [
                literal(f"{before}{_json(member)}:"),
                render(column, names(qualifier, column.name), self.server),
            ]
            before = ","
        return _concat([*parts, "'}'"])

    def matches(self, qualifier: str) -> str:
        """The filter, true or false, never NULL; "1" without one."""
        if not self.config.where:
            return "1"
        wanted = self._condition().sql(lambda name: names(qualifier, name))
        return f"(({wanted}) IS TRUE)"

    def expiry(self, qualifier: str) -> str:
        """Seconds as text, empty for never; a column's value is taken as 1 to 999999999."""
        expire = self.config.expire
        if expire is None:
            return "''"
        if isinstance(expire, int):
            return f"'{expire}'"
        column = _column(self.config, self.table, expire, "expire")
        value = names(qualifier, column.name)
        return (
            f"CASE WHEN {value} IS NULL THEN '' WHEN {value}<1 THEN '1' "
            f"WHEN {value}>999999999 THEN '999999999' "
            f"ELSE {rendering.text(column, value, self.server)} END"
        )

    def line(self, version: str, qualifier: str, columns: dict[str, str], present: str) -> str:
        """An event line; `present` says whether the row is there and matches, else a delete."""
        head = [version, _TAB, self.key(columns), literal(f"\t{self.config.kind}\t")]
        there = _concat([self.expiry(qualifier), _TAB, self.row(qualifier)])
        return _concat([*head, f"IF({present},{there},{_TAB})"])

    @property
    def fingerprint(self) -> str:
        """Changes when the keys or rows it renders would, whatever the server's own changes."""
        key = [
            [part.name, rendering.style(part)] if isinstance(part, Column) else part
            for part in self.template
        ]
        members = [
            [member, column.name, rendering.style(column)] for member, column in self.members
        ]
        version = self.version_member if self.config.versions else ""
        shown = [rendering.RULES, self.config.kind, version, key, members]
        return hashlib.sha256(
            _json([*shown, self.matches("t"), self.expiry("t")]).encode()
        ).hexdigest()[:16]

    def _condition(self) -> condition.Condition:
        columns = {column.name.lower(): column.name for column in self.table.columns}
        own = (self.table.schema, self.table.name)
        return condition.parse(self.config.where, columns, own)


def compile_mapping(
    config: SyncedTable, table: Table, server: Server, version_member: str
) -> Mapping:
    """Check a table's configuration against its schema. Raises ConfigError naming the field."""
    where = f"table {config.full_name}"
    if not table.primary_key:
        raise ConfigError(f"{where}: has no primary key, so its rows cannot be told apart")
    template = _template(config, table)
    in_key = {part.name for part in template if isinstance(part, Column)}
    members = _members(config, table)
    identity = tuple(c for c in table.columns if c.name in in_key or c.name in table.primary_key)
    for column in (*identity, *(column for _, column in members)):
        rendering.check(column, config.full_name)
    _check_members(config, [member for member, _ in members], version_member)
    if isinstance(config.expire, str):
        column = _column(config, table, config.expire, "expire")
        if column.type not in rendering.INTEGERS:
            raise ConfigError(
                f"{where}: expire names column {column.name} of type {column.full_type}; it "
                "takes a whole number of seconds"
            )
    mapping = Mapping(config, table, server, members, identity, template, version_member)
    _check_condition(mapping)
    return mapping


def _template(config: SyncedTable, table: Table) -> tuple[str | Column, ...]:
    where = f"table {config.full_name}: key = {config.key!r}"
    template: list[str | Column] = []
    for i, part in enumerate(_PLACEHOLDER.split(config.key)):
        if i % 2 == 0:
            template += [part] if part else []
            continue
        column = table.column(part)
        if column is None:
            raise ConfigError(f"{where} names no column: {part!r}")
        if column.nullable:
            raise ConfigError(f"{where} uses column {column.name}, which may be NULL")
        if column.is_json or column.type in _NOT_IN_KEYS:
            raise ConfigError(
                f"{where} uses column {column.name} of type {column.full_type}, whose text is "
                "not fit for a key"
            )
        template.append(column)
    uniques = [set(unique) for unique in (table.primary_key, *table.unique_keys)]
    in_key = {part.name for part in template if isinstance(part, Column)}
    if not any(unique <= in_key for unique in uniques):
        raise ConfigError(
            f"{where} is not unique: two rows could share a key; use the primary key "
            f"({', '.join(table.primary_key)}) or a unique key of NOT NULL columns"
        )
    if not any(unique <= readable(template) for unique in uniques):
        raise ConfigError(
            f"{where} is not unique: what stands between two columns can also be part of their "
            "values, so two rows could share a key; separate them by text that cannot, or use "
            "one column of free text at most"
        )
    return tuple(template)


def _check_members(config: SyncedTable, members: list[str], version_member: str) -> None:
    where = f"table {config.full_name}"
    if config.versions and version_member in members:
        raise ConfigError(
            f"{where}: a member is called {version_member!r}, which holds the version; "
            "rename the column or set events.version_member"
        )
    twice = {member for member in members if members.count(member) > 1}
    if twice:
        raise ConfigError(f"{where}: rename gives two columns the same name: {min(twice)!r}")


def _check_condition(mapping: Mapping) -> None:
    """Refuse what a direct trigger, in whatever session, would decide differently."""
    config = mapping.config
    if not config.where:
        return
    try:
        found = mapping._condition()
    except ConfigError as error:
        raise ConfigError(f"table {config.full_name}: {error}") from error
    if config.delivery != "direct":
        return
    by_zone = [c.name for c in mapping.table.columns if c.type == "timestamp"]
    zoned = (found.columns & set(by_zone)) | (found.functions & _BY_TIME_ZONE)
    if zoned:
        raise ConfigError(
            f"table {config.full_name}: where = {config.where!r} uses {min(zoned)}, which "
            'depends on the session\'s time zone; use a DATETIME column, or delivery = "outbox"'
        )


def _members(config: SyncedTable, table: Table) -> tuple[tuple[str, Column], ...]:
    chosen = {_column(config, table, name, "columns").name for name in config.columns or ()}
    left_out = {_column(config, table, name, "exclude").name for name in config.exclude}
    renamed = {_column(config, table, old, "rename").name: new for old, new in config.rename}
    members = []
    for column in table.columns:
        wanted = column.name in chosen if chosen else not column.invisible
        if wanted and column.name not in left_out:
            members.append((renamed.pop(column.name, column.name), column))
    if not members:
        raise ConfigError(f"table {config.full_name}: columns and exclude leave no column")
    if renamed:
        raise ConfigError(
            f"table {config.full_name}: rename names column {min(renamed)}, which is left out"
        )
    return tuple(members)


def _column(config: SyncedTable, table: Table, name: str, field: str) -> Column:
    column = table.column(name)
    if column is None:
        raise ConfigError(f"table {config.full_name}: {field} names no column: {name!r}")
    return column


def _same(columns: Iterable[Column], left: dict[str, str], right: dict[str, str]) -> str:
    conditions = []
    for column in columns:
        one, other = left[column.name], right[column.name]
        conditions.append(f"{one}={other}")
        if column.type in rendering.STRINGS:
            conditions.append(f"CAST({one} AS BINARY)=CAST({other} AS BINARY)")
    return " AND ".join(conditions)


def _json(value: object) -> str:
    return json_module.dumps(value, ensure_ascii=False)


def _concat(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"CONCAT({','.join(parts)})"
