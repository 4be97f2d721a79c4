"""sync-worker run"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import click

from .. import logs
from ..config import Config, load
from ..config.fields import whole
from ..errors import ConfigError, SyncWorkerError
from ..logs import fields
from ..pidfile import PidFile, make_directory
from ..supervisor import Supervisor
from . import exit_codes
from .failure import CommandFailed, exit_code, explain
from .options import config_option

_NAME = "supervisor"

log = logging.getLogger(__name__)


def _count(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else int(whole(1, 256)(value))
    except ValueError as error:
        raise click.BadParameter(f"{error}, not {value!r}") from None


@click.command("run")
@config_option
@click.option(
    "--workers",
    callback=_count,
    metavar="N",
    envvar="SYNC_WORKER_WORKER_PROCESSES",
    show_envvar=True,
    help="Worker processes; overrides worker.processes of the file.",
)
@click.option(
    "--worker-only",
    is_flag=True,
    envvar="SYNC_WORKER_NO_RELAY",
    show_envvar=True,
    help="No relay, though tables are configured.",
)
@click.option(
    "--relay-only",
    is_flag=True,
    envvar="SYNC_WORKER_NO_WORKERS",
    show_envvar=True,
    help="No workers here; others apply the events.",
)
@click.option(
    "--daemon",
    is_flag=True,
    envvar="SYNC_WORKER_DAEMON",
    show_envvar=True,
    help="Leave the terminal once every worker is up. Needs run.log_file.",
)
def command(
    config_path: Path | None,
    workers: int | None,
    *,
    worker_only: bool,
    relay_only: bool,
    daemon: bool,
) -> int:
    """Take jobs and apply them to Redis, and relay the outboxes of the tables that are configured.

    SIGTERM or Ctrl-C finishes the jobs in hand, a second one ends at once. SIGHUP reopens the log
    and reads the configuration again.
    """

    def read() -> Config:
        config = load(config_path)
        if workers:
            worker = dataclasses.replace(config.worker, processes=workers)
            config = dataclasses.replace(config, worker=worker)
        if worker_only:
            config = dataclasses.replace(config, tables=())
        if relay_only:
            none = dataclasses.replace(config.worker, processes=0)
            config = dataclasses.replace(config, worker=none)
        if daemon and not config.run.log_file:
            raise ConfigError("run.log_file is not set; --daemon has no terminal to log to")
        return config

    if worker_only and relay_only:
        raise click.UsageError("--worker-only and --relay-only leave nothing to run")
    config = read()
    if relay_only and not config.tables:
        raise ConfigError("--relay-only needs a [[table]], and none is configured")
    if daemon:
        return _start_daemon(config, read)
    make_directory(config.run.directory)
    logs.configure(config.run, _NAME)
    with PidFile(config.run.directory):
        return _serve(config, read, lambda: None, daemon=False)


def _start_daemon(config: Config, read: Callable[[], Config]) -> int:
    from .. import daemonize  # noqa: PLC0415 - python-daemon is slow to import

    make_directory(config.run.directory, daemonize.owner(config.run).ids)

    def serve(ready: Callable[[], None]) -> int:
        logs.configure(config.run, _NAME, take_stderr=True)
        return _serve(config, read, ready, daemon=True)

    failure = daemonize.start(config.run, serve, _packed)
    if failure:
        _raise_packed(failure)
    return exit_codes.OK


def _serve(
    config: Config, read: Callable[[], Config], ready: Callable[[], None], *, daemon: bool
) -> int:
    def read_again() -> Config:
        new = read()
        logs.configure(new.run, _NAME, take_stderr=daemon)
        return new

    try:
        drained = Supervisor(config, read_again, ready).run()
    except Exception as error:
        trace = not isinstance(error, SyncWorkerError)
        log.exception("Ended because of an error.", exc_info=trace, extra=fields(error=error))
        raise
    return exit_codes.OK if drained else exit_codes.GAVE_BACK


def _packed(error: Exception) -> str:
    """The error as text for the process that waits at the terminal: code, message, cure."""
    message, _, cure = explain(error).removeprefix("Error: ").rpartition("\nTry: ")
    return f"{exit_code(error)}\n{cure}\n{message}"


def _raise_packed(text: str) -> None:
    code, _, rest = text.partition("\n")
    cure, _, message = rest.partition("\n")
    if not code.isdigit():
        raise CommandFailed(text, "the log file may say more")
    raise CommandFailed(message, cure, int(code))
