"""What the commands share that change or look at the database server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from .failure import CommandFailed

functions_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--functions",
    type=click.Choice(["auto", "yes", "no"]),
    default="auto",
    show_default=True,
    envvar="SYNC_WORKER_FUNCTIONS",
    show_envvar=True,
    help="Whether triggers call the loadable functions; auto: where they can be had.",
)


def dry_run_option(variable: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--dry-run, also given by a variable of the command's own."""
    return click.option(
        "--dry-run",
        is_flag=True,
        envvar=variable,
        show_envvar=True,
        help="Change nothing; print every statement that would run.",
    )


@contextmanager
def database_errors() -> Iterator[None]:
    """Show an installation's error with the cure that it brings."""
    from ..mysql.steps import InstallError  # noqa: PLC0415 - the MySQL library is slow to import

    try:
        yield
    except InstallError as error:
        raise CommandFailed(str(error), error.cure) from error


def note(text: str) -> None:
    """Print something worth knowing on standard error, apart from the statements."""
    click.echo(f"Note: {text}", err=True)


def show_statements(statements: list[str], *, dry_run: bool, done: str) -> None:
    """Print the statements of a dry run as a script, else how many ran."""
    if not statements:
        click.echo("Nothing to do.")
    elif dry_run:
        click.echo(script(statements), nl=False)
    else:
        click.echo(f"{done} ({len(statements)} statements).")


def script(statements: list[str]) -> str:
    """The statements as a client such as `mysql` takes them, with a delimiter of their own."""
    return "DELIMITER $$\n" + "".join(f"{s}$$\n" for s in statements) + "DELIMITER ;\n"
