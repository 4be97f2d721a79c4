"""Fixtures of the relay's parts."""

from __future__ import annotations

import pytest
from relay_doubles import Clock

from sync_worker.relay import delivery as delivery_module


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(delivery_module.time, "monotonic", clock)
    return clock
