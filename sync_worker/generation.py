"""A generation: all child processes that run under one configuration.

A reload starts a new generation and, once all of it is up, drains the old one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from .config import Config
from .errors import SyncWorkerError
from .slot import Past, Slot

Key = tuple[str, int]  # kind and number of a slot
History = defaultdict[Key, Past]


class Generation:
    """The slots of one configuration. Times are monotonic seconds."""

    def __init__(self, config: Config, history: History) -> None:
        self.config = config
        self.history = history  # one, shared by all generations
        keys = [("worker", number) for number in range(1, config.worker.processes + 1)]
        if config.tables:
            keys.append(("relay", 1))
        self.slots = {key: Slot(*key, config, history[key]) for key in keys}

    @property
    def up(self) -> bool:
        """Whether every process is up."""
        return all(slot.up for slot in self.slots.values())

    @property
    def late(self) -> bool:
        """Whether a process no longer answers."""
        return any(slot.state == "late" for slot in self.slots.values())

    @property
    def gone(self) -> bool:
        """Whether all were told to end and have."""
        return all(slot.gone for slot in self.slots.values())

    @property
    def drained(self) -> bool:
        """Once gone: whether no job was given back."""
        return all(slot.drained for slot in self.slots.values())

    @property
    def failure(self) -> SyncWorkerError | None:
        """Why it cannot come up, or None."""
        return next((s.failure for s in self.slots.values() if s.failure), None)

    def check(self, now: float) -> None:
        """Start, restart, kill or bury processes, whatever is due."""
        self._each(lambda slot: slot.check(now))

    def drain(self, now: float) -> None:
        """Let every process finish what it has in hand and end."""
        self._each(lambda slot: slot.drain(now))

    def stop_now(self, now: float) -> None:
        """End every process at once."""
        self._each(lambda slot: slot.stop_now(now))

    def reopen_logs(self) -> None:
        """Let every process open its log file again."""
        self._each(lambda slot: slot.reopen_logs())

    def _each(self, act: Callable[[Slot], None]) -> None:
        for slot in self.slots.values():
            act(slot)
