"""What the tests of the store share: configurations, events, what Redis holds."""

from __future__ import annotations

import redis
from servers import RedisServer

from sync_worker.config import Config, load
from sync_worker.store.events import Event

KINDS = ("json", "hash", "redisjson")


def settings(server: RedisServer, **more: str) -> Config:
    env = {"SYNC_WORKER_REDIS_URL": f"redis://{server.address}/0", **more}
    return load(env=env)


def event(
    version: int, row: str = '{"a":"x"}', *, key: str = "k", kind: str = "json", expiry: str = ""
) -> Event:
    return (str(version).encode(), key.encode(), kind.encode(), expiry.encode(), row.encode())


def delete(version: int, *, key: str = "k", kind: str = "json") -> Event:
    return event(version, "", key=key, kind=kind)


def everything(client: redis.Redis) -> dict[bytes, tuple[bytes | None, bool]]:
    """Each key's value, and whether it expires."""
    return {key: (client.dump(key), client.ttl(key) > 0) for key in sorted(client.keys())}


def text(client: redis.Redis, key: str = "k") -> bytes | None:
    """What a string or a document holds."""
    if client.type(key) != b"ReJSON-RL":
        return client.get(key)  # type: ignore[return-value]
    held: bytes = client.execute_command("JSON.GET", key, "$")
    return held[1:-1]
