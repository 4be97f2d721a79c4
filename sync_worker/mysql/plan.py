"""What has to be run so that a table has its outbox and its three triggers."""

from __future__ import annotations

from dataclasses import dataclass

from .grants import quote_account
from .inspect import FoundOutbox, FoundTrigger
from .outbox import Outbox, column_type, comment, identity_name
from .quoting import name, names
from .schema import Server
from .steps import InstallError, Step, step
from .triggers import Trigger, generate


@dataclass(frozen=True)
class Wanted:
    """What a table is to have."""

    outbox: Outbox
    triggers: tuple[Trigger, ...]
    definer: str

    @property
    def table(self) -> str:
        """schema.table, as messages show it."""
        return self.outbox.mapping.config.full_name

    def is_for(self, found: FoundTrigger) -> bool:
        """Whether a trigger belongs to this table."""
        table = self.outbox.mapping.table
        return (found.schema, found.table) == (table.schema, table.name)


def want(outbox: Outbox, *, definer: str, functions: bool, sync_function: str) -> Wanted:
    """What a table is to have. `definer` is user@host, or empty for the account that installs."""
    quoted = quote_account(definer) if definer else ""
    made = generate(outbox, definer=quoted, functions=functions, sync_function=sync_function)
    return Wanted(outbox, tuple(made), definer)


def fits(wanted: Wanted, trigger: Trigger, found: FoundTrigger) -> bool:
    """Whether a trigger that is there is the one that should be."""
    return (
        (found.table, found.event, found.timing) == (trigger.table, trigger.event, "after")
        and found.body.strip() == trigger.body
        and wanted.definer in ("", found.definer)
    )


def columns(outbox: Outbox) -> tuple[tuple[str, str], ...]:
    """(name, type) of the identity columns that an outbox is to have."""
    identity = outbox.mapping.identity
    return tuple((identity_name(i), column_type(column)) for i, column in enumerate(identity))


def create_again(found: FoundTrigger) -> str:
    """The statement that creates a trigger as it is now."""
    return (
        f"CREATE DEFINER={quote_account(found.definer)} TRIGGER {names(found.schema, found.name)} "
        f"{found.timing.upper()} {found.event.upper()} ON {names(found.schema, found.table)} "
        f"FOR EACH ROW\n{found.body}"
    )


def drop(found: FoundTrigger) -> Step:
    """DROP TRIGGER, taken back by creating it as it was."""
    statement = f"DROP TRIGGER {names(found.schema, found.name)}"
    return step(f"drop trigger {found.full_name}", statement, create_again(found))


def refuse_conflicts(wanted: Wanted, found: list[FoundTrigger], server: Server) -> None:
    """Raise InstallError if another trigger has the place or the name of one of ours."""
    schema = wanted.outbox.schema
    for trigger in wanted.triggers:
        for other in found:
            if other.is_ours(schema):
                continue
            if (other.schema, other.name) == (trigger.schema, trigger.name):
                raise InstallError(
                    f"trigger {other.full_name} is there already and was not made for the "
                    f"outboxes of schema {schema}",
                    "rename or drop it, or uninstall the other sync-worker first",
                )
            same = wanted.is_for(other) and (other.event, other.timing) == (trigger.event, "after")
            if same and not server.many_triggers:
                version = ".".join(map(str, server.version))
                raise InstallError(
                    f"table {wanted.table}: trigger {other.name} is in the way: this server "
                    f"({version}) allows one AFTER {trigger.event.upper()} trigger a table",
                    f"move what {other.name} does elsewhere and drop it, or upgrade the server",
                )


def plan(
    wanted: Wanted, outbox: FoundOutbox | None, found: list[FoundTrigger], server: Server
) -> list[Step]:
    """The steps for one table, none if all is as it should be. Raises InstallError."""
    refuse_conflicts(wanted, found, server)
    ours = {t.name: t for t in found if wanted.is_for(t) and t.is_ours(wanted.outbox.schema)}
    kept = {t.name for t in wanted.triggers if t.name in ours and fits(wanted, t, ours[t.name])}
    drops = [drop(trigger) for trigger in ours.values() if trigger.name not in kept]
    creates = [
        step(f"create trigger {t.schema}.{t.name}", t.statement, t.drop)
        for t in wanted.triggers
        if t.name not in kept
    ]
    if outbox is None:
        return [*_create(wanted.outbox, server), *_under_lock(wanted, drops, creates, lock=False)]
    direct_before = any(trigger.is_direct for trigger in ours.values())
    seed = direct_before and wanted.outbox.mapping.config.delivery == "outbox"
    now, then = dict(outbox.columns), dict(columns(wanted.outbox))
    changes = _alterations(now, then)
    if changes:
        drops = [drop(trigger) for trigger in ours.values()]
        creates = [
            step(f"create trigger {t.schema}.{t.name}", t.statement, t.drop)
            for t in wanted.triggers
        ]
        guard = _must_be_drained(wanted, outbox, server)
        return _under_lock(
            wanted,
            [guard, *drops, _alter(outbox, changes, _alterations(then, now))],
            creates,
            lock=True,
        )
    if len(ours) < len(wanted.triggers) or seed or outbox.set_back:
        drops.append(_alter(outbox))
    return _under_lock(wanted, drops, creates, lock=bool(ours))


def _create(outbox: Outbox, server: Server) -> list[Step]:
    what = f"create outbox {outbox.schema}.{outbox.name}"
    steps = [Step(what, outbox.create, f"DROP TABLE {outbox.sql}")]
    if not server.keeps_auto_increment:
        # An empty outbox would begin at 1 after a restart; an event holds the number.
        steps.append(
            step(f"first event of {outbox.name}", f"INSERT INTO {outbox.sql} () VALUES ()")
        )
    return steps


def _under_lock(
    wanted: Wanted, before: list[Step], creates: list[Step], *, lock: bool
) -> list[Step]:
    """Changes of triggers that must not let a write of the application pass unseen."""
    if not lock or not before:
        return [*before, *creates]
    source = wanted.outbox.mapping.table
    locked = f"LOCK TABLES {names(source.schema, source.name)} WRITE, {wanted.outbox.sql} WRITE"
    return [
        step(f"lock table {wanted.table}", locked, "UNLOCK TABLES"),
        *before,
        *creates,
        step(f"unlock table {wanted.table}", "UNLOCK TABLES", locked),
    ]


def _alterations(there: dict[str, str], wanted: dict[str, str]) -> tuple[str, ...]:
    """Clauses of ALTER TABLE that make the columns that are there those that are wanted."""
    clauses = [f"DROP COLUMN {name(column)}" for column in there if column not in wanted]
    for column, kind in wanted.items():
        if column not in there:
            clauses.append(f"ADD COLUMN {name(column)} {kind} NOT NULL")
        elif there[column] != kind:
            clauses.append(f"MODIFY COLUMN {name(column)} {kind} NOT NULL")
    return tuple(clauses)


def _alter(outbox: FoundOutbox, changes: tuple[str, ...] = (), back: tuple[str, ...] = ()) -> Step:
    """Change columns, and say that recording begins anew: above every version given out so far."""

    def statement(version: int) -> str:
        version = max(version, outbox.next_id)
        parts = [*changes, f"AUTO_INCREMENT={version}", f"COMMENT='{comment(version)}'"]
        return f"ALTER TABLE {outbox.sql} {', '.join(parts)}"

    undo = f"ALTER TABLE {outbox.sql} {', '.join(back)}" if back else ""
    return Step(f"change outbox {outbox.schema}.{outbox.name}", statement, undo)


def _must_be_drained(wanted: Wanted, outbox: FoundOutbox, server: Server) -> Step:
    # Where the newest event is never deleted, one is always there.
    spared = 0 if server.keeps_auto_increment else 1
    return step(
        f"look whether outbox {outbox.schema}.{outbox.name} is empty",
        f"SELECT 1 FROM {outbox.sql} LIMIT {spared},1",
        must_be_empty=(
            f"table {wanted.table}: its primary key or key template has changed, so the columns of "
            f"its outbox {outbox.schema}.{outbox.name} have to change, but events wait in it"
        ),
        cure="let `sync-worker run` deliver them with the old configuration, then install again",
    )
