"""How an error is shown: what is wrong, what to try, and the exit code."""

from __future__ import annotations

import click

from ..errors import ConfigError, SyncWorkerError
from ..pidfile import AlreadyRunning
from . import exit_codes


class CommandFailed(SyncWorkerError):
    """A command cannot do what it was asked to."""

    def __init__(self, message: str, cure: str, code: int = exit_codes.FAILED) -> None:
        super().__init__(message)
        self.cure = cure
        self.code = code


def not_running(directory: object) -> CommandFailed:
    """Nothing runs in this run directory."""
    return CommandFailed(
        f"no sync-worker runs here (run.directory is {directory})",
        "give the --config it was started with, or start it with `sync-worker run`",
        exit_codes.NOT_RUNNING,
    )


def exit_code(error: Exception) -> int:
    """Return the exit code an error ends a command with."""
    if isinstance(error, CommandFailed):
        return error.code
    if isinstance(error, AlreadyRunning):
        return exit_codes.ALREADY_RUNNING
    if isinstance(error, ConfigError | click.UsageError):
        return exit_codes.USAGE
    return exit_codes.FAILED


def explain(error: Exception) -> str:
    """Return the lines for standard error: `Error: …` and `Try: …`."""
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "sync-worker"
        return f"Error: {error.format_message()}\nTry: {path} --help"
    message = str(error) or type(error).__name__
    return f"Error: {message}\nTry: {_cure(error)}"


def _cure(error: Exception) -> str:
    if isinstance(error, CommandFailed):
        return error.cure
    if isinstance(error, AlreadyRunning):
        return "`sync-worker stop`, or another run.directory for a second one"
    if isinstance(error, ConfigError):
        return "correct it, then `sync-worker check-config`"
    if isinstance(error, SyncWorkerError):
        return "the log says more; `sync-worker status` shows what is up"
    return "please report this with the log; it is an error in the program"
