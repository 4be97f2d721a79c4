"""sync-worker check-config"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from ..config import Config, SyncedTable, load
from ..config.toml import toml
from . import exit_codes
from .options import config_option


@click.command("check-config")
@config_option
def command(config_path: Path | None) -> int:
    """Check the configuration and print every setting.

    The output is a configuration file itself. Each line says where its value is from; secrets are
    not shown.
    """
    config = load(config_path)
    click.echo(f"# {config.path or 'no configuration file'}")
    click.echo(as_toml(config), nl=False)
    return exit_codes.OK


def as_toml(config: Config) -> str:
    """Return all settings as a configuration file with comments, without secrets."""
    lines = []
    for section in dataclasses.fields(config):
        values = getattr(config, section.name)
        if not dataclasses.is_dataclass(values):
            continue
        lines.append(f"\n[{section.name}]\n")
        for field in dataclasses.fields(values):
            name = f"{section.name}.{field.name}"
            value = getattr(values, field.name)
            source = config.sources.get(name, "default")
            if field.metadata["secret"]:
                lines.append(f"# {field.name} is {f'set ({source})' if value else 'not set'}\n")
            else:
                lines.append(f"{field.name} = {toml(value)}  # {source}\n")
    return "".join([*lines, *map(_entry, config.tables)])


def _entry(table: SyncedTable) -> str:
    """A [[table]]; what is not set is left out, as there is no value that means it."""
    lines = ["\n[[table]]\n"]
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        if value in (None, (), "") and value == field.default:
            lines.append(f"# {field.name} is not set\n")
            continue
        if field.name == "rename":
            value = dict(value)
        if field.name == "expire" and isinstance(value, str):
            value = f"column:{value}"
        source = "default" if value == field.default else "file"
        lines.append(f"{field.name} = {toml(value)}  # {source}\n")
    return "".join(lines)
