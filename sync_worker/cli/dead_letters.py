"""sync-worker dead-letters"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..config import Config, load
from ..config.fields import positive_duration
from ..errors import GearmanError
from . import exit_codes
from .failure import CommandFailed
from .options import config_option

if TYPE_CHECKING:
    from ..store.dead_letters_view import DeadLettersView, KeptLetter

_LIMIT = 20  # letters that `list` shows
_SHOWN = 100  # characters of a workload in the list

_json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="SYNC_WORKER_DEAD_LETTERS_JSON",
    show_envvar=True,
    help="Print JSON.",
)


@click.group("dead-letters", invoke_without_command=True)
@config_option
@click.pass_context
def command(context: click.Context, config_path: Path | None) -> int:
    """Look at jobs and events that could not be applied because of their data.

    Without a command: `list`.
    """
    if context.invoked_subcommand is None:
        return int(context.invoke(list_, config_path=config_path, limit=_LIMIT, as_json=False))
    return exit_codes.OK


@command.command("list")
@config_option
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=_LIMIT,
    show_default=True,
    envvar="SYNC_WORKER_DEAD_LETTERS_LIMIT",
    show_envvar=True,
    help="Show so many.",
)
@_json_option
def list_(config_path: Path | None, limit: int, *, as_json: bool) -> int:
    """List dead letters, the newest first."""
    with _view(_load(config_path)) as view:
        letters, count = view.newest(limit), view.count()
    if as_json:
        members = {"count": count, "letters": [_document(letter) for letter in letters]}
        click.echo(json.dumps(members, indent=1, ensure_ascii=False))
        return exit_codes.OK
    for letter in letters:
        click.echo(f"{letter.id}  {_time(letter)}  {letter.reason}")
        click.echo(f"    {_cut(letter.workload)}")
    click.echo(f"{count} dead letters" + (f", {limit} shown" if count > limit else ""))
    return exit_codes.OK


@command.command("show")
@click.argument("id", metavar="ID")
@config_option
@_json_option
def show(config_path: Path | None, id: str, *, as_json: bool) -> int:
    """Show one dead letter with its whole workload."""
    with _view(_load(config_path)) as view:
        letter = _get(view, id)
    if as_json:
        click.echo(json.dumps(_document(letter), indent=1, ensure_ascii=False))
        return exit_codes.OK
    click.echo(f"id        {letter.id}")
    click.echo(f"kept      {_time(letter)}")
    click.echo(f"reason    {letter.reason}")
    click.echo(f"function  {letter.function.decode(errors='replace')}")
    click.echo(f"handle    {letter.handle}")
    click.echo(f"size      {letter.size} bytes")
    click.echo(f"replay    {f'no: {letter.refusal}' if letter.refusal else 'possible'}")
    click.echo("workload")
    click.echo(_printable(letter.workload))
    return exit_codes.OK


@command.command("replay")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@config_option
@click.option("--all", "all_", is_flag=True, help="Replay every letter that is there now.")
def replay(config_path: Path | None, ids: tuple[str, ...], *, all_: bool) -> int:
    """Submit dead letters again as background jobs; each is deleted once the job server has it.

    What made it a dead letter should be mended before, or it becomes one again.
    """
    if bool(ids) == all_:
        raise click.UsageError("give the IDs of letters, or --all")
    from ..gearman import Client  # noqa: PLC0415 - only here
    from ..store.dead_letters_view import NotReplayable  # noqa: PLC0415

    config = _load(config_path)
    done, refused = 0, 0
    with _view(config) as view, Client(config.gearman.servers) as client:

        def submit(function: bytes, workload: bytes) -> None:
            client.submit(function, workload, background=True)

        for letter in view.all() if all_ else [_get(view, id) for id in ids]:
            try:
                view.replay(letter, submit)
                done += 1
            except NotReplayable as error:
                refused += 1
                click.echo(f"Refused: {error}", err=True)
            except GearmanError as error:
                raise CommandFailed(
                    f"{error} ({done} replayed before)", "the same again; what is done is gone"
                ) from error
    click.echo(f"{done} replayed" + (f", {refused} refused" if refused else ""))
    return exit_codes.FAILED if refused else exit_codes.OK


def _age(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else positive_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@command.command("purge")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@config_option
@click.option("--all", "all_", is_flag=True, help="Delete every letter that is there now.")
@click.option("--older", metavar="AGE", callback=_age, help='Those older than AGE, such as "7d".')
def purge(
    config_path: Path | None, ids: tuple[str, ...], older: float | None, *, all_: bool
) -> int:
    """Delete dead letters for good."""
    if bool(ids) + all_ + (older is not None) != 1:
        raise click.UsageError("give the IDs of letters, --all or --older")
    with _view(_load(config_path)) as view:
        if ids:
            chosen: Iterable[KeptLetter] = [_get(view, id) for id in ids]
        else:
            chosen = view.all(None if older is None else time.time() - older)
        count = 0
        for letter in chosen:
            count += view.purge([letter.id])
    click.echo(f"{count} deleted")
    return exit_codes.OK


def _load(path: Path | None) -> Config:
    """The configuration; --config may stand before the command of the group, or after it."""
    context = click.get_current_context()
    given = context.get_parameter_source("config_path") is ParameterSource.COMMANDLINE
    if not given and context.parent:
        path = context.parent.params.get("config_path") or path
    return load(path)


@contextmanager
def _view(config: Config) -> Iterator[DeadLettersView]:
    from ..store.connection import connect  # noqa: PLC0415 - the Redis library is slow to import
    from ..store.dead_letters_view import DeadLettersView  # noqa: PLC0415

    client: Any = connect(config.redis)
    try:
        yield DeadLettersView(client, config.dead_letters)
    finally:
        client.close()


def _get(view: DeadLettersView, id: str) -> KeptLetter:
    letter = view.get(id)
    if letter is None:
        raise CommandFailed(f"there is no dead letter {id}", "`sync-worker dead-letters list`")
    return letter


def _document(letter: KeptLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "time": _time(letter),
        "reason": letter.reason,
        "function": letter.function.decode(errors="replace"),
        "handle": letter.handle,
        "size": letter.size,
        "replayable": not letter.refusal,
        "refusal": letter.refusal,
        "workload": letter.workload.decode(errors="backslashreplace"),
    }


def _time(letter: KeptLetter) -> str:
    moment = datetime.datetime.fromtimestamp(letter.time).astimezone()
    return moment.isoformat(timespec="seconds")


def _cut(workload: bytes) -> str:
    text = _printable(workload[: 4 * _SHOWN])
    return text[:_SHOWN] + ("…" if len(text) > _SHOWN or len(workload) > 4 * _SHOWN else "")


def _printable(workload: bytes) -> str:
    text = workload.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
