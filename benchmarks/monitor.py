"""When values became visible in Redis, by Redis's own clock, from its MONITOR stream."""

from __future__ import annotations

import re
import socket
import time
from types import TracebackType
from typing import Self

PATIENCE = 60.0  # s

# 1760000000.123456 [0 lua] "MSET" "t:1" "{\"id\":1,…\"volume\":7,…
_WRITE = re.compile(rb'^\+(\d+\.\d+) \[\d+ lua\] "M?SET" "t:1" .*?\\"volume\\":(\d+)', re.MULTILINE)


class Monitor:
    """Has Redis note each command with its time. Nothing reads along, so nothing is slowed."""

    def __init__(self, host: str, port: int) -> None:
        self._link = socket.create_connection((host, port))
        self._link.settimeout(PATIENCE)
        self._link.sendall(b"MONITOR\r\n")
        assert self._link.recv(5) == b"+OK\r\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._link.close()

    def volumes_of_t1(self, last: int) -> dict[int, float]:
        """{volume: seconds since 1970 when key t:1 first had it}, up to `last`, waited for."""
        deadline = time.monotonic() + PATIENCE
        text = b""
        end = rb"\"volume\":%d," % last
        while end not in text[-1 << 20 :]:
            assert time.monotonic() < deadline, f"volume {last} does not come into Redis"
            time.sleep(0.1)
            text += self._link.recv(1 << 24)
        seen: dict[int, float] = {}
        for moment, volume in _WRITE.findall(text):
            seen.setdefault(int(volume), float(moment))
        assert last in seen, "Redis was written by a command that is not looked for"
        return seen
