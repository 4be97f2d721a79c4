"""The store, on a Redis that takes every kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers import RedisServer
from storing import settings

from sync_worker.store.redis_store import RedisStore


@pytest.fixture
def redis_server(documents_redis: RedisServer) -> RedisServer:
    """All tests here are on a Redis that takes every kind."""
    return documents_redis


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisStore]:
    config = settings(redis_server)
    opened = RedisStore(config.redis, config.events)
    yield opened
    opened.close()
