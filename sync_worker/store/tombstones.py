"""Tombstones: where the version of a deleted key is remembered, as apply.lua writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .connection import passing
from .redis_store import TOMBSTONE_PREFIX


def tombstone_key(key: bytes) -> bytes:
    """The key of the tombstone of `key`, in the same hash slot."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    if start >= 0 and end > start + 1:
        return TOMBSTONE_PREFIX + key
    return TOMBSTONE_PREFIX + b"{" + key + b"}"


def forget(client: Any, keys: Sequence[bytes]) -> None:
    """Delete keys and what is remembered of their versions. Raises StoreUnavailable."""
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.delete(key)
        pipeline.delete(tombstone_key(key))
    with passing(always=True):
        pipeline.execute()
