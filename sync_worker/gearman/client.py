"""A client: submits jobs to the first job server of a list that can be reached.

Foreground and background, three priorities, one at a time or many. One thread, one connection.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from ..errors import (
    GearmanError,
    JobServerUnavailable,
    LocalProtocolError,
    RemoteProtocolError,
)
from .address import Address, parse_address
from .connection import Clock, Connection
from .conversation import Conversation, Priority, Result, Task
from .failures import JobTimedOut
from .polling import poll

#: Seconds to wait for a result.
DEFAULT_TIMEOUT = 60.0

#: Seconds for one job server to take the connection and answer on it.
DEFAULT_CONNECT_TIMEOUT = 2.0

#: Seconds that a job server may leave a request unacknowledged before it counts as gone.
DEFAULT_ANSWER_TIMEOUT = 10.0

#: Tasks without a result that `submit_many` keeps on the connection, and bytes not yet sent.
DEFAULT_IN_FLIGHT = 1000
UNSENT_BYTES = 1024 * 1024

_HANDSHAKE = 0


class Client:
    """Submits jobs to one of `servers` (each `host[:port]`), the next when one is unreachable.

    Connects at the first use and stays with a job server while it answers. When the connection is
    lost, every task without a result gets JobServerUnavailable as its error: it may have run or
    not, and is not sent again by itself. Not thread-safe; not to be shared across a fork.
    """

    def __init__(
        self,
        servers: Sequence[str],
        *,
        timeout: float = DEFAULT_TIMEOUT,
        connect_timeout: float = DEFAULT_CONNECT_TIMEOUT,
        answer_timeout: float = DEFAULT_ANSWER_TIMEOUT,
        clock: Clock = time.monotonic,
    ) -> None:
        if not servers:
            raise LocalProtocolError("A client needs at least one job server.")
        self._addresses = [parse_address(text) for text in servers]
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._answer_timeout = answer_timeout
        self._clock = clock
        self._current = 0
        self._connection: Connection | None = None
        self._conversation = Conversation("")
        self._asked_at = 0.0
        self._last_token = _HANDSHAKE
        self._results: dict[int, Result] = {}
        self._forgotten: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # One job at a time.

    def submit(
        self,
        function: bytes,
        workload: bytes = b"",
        *,
        unique: bytes = b"",
        priority: Priority = "normal",
        background: bool = False,
        timeout: float | None = None,
    ) -> bytes:
        """Submit one job; return its result, or for a background job its handle.

        Raises LocalProtocolError for a task that cannot be sent, JobServerUnavailable when no job
        server takes it or the connection is lost, JobServerError when the job server refuses,
        JobFailed when the worker does, JobTimedOut when no result comes in `timeout` seconds.
        """
        token = self.send(Task(function, workload, unique, priority, background))
        result = self._await(token, self._timeout if timeout is None else timeout)
        return result.handle if background else result.data

    def echo(self, data: bytes, timeout: float | None = None) -> bytes:
        """Have the job server send `data` back: shows that it is there and answers."""
        self._connect()
        token = self._queue(lambda token: self._conversation.echo(token, data))
        return self._await(token, self._answer_timeout if timeout is None else timeout).data

    # Many jobs at once.

    def submit_many(
        self,
        tasks: Iterable[Task],
        *,
        in_flight: int = DEFAULT_IN_FLIGHT,
        timeout: float | None = None,
    ) -> Iterator[tuple[Task, Result]]:
        """Submit `tasks` as results make room; yield each with its result, as results come.

        What goes wrong with one task is its result's error, also `timeout` seconds without any
        result. When no job server can be reached, the tasks already taken from `tasks` are yielded
        as failed, then JobServerUnavailable is raised. Do not call `wait` between.
        """
        patience = self._timeout if timeout is None else timeout
        source = iter(tasks)
        waiting: dict[int, Task] = {}
        more = True
        try:
            while more or waiting:
                while more and len(waiting) < in_flight and self.unsent < UNSENT_BYTES:
                    task = next(source, None)
                    if task is None:
                        more = False
                        break
                    try:
                        waiting[self._submit(task)] = task
                    except LocalProtocolError as error:
                        yield task, Result(error=error)
                    except JobServerUnavailable as error:
                        yield from self._collect(waiting)
                        yield task, Result(error=error)
                        raise
                if waiting:
                    yield from self._next_results(waiting, patience)
        finally:
            self._forget(waiting)

    def _next_results(
        self, waiting: dict[int, Task], patience: float
    ) -> Iterator[tuple[Task, Result]]:
        deadline = self._clock() + patience
        while not any(token in waiting for token in self._results):
            if not self._pump(deadline):
                error = JobTimedOut(f"No result came for {patience:g} seconds.")
                self._forget(waiting)
                late = list(waiting.values())
                waiting.clear()
                yield from ((task, Result(error=error)) for task in late)
                return
        yield from self._collect(waiting)

    def _collect(self, waiting: dict[int, Task]) -> Iterator[tuple[Task, Result]]:
        """Yield the tasks of `waiting` that have a result, and take them out."""
        for token in [token for token in self._results if token in waiting]:
            yield waiting.pop(token), self._results.pop(token)

    # The same by hand: several jobs out, and something else to do meanwhile.

    def send(self, task: Task) -> int:
        """Submit `task` without waiting for its result; return the token `wait` will name.

        What the job server does not take at once is sent by `wait`. Raises LocalProtocolError, or
        JobServerUnavailable when no job server can be reached.
        """
        token = self._submit(task)
        self._guarded(lambda connection: connection.write())
        return token

    def wait(self, timeout: float | None = None) -> list[tuple[int, Result]]:
        """Return the results that have come, waiting up to `timeout` seconds (None: the client's).

        Returns [] at the timeout, and at once when nothing is out. A lost connection is the error
        of each of its tasks.
        """
        deadline = self._clock() + (self._timeout if timeout is None else timeout)
        while not self._results and self.outstanding and self._pump(deadline):
            pass
        results = list(self._results.items())
        self._results.clear()
        return results

    @property
    def outstanding(self) -> int:
        """How many requests are out without a result."""
        return self._conversation.outstanding - len(self._forgotten)

    def fileno(self) -> int | None:
        """Return the descriptor that turns readable when results come; None if not connected."""
        return None if self._connection is None else self._connection.fileno()

    @property
    def address(self) -> str | None:
        """The job server in use, or None."""
        return None if self._connection is None else str(self._connection.address)

    def close(self) -> None:
        """Close the connection. Results that have not come are given up without a word."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._conversation = Conversation("")
        self._results.clear()
        self._forgotten.clear()

    # Connecting.

    def _connect(self) -> None:
        """See that there is a connection, trying every job server once."""
        if self._connection is not None:
            return
        tried: list[str] = []
        for _ in self._addresses:
            address = self._addresses[self._current]
            try:
                self._connection = self._open(address)
            except (OSError, GearmanError) as error:
                tried.append(f"{address}: {error}")
                self._current = (self._current + 1) % len(self._addresses)
            else:
                return
        raise JobServerUnavailable(
            "No job server could be reached; check that gearmand runs and its address. Tried "
            + "; ".join(tried)
        )

    def _open(self, address: Address) -> Connection:
        """Connect and have one request answered, which shows a job server and not just a port."""
        deadline = self._clock() + self._connect_timeout
        connection = Connection(address, clock=self._clock, connect_timeout=self._connect_timeout)
        conversation = Conversation(str(address))
        connection.queue(conversation.option(_HANDSHAKE, b"exceptions"))
        try:
            while conversation.unacknowledged:
                events = _poll_or_raise(connection, deadline - self._clock())
                if not connection.is_open:
                    connection.advance()
                elif events & ~select.POLLOUT:
                    conversation.receive(connection.read())
                connection.write()
        except BaseException:
            connection.close()
            raise
        self._conversation = conversation
        return connection

    # Sending and receiving.

    def _submit(self, task: Task) -> int:
        self._connect()
        return self._queue(lambda token: self._conversation.submit(token, task))

    def _queue(self, request: Callable[[int], bytes]) -> int:
        """Queue the bytes that `request` gives for a new token."""
        token = self._last_token + 1
        data = request(token)
        if self._connection is not None:
            if self._conversation.unacknowledged == 1:
                self._asked_at = self._clock()
            self._connection.queue(data)
        self._last_token = token
        return token

    @property
    def unsent(self) -> int:
        """Bytes that the job server has not taken yet; `wait` sends them."""
        return 0 if self._connection is None else self._connection.unsent

    def _await(self, token: int, timeout: float) -> Result:
        """Return the result of one request, or raise its error."""
        deadline = self._clock() + timeout
        while token not in self._results:
            if self._pump(deadline):
                continue
            if not self._conversation.acknowledged(token):
                self._lose(f"no answer within {timeout:g} seconds")
                continue
            self._forget([token])
            raise JobTimedOut(f"No result came within {timeout:g} seconds; the job may still run.")
        result = self._results.pop(token)
        if result.error is not None:
            raise result.error
        return result

    def _pump(self, deadline: float) -> bool:
        """Send and receive once, waiting until `deadline`; return False when that has passed."""
        connection = self._connection
        if connection is None:
            return False
        self._guarded(lambda connection: connection.write())
        if connection.closed:
            return True
        due = self._silence_deadline(connection)
        now = self._clock()
        events = _poll(connection, min(deadline, due or deadline) - now)
        if events & ~select.POLLOUT:
            self._guarded(lambda connection: self._receive(connection.read()))
        elif events:
            self._guarded(lambda connection: connection.write())
        elif due is not None and self._clock() >= due:
            self._lose(f"no answer within {self._answer_timeout:g} seconds")
        else:
            return self._clock() < deadline
        return True

    def _silence_deadline(self, connection: Connection) -> float | None:
        """Return when the job server counts as gone if it stays silent; None if it owes nothing."""
        if connection.unsent:
            return connection.deadline()
        if self._conversation.unacknowledged:
            return max(connection.active_at, self._asked_at) + self._answer_timeout
        return None

    def _receive(self, packets: list[tuple[int, bytes]]) -> None:
        for token, result in self._conversation.receive(packets):
            if token in self._forgotten:
                self._forgotten.discard(token)
            else:
                self._results[token] = result

    def _forget(self, tokens: Iterable[int]) -> None:
        """Let the results of `tokens` be dropped when they come."""
        for token in tokens:
            if self._results.pop(token, None) is None:
                self._forgotten.add(token)

    def _guarded(self, action: Callable[[Connection], None]) -> None:
        """Do `action` with the connection; if that fails, give it up."""
        if self._connection is None:
            return
        try:
            action(self._connection)
        except (OSError, RemoteProtocolError) as error:
            self._lose(str(error))

    def _lose(self, reason: str) -> None:
        """Close the connection and fail what had no result; the next job server is next."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        connection.close()
        error = JobServerUnavailable(
            f"The connection to the job server {connection.address} was lost: {reason}. "
            "The job may have run or not; send it again."
        )
        for token in self._conversation.unanswered:
            if token not in self._forgotten:
                self._results[token] = Result(error=error)
        self._forgotten.clear()
        self._conversation = Conversation("")
        self._current = (self._current + 1) % len(self._addresses)


def _poll(connection: Connection, seconds: float) -> int:
    """Wait for the connection; return the poll events, 0 at the timeout."""
    for _, events in poll({connection.fileno(): connection.interest()}, seconds):
        return events
    return 0


def _poll_or_raise(connection: Connection, seconds: float) -> int:
    """Wait for the connection; return the poll events; raise TimeoutError when there are none."""
    events = _poll(connection, seconds)
    if not events:
        raise TimeoutError("it did not answer in time")
    return events
