"""A job server that does what a real one cannot be made to do."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

Behaviour = Callable[[socket.socket], None]
"""What is done with one connection: it returns to close it, an OSError ends it."""

JOB_CREATED, NOOP, WORK_COMPLETE, ECHO_REQ, ECHO_RES, ERROR = 8, 6, 13, 16, 17, 19
LIFETIME = 20.0  # seconds; no behaviour outlasts this
HEADER = 12  # bytes
HANDLE = b"H:fake:1"


def response(kind: int, data: bytes = b"", size: int | None = None) -> bytes:
    """Return one response packet; `size` lies about its length."""
    return b"\0RES" + struct.pack(">II", kind, len(data) if size is None else size) + data


def request(link: socket.socket) -> tuple[int, bytes]:
    """Read one whole request; return its type and data. Raises OSError when the peer closes."""
    head = _exactly(link, HEADER)
    kind, size = struct.unpack(">II", head[4:])
    return kind, _exactly(link, size)


def _exactly(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = link.recv(size - len(data))
        if not part:
            raise ConnectionError("closed")
        data += part
    return data


def _job(link: socket.socket) -> None:
    """Read up to the next job; echoes are answered, as a job server in good health would."""
    while True:
        kind, data = request(link)
        if kind != ECHO_REQ:
            return
        link.sendall(response(ECHO_RES, data))


def _wait_for_close(link: socket.socket) -> None:
    while link.recv(65536):
        pass


def answers(*parts: bytes, then_close: bool = True) -> Behaviour:
    """Return a behaviour: answer every job with these bytes, then close or fall silent."""

    def behave(link: socket.socket) -> None:
        _job(link)
        for part in parts:
            link.sendall(part)
        if not then_close:
            _wait_for_close(link)

    return behave


def never_answers(link: socket.socket) -> None:
    """Take every byte and say nothing, not even to an echo."""
    _wait_for_close(link)


def closes_at_once(link: socket.socket) -> None:
    """Close every connection as soon as it is there."""


def resets(link: socket.socket) -> None:
    """Reset the connection when the first bytes come."""
    link.recv(1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def talks_without_end(link: socket.socket) -> None:
    """Answer a job with one harmless packet after the other, for ever."""
    _job(link)
    _repeat(link, response(NOOP) * 100)


def dribbles(link: socket.socket) -> None:
    """Answer a job with one byte at a time, too slowly for any deadline."""
    _job(link)
    for byte in response(JOB_CREATED, HANDLE):
        time.sleep(0.3)
        link.sendall(bytes([byte]))


def garbage(link: socket.socket) -> None:
    """Answer a job with bytes that are no Gearman."""
    _job(link)
    _repeat(link, random.Random(4730).randbytes(65536))


def _repeat(link: socket.socket, data: bytes) -> None:
    end = time.monotonic() + LIFETIME
    while time.monotonic() < end:
        link.sendall(data)


class HostileJobServer:
    """Listens on 127.0.0.1 and gives every connection to a behaviour, in a thread."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._links: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in list(self._links):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._listener.accept()
                self._links.append(link)
                thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            link.settimeout(LIFETIME)
            self.behaviour(link)


class UnreachablePort:
    """A port that drops every attempt to connect: its listener's queue is full."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._waiting: list[socket.socket] = []

    def __enter__(self) -> Self:
        for _ in range(8):
            link = socket.socket()
            link.setblocking(False)
            link.connect_ex(self._listener.getsockname())
            self._waiting.append(link)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for link in (*self._waiting, self._listener):
            link.close()
