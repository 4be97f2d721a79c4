"""The generated triggers: three for a table, named after it, by delivery.

outbox: the identity of the changed row goes into the outbox; once a statement the doorbell rings.
direct: the row goes to the job server as an event line; when that fails, into the outbox.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .mapping import Mapping
from .outbox import ID, Outbox
from .quoting import names
from .quoting import text as literal

EVENTS = ("insert", "update", "delete")
MARK = "BEGIN /* sync-worker */"  # how a trigger of ours begins
_RUNG = "@sync_worker_rung"
_NAME_LIMIT = 64  # characters of a trigger's name


@dataclass(frozen=True)
class Trigger:
    """One trigger; `statement` creates it."""

    schema: str
    name: str
    table: str
    event: str
    statement: str
    body: str

    @property
    def drop(self) -> str:
        """DROP TRIGGER IF EXISTS."""
        return f"DROP TRIGGER IF EXISTS {names(self.schema, self.name)}"


def doorbell_function(outbox: Outbox) -> str:
    """The Gearman function on which the leader of this outbox listens for the doorbell."""
    return f"syncOutbox:{outbox.name}"[:255]


def trigger_name(table: str, event: str) -> str:
    """sync_TABLE_EVENT, shortened by a hash where that is too long."""
    name = f"sync_{table}_{event}"
    if len(name) <= _NAME_LIMIT:
        return name
    digest = hashlib.sha256(table.encode()).hexdigest()[:12]
    return f"sync_{table[:36]}~{digest}_{event}"


def generate(
    outbox: Outbox, *, definer: str = "", functions: bool, sync_function: str
) -> list[Trigger]:
    """The three triggers. `functions`: whether the loadable functions are on the server."""
    mapping = outbox.mapping
    triggers = []
    for event in EVENTS:
        if mapping.config.delivery == "direct":
            body = _direct(outbox, event, sync_function)
        else:
            body = _outbox(outbox, event, ring=functions)
        table = mapping.table
        name = trigger_name(table.name, event)
        by = f"DEFINER={definer} " if definer else ""
        statement = (
            f"CREATE {by}TRIGGER {names(table.schema, name)} AFTER {event.upper()} "
            f"ON {names(table.schema, table.name)} FOR EACH ROW\n{body}"
        )
        triggers.append(Trigger(table.schema, name, table.name, event, statement, body))
    return triggers


def _values(mapping: Mapping, row: str) -> list[str]:
    return [names(row, column.name) for column in mapping.identity]


def _key_changed(mapping: Mapping) -> str:
    """Whether OLD and NEW differ in a value or byte of an identity column; none of them is NULL."""
    old, new = (
        {column.name: names(row, column.name) for column in mapping.identity}
        for row in ("OLD", "NEW")
    )
    return f"NOT ({mapping.same_identity(old, new)})"


def _outbox(outbox: Outbox, event: str, *, ring: bool) -> str:
    mapping = outbox.mapping
    lines = [MARK]
    if event == "update":
        lines += [
            f"  IF {_key_changed(mapping)} THEN",
            f"    {outbox.insert(_values(mapping, 'OLD'))};",
            "  END IF;",
        ]
    row = "OLD" if event == "delete" else "NEW"
    lines.append(f"  {outbox.insert(_values(mapping, row))};")
    if ring:
        # NOW(6) stands still within a statement, so a bulk change rings once: 0.6 µs a row, where
        # a call would cost 4. As an integer, since comparing times can fail in strict mode.
        lines += [
            f"  IF NOT ({_RUNG} <=> MICROSECOND(NOW(6))) THEN",
            f"    SET {_RUNG} = MICROSECOND(NOW(6));",
            f"    DO gman_post({literal(doorbell_function(outbox))}, '', 'ring');",
            "  END IF;",
        ]
    return "\n".join([*lines, "END"])


def _direct(outbox: Outbox, event: str, sync_function: str) -> str:
    mapping = outbox.mapping
    lines = [
        MARK,
        "  DECLARE sync_version BIGINT DEFAULT gman_version();",
        "  DECLARE sync_line LONGTEXT CHARACTER SET utf8mb4;",
    ]
    if event == "update":
        gone = _send(outbox, "OLD", "0", sync_function, "    ")
        lines += [f"  IF {_key_changed(mapping)} THEN", *gone]
        lines += ["    SET sync_version = gman_version();", "  END IF;"]
    row = "OLD" if event == "delete" else "NEW"
    present = "0" if event == "delete" else mapping.matches("NEW")
    lines += _send(outbox, row, present, sync_function, "  ")
    return "\n".join([*lines, "END"])


def _send(outbox: Outbox, row: str, present: str, sync_function: str, indent: str) -> list[str]:
    mapping = outbox.mapping
    columns = {column.name: names(row, column.name) for column in mapping.identity}
    version = "CAST(sync_version AS CHAR)" if mapping.config.versions else "'0'"
    line = mapping.line(version, row, columns, present)
    columns_sql = ",".join([names(ID), *outbox.columns])
    values = ",".join(["sync_version", *_values(mapping, row)])
    return [
        f"{indent}SET sync_line = {line};",
        f"{indent}IF sync_line IS NULL OR gman_do_background({literal(sync_function)}, sync_line) "
        "IS NULL THEN",
        f"{indent}  INSERT INTO {outbox.sql} ({columns_sql}) VALUES ({values});",
        f"{indent}END IF;",
    ]
