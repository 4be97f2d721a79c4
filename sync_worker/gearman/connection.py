"""One non-blocking TCP connection to a job server.

The owner polls `fileno()` for `interest()`, calls `advance()`, `read()` and `write()` when the poll
says so, and `check()` for the deadlines. They raise OSError when the connection cannot go on, and
RemoteProtocolError when the peer is no job server; the owner then closes it and keeps the reason.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable, Iterator

from .address import Address
from .protocol import DEFAULT_MAX_BODY_BYTES, Decoder

#: Seconds for the TCP connection to stand, all addresses of a name together.
CONNECT_TIMEOUT = 5.0

#: Seconds that the peer may refuse to take a byte of what is queued before it is given up.
WRITE_TIMEOUT = 30.0

#: Bytes asked of one recv. A thousand small jobs fit, so a batch costs one system call.
READ_BYTES = 256 * 1024

# A peer that vanished without a word (power, cable) is noticed after 30 + 3 * 10 seconds.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))

_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)

Clock = Callable[[], float]


class Connection:
    """A connection that is being made, open, or closed; never reopened.

    `active_at` is when the peer last sent something, or took more of what it was slow to take.
    `decoded_bytes` counts the bytes of all packets that `read` returned.

    A host name is resolved when the object is made, which blocks for as long as the resolver takes.
    Raises OSError when no address of the name can even be tried.
    """

    def __init__(
        self,
        address: Address,
        *,
        clock: Clock = time.monotonic,
        connect_timeout: float = CONNECT_TIMEOUT,
        write_timeout: float = WRITE_TIMEOUT,
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    ) -> None:
        self.address = address
        self.is_open = False
        self.closed = False
        self.active_at = clock()
        self.decoded_bytes = 0
        self._clock = clock
        self._connect_by = clock() + connect_timeout
        self._write_timeout = write_timeout
        self._blocked_since: float | None = None
        self._decoder = Decoder(max_body_bytes=max_body_bytes)
        self._out = bytearray()
        self._candidates: Iterator[tuple[int, tuple[object, ...]]] = iter(
            [
                (family, place)
                for family, _, _, _, place in socket.getaddrinfo(
                    address.host, address.port, type=socket.SOCK_STREAM
                )
            ]
        )
        self._socket = self._begin(OSError(errno.EADDRNOTAVAIL, "the name has no address"))

    def _begin(self, failure: OSError) -> socket.socket:
        """Start connecting to the next address that can be tried; `failure` is why not before."""
        for family, place in self._candidates:
            attempt = socket.socket(family, socket.SOCK_STREAM)
            attempt.setblocking(False)
            attempt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _KEEPALIVE:
                attempt.setsockopt(socket.IPPROTO_TCP, option, value)
            code = attempt.connect_ex(place)
            if code in _UNDER_WAY:
                return attempt
            attempt.close()
            failure = OSError(code, os.strerror(code))
        raise failure

    def fileno(self) -> int:
        """Return the descriptor to poll; it can change while the connection is being made."""
        return self._socket.fileno()

    @property
    def unsent(self) -> int:
        """Bytes that are queued and not yet with the kernel."""
        return len(self._out)

    def interest(self, *, reading: bool = True) -> int:
        """Return the poll events to wait for; 0 when there are none."""
        if not self.is_open:
            return select.POLLOUT
        return (select.POLLIN if reading else 0) | (select.POLLOUT if self._out else 0)

    def advance(self) -> bool:
        """Go on connecting after the poll said so; return whether the connection now stands."""
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._socket.close()
            self._socket = self._begin(OSError(code, os.strerror(code)))
            return False
        self.is_open = True
        self.active_at = self._clock()
        return True

    def queue(self, data: bytes) -> None:
        """Add bytes to be sent by the next `write`."""
        self._out += data

    def write(self) -> None:
        """Send what the kernel takes of what is queued, without waiting."""
        out = self._out
        if not out or not self.is_open:
            return
        try:
            sent = self._socket.send(out)
        except BlockingIOError:
            sent = 0
        del out[:sent]
        if not out and self._blocked_since is None:
            return  # the common case, without asking the clock
        if sent:
            self.active_at = self._blocked_since = self._clock()
        elif self._blocked_since is None:
            self._blocked_since = self._clock()
        if not out:
            self._blocked_since = None

    def read(self) -> list[tuple[int, bytes]]:
        """Return the packets that one recv completes, without waiting.

        Raises ConnectionResetError at end of stream.
        """
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return []
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "the job server closed the connection")
        self.active_at = self._clock()
        before = self._decoder.held
        packets = self._decoder.feed(data)
        self.decoded_bytes += before + len(data) - self._decoder.held
        return packets

    def deadline(self) -> float | None:
        """Return when `check` will raise if nothing happens before; None for never."""
        if not self.is_open:
            return self._connect_by
        if self._blocked_since is not None:
            return self._blocked_since + self._write_timeout
        return None

    def check(self) -> None:
        """Raise TimeoutError if connecting or sending has taken too long."""
        deadline = self.deadline()
        if deadline is None or self._clock() < deadline:
            return
        if not self.is_open:
            raise TimeoutError(errno.ETIMEDOUT, "connecting took too long")
        raise TimeoutError(
            errno.ETIMEDOUT, f"it has taken no bytes for {self._write_timeout:g} seconds"
        )

    def close(self) -> None:
        """Close the socket; what is queued is dropped. Closing twice is allowed."""
        self.closed = True
        self.is_open = False
        self._out.clear()
        self._socket.close()
