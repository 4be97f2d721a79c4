"""`doctor`: looks at database, job servers and Redis, and says what to do about what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from . import __version__
from .config import Config
from .errors import (
    ConfigError,
    DatabaseUnavailable,
    GearmanError,
    StoreUnavailable,
    SyncWorkerError,
)
from .findings import Finding, fail, ok, warn
from .gearman import Admin
from .mysql import server_checks, table_checks
from .mysql.session import Session
from .store.connection import NO_DOCUMENTS, connect, passing, without_module

_TIMEOUT = 2.0  # seconds for one job server's answer


def examine(config: Config) -> Iterator[Finding]:
    """Every finding, in an order in which the first problem explains later ones."""
    yield ok(f"configuration {config.path or '(defaults)'}: {len(config.tables)} tables")
    yield from _database(config)
    for address in config.gearman.servers:
        yield from _job_server(config, address)
    yield from _redis(config)


def _database(config: Config) -> Iterator[Finding]:
    try:
        session = Session(config.mysql)
    except DatabaseUnavailable as error:
        yield fail(str(error), "start the database server, or correct mysql.host and mysql.port")
        return
    except ConfigError as error:
        yield fail(str(error), "correct the [mysql] section")
        return
    try:
        for check in (
            lambda: server_checks.check_server(session, config),
            lambda: server_checks.check_rights(session, config),
            lambda: server_checks.check_functions(session, config, __version__),
            lambda: table_checks.check_tables(session, config),
        ):
            yield from _guarded(check)
    finally:
        session.close()


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A check that may not look at something is a finding, not the end of the others."""
    try:
        yield from check()
    except (SyncWorkerError, server_checks.DatabaseError) as error:
        yield fail(f"not to be seen: {error}", "give the account the rights of docs/install.md")


def _job_server(config: Config, address: str) -> Iterator[Finding]:
    try:
        rows = Admin(address, _TIMEOUT).status()
    except (GearmanError, OSError) as error:
        yield fail(f"job server {address}: {error}", "start gearmand, or correct gearman.servers")
        return
    workers = sum(row.workers for row in rows if row.function == config.gearman.function)
    if workers:
        yield ok(f"job server {address}: {workers} workers for {config.gearman.function}")
    else:
        yield warn(
            f"job server {address}: no worker for {config.gearman.function}", "`sync-worker run`"
        )


def _redis(config: Config) -> Iterator[Finding]:
    try:
        with passing(always=True), closing(connect(config.redis)) as client:
            info = client.info()
            lacking = without_module(client, config.tables)
            saves = None if config.redis.cluster else _saves(client)
    except ConfigError as error:
        yield fail(str(error), "correct the [redis] section")
        return
    except StoreUnavailable as error:
        yield fail(str(error), "start Redis, or correct redis.url and the password")
        return
    if lacking:
        yield fail(f"{', '.join(lacking)}: {NO_DOCUMENTS[0]}", NO_DOCUMENTS[1])
    if config.redis.cluster:
        yield ok("Redis Cluster answers")
        return
    yield from redis_findings(info, saves=saves)


def _saves(client: Any) -> bool | None:
    """Whether Redis writes its file from time to time; None if it does not say."""
    try:
        with passing(always=True):
            return bool(client.config_get("save").get("save"))
    except StoreUnavailable:
        return None


def redis_findings(info: dict[str, Any], *, saves: bool | None) -> Iterator[Finding]:
    """What Redis says of itself: role, eviction, persistence."""
    if info.get("loading"):
        yield warn("Redis is loading its file", "wait; jobs are kept meanwhile")
    if info.get("role") not in (None, "master"):
        yield fail(
            "redis.url is a replica, which takes no writes", "give the address of its master"
        )
        return
    yield ok(f"Redis {info.get('redis_version', '')} answers")
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory") and policy != "noeviction":
        yield warn(
            f"Redis drops keys when its memory is full (maxmemory-policy {policy})",
            "maxmemory-policy noeviction, or `sync-worker verify --repair` from time to time",
        )
    if not info.get("aof_enabled") and saves is False:
        yield warn(
            "Redis keeps nothing over a restart; a backfill follows each one", "appendonly yes"
        )
