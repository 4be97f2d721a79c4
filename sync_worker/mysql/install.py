"""`install`: creates what is missing, replaces what is ours and no longer fits, no more.

A run that fails half-way takes back what it has done.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import mysql.connector

from sync_worker.config import Config
from sync_worker.errors import ConfigError

from . import functions as loadable
from . import grants, inspect
from .functions import PluginDirectory
from .outbox import Outbox
from .outboxes import compile_outboxes
from .plan import Wanted, plan, refuse_conflicts, want
from .progress import TABLE as PROGRESS
from .progress import ProgressTable
from .quoting import name, names
from .session import Session
from .steps import InstallError, Runner, Step, step, void

Note = Callable[[str], None]

_LOCK = "sync-worker install"
_LOCK_SECONDS = 10


def install(
    settings: Config, *, dry_run: bool = False, functions: str = "auto", note: Note = void
) -> list[str]:
    """Install for every configured table; return the statements that ran, or would run.

    `functions` says whether to use the loadable functions: "auto" where they can be had, "yes" or
    "no". `note` is called with each thing worth knowing. Raises InstallError, ConfigError and
    DatabaseUnavailable; then the server is as it was, or the message says what is left.
    """
    with exclusive(settings, dry_run=dry_run) as session:
        runner = Runner(session, dry_run=dry_run)
        try:
            _Installation(session, settings, runner, note).run(functions)
        except InstallError as error:
            raise InstallError(f"{error}; {runner.roll_back()}", error.cure) from error
        except BaseException:
            runner.roll_back()
            raise
        return runner.statements


@contextlib.contextmanager
def exclusive(settings: Config, *, dry_run: bool) -> Iterator[Session]:
    """A session that is the only one to install or uninstall."""
    session = Session(settings.mysql)
    try:
        if not dry_run:
            taken = session.row("SELECT GET_LOCK(%s, %s)", (_LOCK, _LOCK_SECONDS))[0]
            if taken != b"1":
                raise InstallError("another sync-worker installs or uninstalls", "wait for its end")
        yield session
    except mysql.connector.Error as error:
        raise InstallError(str(error), "give the account the rights of docs/install.md") from error
    finally:
        session.close()


class _Installation:
    def __init__(self, session: Session, settings: Config, runner: Runner, note: Note) -> None:
        self._session = session
        self._settings = settings
        self._runner = runner
        self._note = note
        self._server = inspect.server(session)
        self._outboxes = compile_outboxes(session, settings)
        self._found = inspect.triggers(session)
        self._installed = loadable.present(session)

    def run(self, functions: str) -> None:
        """All of it."""
        for wanted in self._wanted(functions=True):  # before anything is created
            refuse_conflicts(wanted, self._found, self._server)
        self._refuse_foreign_tables()
        self._refuse_binary_log()
        self._check_definer()
        with_functions = functions != "no" and self._functions(functions)
        if not with_functions:
            self._refuse_direct(functions)
        self._schema()
        self._progress()
        outboxes = inspect.outboxes(self._session, self._settings.relay.schema)
        steps = []
        for wanted in self._wanted(functions=with_functions):
            there = outboxes.get(wanted.outbox.name)
            steps += plan(wanted, there, self._found, self._server)
            table = wanted.outbox.mapping.table
            for line in inspect.blind_spots(self._session, table.schema, table.name):
                self._note(line)
        self._runner.run(steps)
        self._note_leftovers()

    def _wanted(self, *, functions: bool) -> list[Wanted]:
        return [
            want(
                outbox,
                definer=self._settings.mysql.definer,
                functions=functions,
                sync_function=self._settings.gearman.function,
            )
            for outbox in self._outboxes
        ]

    def _direct(self) -> list[str]:
        return [
            outbox.mapping.config.full_name
            for outbox in self._outboxes
            if outbox.mapping.config.delivery == "direct"
        ]

    # What must be so before anything is changed.

    def _refuse_foreign_tables(self) -> None:
        schema = self._settings.relay.schema
        tables = inspect.tables_of(self._session, schema)
        ours = inspect.outboxes(self._session, schema)
        for outbox in self._outboxes:
            if outbox.name in tables and outbox.name not in ours:
                raise InstallError(
                    f"table {schema}.{outbox.name} is there already and is no outbox",
                    "drop it, or set relay.schema to a schema of its own",
                )

    def _refuse_binary_log(self) -> None:
        logged, trusted = self._session.row("SELECT @@log_bin, @@log_bin_trust_function_creators")
        if logged != b"1" or trusted == b"1":
            return
        allowed = grants.own(self._session)
        if not any(allowed.allow(privilege) for privilege in ("SUPER", "BINLOG ADMIN")):
            raise InstallError(
                "the binary log is on, so this account may not create triggers",
                "set log_bin_trust_function_creators = 1 in the server's configuration "
                "(SET GLOBAL until the next restart), or install with an account that has SUPER",
            )

    def _check_definer(self) -> None:
        """Triggers whose definer lacks a right would make every write of the application fail."""
        definer = self._settings.mysql.definer
        if definer and "@" not in definer:
            raise ConfigError(f"mysql.definer = {definer!r}: expected user@host")
        rights = grants.of(self._session, definer) if definer else grants.own(self._session)
        if rights is None:
            self._note(
                f"cannot see what mysql.definer {definer} may do; without INSERT on the outboxes, "
                "and TRIGGER and SELECT on the tables, every write to the tables would fail"
            )
            return
        if not rights.entries:
            return
        for outbox in self._outboxes:
            lacks = definer_lacks(rights, outbox)
            if lacks:
                raise InstallError(
                    f"the triggers' definer {definer or '(this account)'} lacks {lacks}: "
                    f"every write to {outbox.mapping.config.full_name} would fail",
                    "give it the rights that docs/install.md lists",
                )

    # The loadable functions.

    def _functions(self, functions: str) -> bool:
        """Create those that are missing; whether triggers can use them."""
        files, forgotten = self._installed.files, self._installed.forgotten
        if forgotten:
            raise InstallError(
                f"the server has forgotten the functions {', '.join(forgotten)}, which mysql.func "
                "has: calls of them fail, and they cannot be created",
                self._installed.how_to_recall,
            )
        missing = [f for f in loadable.wanted(self._server) if f not in files]
        for function, library in files.items():
            if function in loadable.NEEDED and library != loadable.FILE:
                self._note(f"function {function} is from {library}; it is left as it is")
        if not missing or (self._installed.usable and not self._installed.all_seen):
            return True
        plugins = loadable.plugin_directory(self._session, self._settings.mysql)
        part = Runner(self._session, dry_run=self._runner.dry_run)
        try:
            self._library_file(plugins, part)
            part.run([_creation(function) for function in missing])
        except InstallError as error:
            undone = part.roll_back()
            if functions == "yes" or self._direct():
                raise InstallError(f"{error}; {undone}", plugins.how) from error
            self._note(f"without loadable functions, the relay polls: {error}")
            return False
        self._runner.take(part)
        return True

    def _library_file(self, plugins: PluginDirectory, runner: Runner) -> None:
        if plugins.has_file:
            if not plugins.local:
                self._note(
                    f"whether {loadable.FILE} is in the server's {plugins.path} is not to be seen "
                    "from this host"
                )
            return
        if not plugins.writable:
            raise InstallError(f"{plugins.target} is not there", plugins.how)
        self._note(f"{loadable.PACKAGED} is copied to {plugins.target}")
        if self._runner.dry_run:
            return
        try:
            plugins.copy()
        except OSError as error:
            raise InstallError(f"{plugins.target}: {error.strerror}", plugins.how) from error
        runner.done(f"copy {plugins.target}", plugins.target.unlink)

    def _refuse_direct(self, functions: str) -> None:
        tables = ", ".join(self._direct())
        if tables:
            raise InstallError(
                f"direct delivery ({tables}) needs the loadable functions "
                f"(--functions {functions})",
                'install them, or set delivery = "outbox"',
            )

    # Outboxes and triggers.

    def _schema(self) -> None:
        schema = self._settings.relay.schema
        if not inspect.schema_exists(self._session, schema):
            quoted = name(schema)
            statement = f"CREATE DATABASE {quoted} DEFAULT CHARACTER SET utf8mb4"
            self._runner.run(
                [step(f"create schema {schema}", statement, f"DROP DATABASE {quoted}")]
            )

    def _progress(self) -> None:
        """The table of backfills: the accounts that run may not create one."""
        schema = self._settings.relay.schema
        if PROGRESS not in inspect.tables_of(self._session, schema):
            create = ProgressTable(schema).create()
            undo = f"DROP TABLE {names(schema, PROGRESS)}"
            self._runner.run([step(f"create table {schema}.{PROGRESS}", create, undo)])

    def _note_leftovers(self) -> None:
        for trigger in leftovers(self._found, self._outboxes, self._settings.relay.schema):
            self._note(
                f"trigger {trigger.full_name} is of a table that is no longer configured; "
                f"`sync-worker uninstall {trigger.schema}.{trigger.table}` removes it"
            )


def leftovers(
    found: list[inspect.FoundTrigger], outboxes: list[Outbox], schema: str
) -> list[inspect.FoundTrigger]:
    """Triggers of ours on tables that are not configured."""
    tables = {(o.mapping.table.schema, o.mapping.table.name) for o in outboxes}
    return [t for t in found if t.is_ours(schema) and (t.schema, t.table) not in tables]


def definer_lacks(rights: grants.Grants, outbox: Outbox) -> str:
    """The first right that a table's triggers need and their definer has not; "" if none."""
    table = outbox.mapping.table
    for privilege, schema, name_ in (
        ("INSERT", outbox.schema, outbox.name),
        ("TRIGGER", table.schema, table.name),
        ("SELECT", table.schema, table.name),
    ):
        if not rights.allow(privilege, schema, name_):
            return f"{privilege} on {schema}.{name_}"
    return ""


def _creation(function: str) -> Step:
    return step(f"create function {function}", loadable.create(function), loadable.drop(function))
