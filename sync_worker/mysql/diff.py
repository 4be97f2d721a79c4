"""`triggers diff`: the triggers that are there against those that should be."""

from __future__ import annotations

import difflib

from sync_worker.config import Config

from . import functions as loadable
from . import inspect
from .grants import quote_account
from .inspect import FoundTrigger
from .install import leftovers
from .outboxes import compile_outboxes
from .plan import Wanted, create_again, fits, want
from .session import Session
from .triggers import Trigger


def triggers_diff(settings: Config, *, functions: str = "auto") -> list[str]:
    """The lines of a unified diff, none if every trigger is as it should be.

    `functions` as for `install`. Raises ConfigError and DatabaseUnavailable.
    """
    session = Session(settings.mysql)
    try:
        with_functions = functions == "yes" or (
            functions == "auto" and loadable.present(session).usable
        )
        outboxes = compile_outboxes(session, settings)
        found = inspect.triggers(session)
    finally:
        session.close()
    lines: list[str] = []
    for outbox in outboxes:
        wanted = want(
            outbox,
            definer=settings.mysql.definer,
            functions=with_functions,
            sync_function=settings.gearman.function,
        )
        lines += table_diff(wanted, found)
    for trigger in leftovers(found, outboxes, settings.relay.schema):
        lines += _diff(trigger.full_name, _shown(trigger), "")
    return lines


def table_diff(wanted: Wanted, found: list[FoundTrigger]) -> list[str]:
    """The lines of the diff of one table."""
    lines: list[str] = []
    there = {(t.schema, t.name): t for t in found}
    for trigger in wanted.triggers:
        now = there.get((trigger.schema, trigger.name))
        if now is None:
            lines += _diff(f"{trigger.schema}.{trigger.name}", "", _wanted(trigger, wanted.definer))
        elif not fits(wanted, trigger, now):
            definer = wanted.definer or now.definer
            lines += _diff(now.full_name, _shown(now), _wanted(trigger, definer))
    names = {trigger.name for trigger in wanted.triggers}
    for old in found:
        if wanted.is_for(old) and old.is_ours(wanted.outbox.schema) and old.name not in names:
            lines += _diff(old.full_name, _shown(old), "")
    return lines


def _shown(trigger: FoundTrigger) -> str:
    return create_again(trigger)


def _wanted(trigger: Trigger, definer: str) -> str:
    if not definer:
        return trigger.statement
    head, _, body = trigger.statement.partition("TRIGGER ")
    return f"CREATE DEFINER={quote_account(definer)} TRIGGER {body}" if head else body


def _diff(trigger: str, now: str, wanted: str) -> list[str]:
    return list(
        difflib.unified_diff(
            now.splitlines(),
            wanted.splitlines(),
            f"server/{trigger}",
            f"wanted/{trigger}",
            lineterm="",
        )
    )
