"""Steps of an installation: run one by one, undone in reverse when a later one fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mysql.connector

from sync_worker.errors import ConfigError, DatabaseUnavailable, SyncWorkerError

from .inspect import clock
from .session import Session

# What a statement can raise: a refusal comes as ConfigError, a lost server as DatabaseUnavailable.
DATABASE_ERRORS = (mysql.connector.Error, ConfigError, DatabaseUnavailable)

_NO_SUCH_USER = b"1449"
_SHOWN = 200  # characters of a statement in a message


class InstallError(SyncWorkerError):
    """The installation cannot be changed; `cure` says what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


@dataclass(frozen=True)
class Step:
    """One statement, what it does in words, and what takes it back.

    `statement` is made from the server's time, in microseconds, at the moment it runs. With
    `must_be_empty` it is a query that may have no rows; the text says what it means if it has.
    """

    what: str
    statement: Callable[[int], str]
    undo: str = ""
    must_be_empty: str = ""
    cure: str = ""


def step(
    what: str, statement: str, undo: str = "", must_be_empty: str = "", cure: str = ""
) -> Step:
    """A step whose statement does not depend on the time."""
    return Step(what, lambda _: statement, undo, must_be_empty, cure)


class Runner:
    """Runs steps, or with `dry_run` only collects their statements, in `statements`."""

    def __init__(self, session: Session, *, dry_run: bool) -> None:
        self._session = session
        self.dry_run = dry_run
        self._done: list[tuple[str, Callable[[], None]]] = []
        self.statements: list[str] = []

    def run(self, steps: list[Step]) -> None:
        """Run them in order. Raises InstallError for the one that fails; nothing is undone yet."""
        for one in steps:
            statement = one.statement(clock(self._session))
            self.statements.append(statement)
            if not self.dry_run:
                self._run(one, statement)

    def done(self, what: str, undo: Callable[[], None]) -> None:
        """Note something that was done otherwise, and what takes it back."""
        self._done.append((what, undo))

    def take(self, other: Runner) -> None:
        """Add what another runner has done, to be undone with the rest."""
        self.statements += other.statements
        self._done += other._done

    def _run(self, one: Step, statement: str) -> None:
        try:
            if one.must_be_empty:
                if self._session.rows(statement):
                    raise InstallError(one.must_be_empty, one.cure)
                return
            self._session.execute(statement)
            if one.undo:
                self._done.append((one.what, lambda: void(self._session.execute(one.undo))))
            self._refuse_orphan(one)
        except DATABASE_ERRORS as error:
            shown = " ".join(statement.split())
            if len(shown) > _SHOWN:
                shown = shown[:_SHOWN] + "…"
            raise InstallError(
                f"{one.what}: {error}; the statement was: {shown}", _cure(error)
            ) from error

    def _refuse_orphan(self, one: Step) -> None:
        """A trigger whose definer does not exist is created, and fails every write."""
        if not one.what.startswith("create trigger"):
            return
        if any(row[1] == _NO_SUCH_USER for row in self._session.rows("SHOW WARNINGS")):
            raise InstallError(
                f"{one.what}: its definer is no account of this server",
                "create the account of mysql.definer, or correct the setting",
            )

    def roll_back(self) -> str:
        """Undo what was done, the last first; a sentence about it."""
        undone, left = [], []
        for what, undo in reversed(self._done):
            try:
                undo()
                undone.append(what)
            except (*DATABASE_ERRORS, OSError) as error:
                left.append(f"{what} ({error})")
        self._done.clear()
        text = f"undone: {', '.join(undone)}" if undone else "nothing had been changed"
        return text + (f"; could not be undone: {', '.join(left)}" if left else "")


def void(_: object) -> None:
    """Take a result and give none."""


def _cure(error: Exception) -> str:
    number = getattr(error, "errno", None) or getattr(error.__cause__, "errno", None)
    cures = {
        1044: _GRANTS, 1142: _GRANTS, 1227: _GRANTS, 1370: _GRANTS, 1419: _GRANTS,
        1205: "wait until no transaction holds the table any more, then run it again",
        1213: "run it again",
        1290: "run it on the server that takes writes",
        1836: "run it on the server that takes writes",
    }  # fmt: skip
    return cures.get(number or 0, "correct the cause, then run it again; it goes on where it can")


_GRANTS = "give the installing account the rights that docs/install.md lists"
