"""Reads the file and the environment. An error names the field, the value and its source."""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .fields import HiddenValueError
from .sections import Config
from .tables import SyncedTable

DEFAULT_PATH = Path("/etc/sync-worker.toml")
ENV_PREFIX = "SYNC_WORKER_"
ENV_PATH = "SYNC_WORKER_CONFIG"


def load(path: Path | None = None, env: Mapping[str, str] | None = None) -> Config:
    """The configuration from `path`, else $SYNC_WORKER_CONFIG, else /etc/sync-worker.toml if there.

    A variable SYNC_WORKER_<SECTION>_<FIELD> overrides the file. Raises ConfigError.
    """
    env = os.environ if env is None else env
    if path is None and env.get(ENV_PATH):
        path = Path(env[ENV_PATH])
    if path is None and DEFAULT_PATH.exists():
        path = DEFAULT_PATH
    document = _read(path) if path else {}
    sections = {
        s.name: s for s in dataclasses.fields(Config) if dataclasses.is_dataclass(s.default_factory)
    }
    entries = document.pop("table", [])
    _refuse_unknown(document, [*sections, "table"], "section", str(path))
    sources: dict[str, str] = {}
    values: dict[str, Any] = {"path": path, "sources": sources}
    values["tables"] = _tables(entries, str(path))
    known_variables = {ENV_PATH}
    for name, section in sections.items():
        given = document.get(name, {})
        if not isinstance(given, dict):
            raise ConfigError(f"{path}: {name} must be a section, written [{name}]")
        factory: Any = section.default_factory
        values[name] = _section(factory, name, given, env, path, known_variables, sources)
    prefixes = tuple(f"{ENV_PREFIX}{name}_".upper() for name in sections)
    for variable in env:
        if variable.startswith(prefixes) and variable not in known_variables:
            raise ConfigError(
                f"environment: {variable} is no setting{_hint(variable, known_variables)}"
            )
    return Config(**values)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from error


def _section(
    cls: Any,
    name: str,
    given: dict[str, Any],
    env: Mapping[str, str],
    path: Path | None,
    known_variables: set[str],
    sources: dict[str, str],
) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    _refuse_unknown(given, list(fields), f"field of [{name}]", str(path))
    values: dict[str, Any] = {}
    for field_name, field in fields.items():
        variable = f"{ENV_PREFIX}{name}_{field_name}".upper()
        known_variables.add(variable)
        if field_name in given:
            if field.metadata["secret"]:
                raise ConfigError(
                    f"{path}: {name}.{field_name} does not belong in the file; "
                    f"use {name}.{field_name}_file or {variable}"
                )
            values[field_name] = _parse(field, f"{name}.{field_name}", given[field_name], str(path))
            sources[f"{name}.{field_name}"] = "file"
        if variable in env:
            values[field_name] = _parse(field, variable, env[variable], "environment")
            sources[f"{name}.{field_name}"] = "environment"
    if values.get("password_file") and not values.get("password"):
        values["password"] = _secret(values["password_file"], f"{name}.password_file")
        sources[f"{name}.password"] = "file"
    return cls(**values)


def _tables(entries: Any, source: str) -> tuple[SyncedTable, ...]:
    """The [[table]] entries. Two for one table are refused."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{source}: tables are written [[table]], each an entry of its own")
    fields = {field.name: field for field in dataclasses.fields(SyncedTable)}
    tables: dict[tuple[str, str], SyncedTable] = {}
    for number, entry in enumerate(entries, 1):
        where = f"{source}: table {number}"
        _refuse_unknown(entry, list(fields), "field of [[table]]", where)
        if "name" not in entry:
            raise ConfigError(f"{where}: has no name")
        values = {
            name: _parse(fields[name], f"table.{name}", value, where)
            for name, value in entry.items()
        }
        table = SyncedTable(**values)
        if (table.schema, table.table) in tables:
            raise ConfigError(f"{where}: there is another entry for {table.full_name}")
        tables[table.schema, table.table] = table
    return tuple(tables.values())


def _parse(field: dataclasses.Field[Any], name: str, value: Any, source: str) -> Any:
    try:
        return field.metadata["parser"](value)
    except ValueError as error:
        hidden = field.metadata["secret"] or isinstance(error, HiddenValueError)
        shown = "the value" if hidden else repr(value)
        raise ConfigError(f"{source}: {name} = {shown}: {error}") from error


def _secret(path: Path, name: str) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{name} = {str(path)!r}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:  # its message would show the bytes
        raise ConfigError(f"{name} = {str(path)!r}: is not UTF-8 text") from None
    if not lines or not lines[0]:
        raise ConfigError(f"{name} = {str(path)!r}: the first line is empty")
    return lines[0]


def _refuse_unknown(given: Mapping[str, Any], known: list[str], what: str, source: str) -> None:
    for name in given:
        if name not in known:
            raise ConfigError(f"{source}: {name!r} is no {what}{_hint(name, known)}")


def _hint(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
