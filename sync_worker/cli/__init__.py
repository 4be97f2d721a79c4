"""The command line: the only code that prints, configures logging or exits."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from .. import __version__
from . import exit_codes
from .failure import exit_code, explain

# Module of this package, and the line that --help shows; a module is imported when it is used.
COMMANDS = {
    "run": ("run", "Take jobs and apply them to Redis, until stopped."),
    "stop": ("stop", "Stop what runs on this host, after the jobs in hand."),
    "reload": ("reload", "Read the configuration again and reopen the logs, without a gap."),
    "status": ("status", "Show queues and what this host's workers have applied."),
    "init": ("init", "Write a configuration file from a live schema."),
    "install": ("install", "Create functions, outboxes and triggers for the configured tables."),
    "uninstall": ("uninstall", "Remove triggers, outboxes and on request the functions."),
    "triggers": ("triggers", "Show how the triggers differ from what is configured."),
    "doctor": ("doctor", "Look at everything and say what to do about it."),
    "backfill": ("backfill", "Copy the rows that are there to Redis."),
    "verify": ("verify", "Compare tables and Redis in both directions; --repair mends."),
    "dead-letters": ("dead_letters", "List, show, replay or purge what could not be applied."),
    "check-config": ("check_config", "Check the configuration and print every setting."),
}


class LazyGroup(click.Group):
    """Imports a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the click command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every setting of the configuration file can also be given as an environment variable, "
    "SYNC_WORKER_<SECTION>_<NAME>, such as SYNC_WORKER_REDIS_URL.",
)
@click.version_option(__version__, prog_name="sync-worker")
def group() -> None:
    """Keep a Redis cache in step with MySQL and MariaDB tables."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process."""
    try:
        code = group.main(arguments, prog_name="sync-worker", standalone_mode=False)
    except click.Abort:
        code = exit_codes.FAILED
    except Exception as error:
        if isinstance(error, click.ClickException) and not isinstance(error, click.UsageError):
            error.show()
            sys.exit(exit_codes.FAILED)
        click.echo(explain(error), err=True)
        code = exit_code(error)
    sys.exit(code or exit_codes.OK)
