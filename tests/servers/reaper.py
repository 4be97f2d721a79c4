"""No server outlives the process that started it: the kernel ends it, or atexit does."""

from __future__ import annotations

import atexit
import contextlib
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servers.base import Server

# The kernel watches the thread that started the server, so start servers from the main thread or
# from one that lives as long as the server should. setpriv gives its pid to the server.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")

_running: weakref.WeakSet[Server] = weakref.WeakSet()


def remember(server: Server) -> None:
    """End this server at exit if nobody else has."""
    _running.add(server)


def forget(server: Server) -> None:
    """This server has ended."""
    _running.discard(server)


@atexit.register
def _end_all() -> None:
    for server in list(_running):
        with contextlib.suppress(Exception):
            server.close()
