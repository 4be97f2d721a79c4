"""Waiting for descriptors, to the microsecond where the wait is short."""

from __future__ import annotations

import select
from collections.abc import Mapping
from math import ceil

# poll counts whole milliseconds; select does not, but takes no descriptor from 1024 on.
_SHORT = 0.01  # s
_SELECTABLE = 1024


def poll(interest: Mapping[int, int], seconds: float) -> list[tuple[int, int]]:
    """Wait until a descriptor of {descriptor: poll events} is ready; return (descriptor, events).

    Returns [] after `seconds`.
    """
    if 0 < seconds < _SHORT and max(interest, default=0) < _SELECTABLE:
        return _select(interest, seconds)
    waiting = select.poll()
    for fd, events in interest.items():
        waiting.register(fd, events)
    return waiting.poll(ceil(max(0.0, seconds) * 1000))


def _select(interest: Mapping[int, int], seconds: float) -> list[tuple[int, int]]:
    reading = [fd for fd, events in interest.items() if events & select.POLLIN]
    writing = [fd for fd, events in interest.items() if events & select.POLLOUT]
    readable, writable, _ = select.select(reading, writing, [], seconds)
    found = dict.fromkeys(readable, select.POLLIN)
    for fd in writable:
        found[fd] = found.get(fd, 0) | select.POLLOUT
    return list(found.items())
