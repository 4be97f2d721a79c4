"""What `doctor` looks at on the database server as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import mysql.connector

from sync_worker.config import Config
from sync_worker.findings import Finding, fail, ok, warn

from . import functions as loadable
from . import grants, inspect
from .session import Session

DatabaseError = mysql.connector.Error

_MULTI_PRIMARY = (
    "let one server take all writes; versions of several cannot be compared (out of scope)"
)


def check_server(session: Session, settings: Config) -> Iterator[Finding]:
    """Version, settings and topology."""
    server = inspect.server(session)
    version = ".".join(map(str, server.version))
    name = "MariaDB" if server.kind == "mariadb" else "MySQL"
    where = settings.mysql.socket or f"{settings.mysql.host}:{settings.mysql.port}"
    yield ok(f"{name} {version} at {where} answers to {settings.mysql.user}")
    if not server.keeps_auto_increment:
        yield ok("this server forgets AUTO_INCREMENT; the newest event of an outbox is kept")
    yield from settings_findings(inspect.variables(session), settings)


def settings_findings(variables: dict[str, str], settings: Config) -> Iterator[Finding]:
    """What the server's global settings mean for the outboxes."""
    before = list(_topology(variables))
    yield from before
    if variables.get("log_bin") == "ON" and variables.get("binlog_format") == "STATEMENT":
        yield warn(
            "binlog_format is STATEMENT: what triggers write is not safe to replicate so",
            "binlog_format = ROW (or MIXED) in the server's configuration",
        )
    packet = int(variables.get("max_allowed_packet") or 0)
    if 0 < packet < 2 * settings.relay.batch_bytes:
        yield warn(
            f"max_allowed_packet is {packet}: larger rows and batches cannot be read",
            "raise it to twice relay.batch_bytes and more than the largest row, as JSON",
        )
    flush = variables.get("innodb_flush_log_at_trx_commit", "1")
    if flush != "1":
        yield warn(
            f"innodb_flush_log_at_trx_commit is {flush}: a crash can take back commits that Redis "
            "already shows",
            "set it to 1, or run `sync-worker verify --repair` after a crash",
        )
    if not before:
        yield ok("the server's settings suit")


def _topology(variables: dict[str, str]) -> Iterator[Finding]:
    if "ON" in (variables.get("read_only"), variables.get("super_read_only")):
        yield fail(
            "the server is read-only: triggers do not fire for what a replica is sent",
            "configure the server that takes the writes",
        )
    if variables.get("wsrep_on") == "ON":
        yield warn("the server is a node of a Galera cluster", _MULTI_PRIMARY)
    group = variables.get("group_replication_group_name")
    if group and variables.get("group_replication_single_primary_mode") == "OFF":
        yield fail("group replication runs with several primaries", _MULTI_PRIMARY)


def check_rights(session: Session, settings: Config) -> Iterator[Finding]:
    """What the relay, backfill and verify need."""
    rights = grants.own(session)
    if not rights.entries:
        yield warn("what this account may do cannot be read", "see docs/install.md, Accounts")
        return
    missing = [
        f"{privilege} on {settings.relay.schema}.*"
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
        if not rights.allow(privilege, settings.relay.schema)
    ]
    missing += [
        f"SELECT on {table.full_name}"
        for table in settings.tables
        if not rights.allow("SELECT", table.schema, table.table)
    ]
    if missing:
        yield fail(f"mysql.user lacks {', '.join(missing)}", "GRANT it; see docs/install.md")
    else:
        yield ok("mysql.user has the rights of a relay")


def check_functions(session: Session, settings: Config, version: str) -> Iterator[Finding]:
    """Whether the loadable functions are there, of this version, and have job servers."""
    direct = [table.full_name for table in settings.tables if table.delivery == "direct"]
    present = loadable.present(session)
    if present.forgotten:
        yield fail(
            f"the server has forgotten {', '.join(present.forgotten)}, which mysql.func has: "
            "every write by a trigger that calls one fails",
            present.how_to_recall,
        )
        return
    if not present.usable:
        if direct:
            yield fail(
                f"the loadable functions are missing, which {', '.join(direct)} (direct) needs",
                "`sync-worker install`",
            )
        else:
            yield ok("no loadable functions: relays look at the outboxes every relay.poll")
        return
    try:
        status = json.loads(session.row("SELECT gman_status()")[0])
    except (mysql.connector.Error, ValueError, TypeError) as error:
        yield fail(f"gman_status() does not answer: {error}", "install the functions again")
        return
    if status["version"] == version:
        yield ok(f"loadable functions {version}")
    else:
        yield warn(
            f"the loadable functions are {status['version']}, sync-worker is {version}",
            f"replace {loadable.FILE} in the plugin directory by renaming, then restart the server",
        )
    yield from _job_servers(status, settings.gearman.function if direct else "")


def _job_servers(status: dict[str, Any], function: str) -> Iterator[Finding]:
    """The servers of the library's lists; `function` is what direct triggers submit, if any do."""
    servers = status["servers"]
    problem = fail if function else warn
    if not servers:
        yield problem(
            "the loadable functions know no job server",
            "a line `servers = host:4730` in /etc/gman_udf.conf, then restart the server, or "
            "SELECT gman_servers_set('host:4730')",
        )
    for server in servers:
        ours = server.get("function") in (None, function)  # else the list of another function
        if server["state"] == "down":
            yield (problem if ours else warn)(
                f"the database server cannot reach job server {server['address']}: "
                f"{server['last_error']}",
                "start gearmand there, or correct /etc/gman_udf.conf",
            )
        else:
            yield ok(f"the database server's job server {server['address']}: {server['state']}")
