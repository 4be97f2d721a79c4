"""What the tests of the relay's parts share: an event line, a clock that stands still."""

from __future__ import annotations


def line(id: int, key: str, row: str = "{}") -> bytes:
    return f'{id}\t"{key}"\tjson\t\t{row}'.encode()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now
