"""The client for Redis, and which of its errors speak of the server instead of the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry

from .. import config
from ..errors import ConfigError, StoreUnavailable

# Answers that speak of Redis, not of the data: what they refuse is kept and tried again.
# NOMODULE is our script's, the last one NOPERM within a script.
PASSING = (
    "OOM", "READONLY", "LOADING", "MISCONF", "BUSY", "MASTERDOWN", "NOREPLICAS", "NOPERM",
    "NOMODULE", "ERR The user executing the script",
)  # fmt: skip


@contextmanager
def passing(*, always: bool = False) -> Iterator[None]:
    """Turns what is wrong with Redis itself, or `always` any error, into StoreUnavailable."""
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        if not always and not is_passing(error):
            raise
        raise StoreUnavailable(f"Redis: {error or type(error).__name__}") from error


def is_passing(error: BaseException) -> bool:
    """Whether an error of redis-py will pass when Redis is well again."""
    # redis-py has a class of its own for the answers it knows; those all speak of the server.
    return type(error) is not redis.ResponseError or str(error).startswith(PASSING)


def connect(settings: config.Redis) -> Any:
    """A client for `settings`; it connects at the first command."""
    options: dict[str, Any] = {
        "username": settings.username or None,
        "password": settings.password or None,
        "socket_timeout": settings.timeout,
        "socket_connect_timeout": settings.timeout,
        "retry": Retry(NoBackoff(), 0),  # the worker keeps what it has and tries again itself
        "client_name": "sync-worker",
    }
    if settings.ca_file:
        options["ssl_ca_certs"] = str(settings.ca_file)
    try:
        if settings.cluster:
            return RedisCluster.from_url(settings.url, **options)
        return redis.Redis.from_url(settings.url, **options)
    except ValueError as error:
        raise ConfigError(f"redis.url = {settings.url!r}: {error}") from error


NO_DOCUMENTS = (
    'kind = "redisjson" needs the module RedisJSON, and this Redis has no command JSON.SET',
    'load the module (loadmodule in redis.conf), or take kind = "json"',
)


def without_module(client: Any, tables: Iterable[config.SyncedTable]) -> list[str]:
    """The names of the tables that need RedisJSON, if Redis says that it has not got it."""
    names = [table.full_name for table in tables if table.kind == "redisjson"]
    return [] if not names or _has_documents(client) else names


def _has_documents(client: Any) -> bool:
    """Whether Redis has RedisJSON's commands; True as well where it does not say."""
    try:
        cluster = isinstance(client, RedisCluster)
        where = {"target_nodes": client.get_random_node()} if cluster else {}
        answer = client.execute_command("COMMAND INFO", "JSON.SET", **where)
    except (RedisError, RedisClusterException, OSError):
        return True
    return bool(answer) and None not in answer
