"""Workers that answer from a thread, and peers that are no job server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from threaded_worker import AnsweringWorker, reverse


@pytest.fixture
def answering() -> Iterator[Callable[..., AnsweringWorker]]:
    """Start workers in threads: answering(servers, functions, answer=reverse, **options)."""
    started: list[AnsweringWorker] = []

    def start(servers, functions, answer=reverse, **options):
        started.append(AnsweringWorker(servers, functions, answer, options))
        return started[-1]

    yield start
    for worker in started:
        worker.stop()


@pytest.fixture
def peer() -> Iterator[Callable[..., str]]:
    """Listen on a port as something else: peer(says, closes) returns host:port.

    Each connection is sent `says` and closed if `closes`, else left alone.
    """
    listeners: list[socket.socket] = []
    accepted: list[socket.socket] = []

    def listen(says: bytes = b"", *, closes: bool = False) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    accepted.append(link)
                    with suppress(OSError):
                        link.sendall(says)
                        if closes:
                            link.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield listen
    for one in [*listeners, *accepted]:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
