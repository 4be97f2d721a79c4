"""Ports from the kernel, and who listens on them."""

from __future__ import annotations

import contextlib
import enum
import socket
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"
LISTEN = "0A"  # TCP_LISTEN as /proc/net/tcp writes it


class Listener(enum.Enum):
    """Who listens on a port, seen from one process."""

    NOBODY = enum.auto()
    SELF = enum.auto()
    OTHER = enum.auto()


def free_port() -> int:
    """Return a TCP port on which nothing listened a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def bindable(port: int) -> bool:
    """Whether a server could listen on a port; the far end of a client's connection may hold it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def listener(port: int, pid: int) -> Listener:
    """Return who listens on a TCP port (IPv4): nobody, the process pid, or another one."""
    listening = {f"socket:[{inode}]" for inode in _listening(port)}
    if not listening:
        return Listener.NOBODY
    return Listener.SELF if listening & set(_open_files(pid)) else Listener.OTHER


def _listening(port: int) -> Iterator[str]:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, state, inode = fields[1], fields[3], fields[9]
        if state == LISTEN and int(local.rpartition(":")[2], 16) == port:
            yield inode


def _open_files(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(descriptor.readlink())
