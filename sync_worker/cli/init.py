"""sync-worker init"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..config import DEFAULT_PATH, Config, load
from ..config.fields import whole
from ..errors import ConfigError
from . import exit_codes
from .failure import CommandFailed
from .options import config_option


def _option(name: str, text: str, **more: Any) -> Callable[[Any], Any]:
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        envvar=f"SYNC_WORKER_MYSQL_{name.upper()}",
        show_envvar=True,
        help=text,
        **more,
    )


@click.command("init")
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
@config_option
@_option("host", "Host name or address of the database server.")
@_option("port", "Its TCP port.", type=int)
@_option("socket", "Its Unix socket, in place of host and port.", type=click.Path(path_type=Path))
@_option("user", "User.")
@_option(
    "password_file",
    "A file whose first line is the password; or set SYNC_WORKER_MYSQL_PASSWORD.",
    type=click.Path(path_type=Path),
)
@click.option(
    "--force",
    is_flag=True,
    envvar="SYNC_WORKER_INIT_FORCE",
    show_envvar=True,
    help="Write over the file that is there.",
)
def command(tables: tuple[str, ...], config_path: Path | None, *, force: bool, **given: Any) -> int:
    """Write a commented configuration file for tables (schema.table) of a live schema.

    Without a TABLE, list those that could be chosen. Keys are made of the table's name and its
    primary key. A password is asked for where none is given.
    """
    target = config_path or DEFAULT_PATH
    # An unfinished file lends its settings; without one, only the environment counts.
    settings = load(target if target.exists() else Path(os.devnull))
    if tables and target.exists() and not force:
        raise CommandFailed(f"{target} is there already", "another --config, or --force")
    settings = _with_account(settings, given)
    from .. import init  # noqa: PLC0415 - the MySQL library is slow to import

    if not tables:
        found = init.tables_there(settings)
        for name in found:
            click.echo(name)
        if not found:
            raise CommandFailed(
                "this account sees no InnoDB table", "another --user, or GRANT it SELECT"
            )
        click.echo("Choose some: sync-worker init TABLE...", err=True)
        return exit_codes.OK
    text = init.configuration(settings, tables)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandFailed(
            f"{target}: cannot be written: {error.strerror}", "another --config"
        ) from error
    load(target)  # what is written must be a configuration
    click.echo(f"Wrote {target}. Next: sync-worker check-config, sync-worker install --dry-run")
    return exit_codes.OK


def _with_account(settings: Config, given: dict[str, Any]) -> Config:
    """The settings with the options of the command line, and a password if one can be had."""
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        if "port" in chosen:
            whole(1, 65535)(chosen["port"])
    except ValueError as error:
        raise click.BadParameter(f"{error}, not {chosen['port']!r}") from None
    for name in ("socket", "password_file"):
        if name in chosen:
            chosen[name] = chosen[name].absolute()
    account = dataclasses.replace(settings.mysql, **chosen)
    if "password_file" in chosen:
        account = dataclasses.replace(account, password=_first_line(chosen["password_file"]))
    elif not account.password and sys.stdin.isatty():
        password = click.prompt(
            f"Password of {account.user}", hide_input=True, default="", show_default=False
        )
        account = dataclasses.replace(account, password=password)
    sources = {f"mysql.{name}": "command line" for name in chosen}
    return dataclasses.replace(settings, mysql=account, sources={**settings.sources, **sources})


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0]
    except OSError as error:
        raise ConfigError(f"--password-file {path}: cannot be read: {error.strerror}") from error
