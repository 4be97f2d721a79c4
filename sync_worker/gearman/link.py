"""A worker's standing with one job server: connecting, asking, receiving, and trying again.

Nothing here waits; `Worker` polls and calls. A failure of the connection never leaves this module
as an exception: the connection is closed, its owner told, and the next attempt scheduled.
"""

from __future__ import annotations

import random
import select
from collections.abc import Callable
from typing import NamedTuple

from ..errors import RemoteProtocolError
from .address import Address
from .connection import Clock, Connection
from .grabbing import GrabWindow
from .packets import Packet
from .protocol import encode, split

#: Seconds before a lost job server is tried again: doubled at each failure, less up to a half.
FIRST_RETRY_DELAY = 0.1
LAST_RETRY_DELAY = 5.0

#: Seconds that a job server may leave a GRAB_JOB unanswered before it is given up.
ANSWER_TIMEOUT = 30.0

#: No GRAB_JOB is added behind this many bytes that the job server has not taken.
UNSENT_BYTES = 1024 * 1024

_GRAB = encode(Packet.GRAB_JOB)
_PRE_SLEEP = encode(Packet.PRE_SLEEP)
_ASSIGN = int(Packet.JOB_ASSIGN)
_NO_JOB = int(Packet.NO_JOB)

EventSink = Callable[[str, str, str], None]


class Job(NamedTuple):
    """One job in hand; `handle` means something only on its own `connection`."""

    connection: Connection
    handle: bytes
    function: bytes
    workload: bytes


class Link:
    """One job server of a worker's list.

    `greeting` is sent first on every connection. `forget` is told of each connection that is lost,
    since its jobs go back to the job server; `tell` gets the events that `Worker` documents; `wake`
    is called when it says that there are jobs again.
    """

    def __init__(
        self,
        address: Address,
        greeting: bytes,
        new_window: Callable[[], GrabWindow],
        *,
        clock: Clock,
        forget: Callable[[Connection], None],
        tell: EventSink,
        wake: Callable[[], None],
        connect: Callable[..., Connection] = Connection,
    ) -> None:
        self.address = address
        self.connection: Connection | None = None
        self.answered = False
        self._greeting = greeting
        self._new_window = new_window
        self._window = new_window()
        self._clock = clock
        self._forget = forget
        self._tell = tell
        self._wake = wake
        self._connect = connect
        self._asked_at = 0.0
        self._delay = 0.0
        self._retry_at: float | None = None

    @property
    def outstanding(self) -> int:
        """GRAB_JOBs on the present connection that are not answered."""
        return self._window.outstanding if self.connection is not None else 0

    def open_if_due(self) -> None:
        """Begin to connect if there is no connection and the delay is over."""
        if self.connection is not None:
            return
        if self._retry_at is not None and self._clock() < self._retry_at:
            return
        self._window = self._new_window()
        try:
            self.connection = self._connect(self.address, clock=self._clock)
        except OSError as error:
            self._leave(error)

    def ask(self) -> None:
        """Queue as many GRAB_JOBs as are due."""
        connection = self.connection
        if connection is None or not connection.is_open or connection.unsent >= UNSENT_BYTES:
            return
        if not self._window.outstanding:
            self._asked_at = self._clock()
        connection.queue(_GRAB * self._window.take())

    def send(self) -> bool:
        """Send what the kernel takes; return whether bytes are left to send."""
        connection = self.connection
        if connection is None or not connection.is_open or not connection.unsent:
            return False
        try:
            connection.write()
        except OSError as error:
            self._leave(error)
            return False
        return connection.unsent > 0

    def serve(self, events: int) -> tuple[list[Job], int]:
        """Act on poll `events`; return the jobs that came and the bytes they took."""
        connection = self.connection
        if connection is None:
            return [], 0
        try:
            if not connection.is_open:
                if connection.advance():
                    connection.queue(self._greeting)
            elif events & ~select.POLLOUT:
                return self._receive(connection)
        except (OSError, RemoteProtocolError) as error:
            self._leave(error)
        return [], 0

    def _receive(self, connection: Connection) -> tuple[list[Job], int]:
        """Sort the packets of one read into jobs and answers without one."""
        before = connection.decoded_bytes
        packets = connection.read()
        jobs: list[Job] = []
        empty = 0
        last_empty = noop = False
        for number, body in packets:
            if number == _ASSIGN:
                try:
                    handle, function, workload = body.split(b"\0", 2)
                except ValueError:
                    split(number, body)  # raises the error that says what is missing
                    raise
                jobs.append(Job(connection, handle, function, workload))
                last_empty = False
            elif number == _NO_JOB:
                empty += 1
                last_empty = True
            elif number == Packet.NOOP:
                noop = True
            elif number == Packet.ERROR:
                code, text = split(number, body)
                self._tell("error", str(self.address), f"{code!r}: {text!r}")
            else:
                raise RemoteProtocolError(
                    f"The job server sent a worker the packet {Packet(number).name}."
                )
        size = connection.decoded_bytes - before
        if jobs or empty:
            if self._window.answered(len(jobs), size, empty, last_empty=last_empty):
                connection.queue(_PRE_SLEEP)
        elif noop:
            self._window.woken()
            self._wake()
        if packets and not self.answered:
            self.answered = True
            self._delay = 0.0
            self._tell("connected", str(self.address), "the job server answers")
        return jobs, size if jobs else 0

    def judge(self, *, reading: bool) -> None:
        """Leave a job server whose time is up; `reading` says if its answers were looked for."""
        connection, deadline = self.connection, self.deadline()
        if connection is None or deadline is None or self._clock() < deadline:
            return
        try:
            connection.check()
            if reading and self.outstanding:
                raise TimeoutError(f"it has not answered for {ANSWER_TIMEOUT:g} seconds")
        except OSError as error:
            self._leave(error)

    def deadline(self) -> float | None:
        """Return when this link has to be looked at again if nothing happens; None for never."""
        if self.connection is None:
            return self._retry_at
        deadline = self.connection.deadline()
        if deadline is None and self.outstanding:
            return max(self.connection.active_at, self._asked_at) + ANSWER_TIMEOUT
        return deadline

    def _leave(self, error: Exception) -> None:
        """Close the connection and set the time of the next attempt."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
            self._forget(connection)
        self._delay = min(max(self._delay * 2, FIRST_RETRY_DELAY), LAST_RETRY_DELAY)
        delay = self._delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads out reconnects
        self._retry_at = self._clock() + delay
        name = "lost" if self.answered else "unreachable"
        self.answered = False
        self._tell(name, str(self.address), f"{error}; trying again in {delay:.2f} s")

    def close(self) -> None:
        """Close the connection for good."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None
