"""`uninstall`: removes triggers, outboxes, the schema of the outboxes, on request the functions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sync_worker.config import Config
from sync_worker.config.tables import split_name
from sync_worker.errors import ConfigError

from . import functions as loadable
from . import inspect
from .install import Note, exclusive
from .outbox import COMMENT, table_name
from .plan import drop
from .progress import COMMENT as PROGRESS
from .quoting import name, names
from .session import Session
from .steps import InstallError, Runner, Step, step, void

_DELIVER = "let `sync-worker run` deliver them, or give --force to lose them"


def uninstall(
    settings: Config,
    *,
    tables: Sequence[str] = (),
    functions: bool = False,
    force: bool = False,
    dry_run: bool = False,
    note: Note = void,
) -> list[str]:
    """Remove what `install` made for `tables` (schema.table), or for all; return the statements.

    What is removed is found on the server, not in the configuration. Waiting events are refused
    unless `force`. Raises InstallError, ConfigError and DatabaseUnavailable.
    """
    chosen = [_split(table) for table in tables]
    with exclusive(settings, dry_run=dry_run) as session:
        runner = Runner(session, dry_run=dry_run)
        removal = _Removal(session, settings.relay.schema, runner, note)
        try:
            removal.run(chosen, force=force, functions=functions)
        except InstallError as error:
            raise InstallError(f"{error}; {runner.roll_back()}", error.cure) from error
        return runner.statements


def _split(table: str) -> tuple[str, str]:
    parts = split_name(table)
    if len(parts) != 2:
        raise ConfigError(f"{table!r}: expected schema.table, a name with a dot in backticks")
    return parts[0], parts[1]


class _Removal:
    def __init__(self, session: Session, schema: str, runner: Runner, note: Note) -> None:
        self._session = session
        self._schema = schema
        self._runner = runner
        self._note = note
        self._keeps = inspect.server(session).keeps_auto_increment

    def run(self, chosen: list[tuple[str, str]], *, force: bool, functions: bool) -> None:
        """All of it: first the triggers, so that no write fails for want of its outbox."""
        outboxes = inspect.outboxes(self._session, self._schema)
        triggers = [t for t in inspect.triggers(self._session) if t.is_ours(self._schema)]
        if chosen:
            wanted = {table_name(*table) for table in chosen}
            outboxes = {key: value for key, value in outboxes.items() if key in wanted}
            triggers = [t for t in triggers if (t.schema, t.table) in chosen]
        guards = [] if force else [self._guard(outbox) for outbox in outboxes.values()]
        if not self._runner.dry_run:  # before anything is changed
            Runner(self._session, dry_run=False).run(guards)
        drops = [
            step(f"drop outbox {o.schema}.{o.name}", f"DROP TABLE {o.sql}")
            for o in outboxes.values()
        ]
        self._runner.run([*map(drop, triggers), *guards, *drops])
        if not chosen:
            self._drop_schema(set(outboxes))
        if functions:
            self._drop_functions()

    def _guard(self, outbox: inspect.FoundOutbox) -> Step:
        spared = 0 if self._keeps else 1  # the newest event is never deleted there
        count = inspect.waiting(self._session, outbox.sql)
        return step(
            f"look whether outbox {outbox.schema}.{outbox.name} is empty",
            f"SELECT 1 FROM {outbox.sql} LIMIT {spared},1",
            must_be_empty=f"outbox {outbox.schema}.{outbox.name}: events wait in it (now {count})",
            cure=_DELIVER,
        )

    def _drop_schema(self, dropped: set[str]) -> None:
        if not inspect.schema_exists(self._session, self._schema):
            return
        rest = {
            table: comment
            for table, comment in inspect.tables_of(self._session, self._schema).items()
            if table not in dropped
        }
        ours = (COMMENT, PROGRESS)
        foreign = [table for table, comment in rest.items() if not comment.startswith(ours)]
        others = self._session.rows(_OTHERS, (self._schema, self._schema))
        if foreign or others:
            shown = ", ".join([*foreign, *(row[0].decode() for row in others)])
            self._note(f"schema {self._schema} stays: it holds {shown}")
            for table in rest.keys() - set(foreign):
                drop_it = f"DROP TABLE {names(self._schema, table)}"
                self._runner.run([step(f"drop table {self._schema}.{table}", drop_it)])
            return
        statement = f"DROP DATABASE {name(self._schema)}"
        self._runner.run([step(f"drop schema {self._schema}", statement)])

    def _drop_functions(self) -> None:
        """Drop them, unless something calls one: its writes would fail, and MySQL 9 may crash."""
        seen = loadable.present(self._session)
        if seen.forgotten:
            self._note(
                f"mysql.func keeps functions that the server has forgotten: {seen.how_to_recall}"
            )
        present = seen.files
        ours = [function for function, library in present.items() if library == loadable.FILE]
        users = self._callers(ours)
        if users:
            self._note(f"the functions stay: {', '.join(users)} calls them")
            return
        for function in sorted(set(present) - set(ours)):
            self._note(f"function {function} stays: it is from {present[function]}")
        self._runner.run([step(f"drop function {f}", loadable.drop(f)) for f in ours])

    def _callers(self, functions: list[str]) -> list[str]:
        """Triggers and routines, not ours, that name one of the functions."""
        if not functions:
            return []
        call = re.compile(rf"\b({'|'.join(map(re.escape, functions))})\b\s*\(", re.IGNORECASE)
        bodies = [
            (t.full_name, t.body)
            for t in inspect.triggers(self._session)
            if not t.is_ours(self._schema)
        ]
        for schema, routine, body in self._session.rows(_ROUTINES):
            full_name = f"{schema.decode()}.{routine.decode()}"
            bodies.append((full_name, (body or b"").decode(errors="replace")))
        return [full_name for full_name, body in bodies if call.search(body)]


_ROUTINES = """SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_DEFINITION
FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA <> 'sys'"""
_OTHERS = """SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s
UNION ALL SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s"""
