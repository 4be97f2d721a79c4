"""A worker for one or several job servers: many jobs in hand, one thread, one poll.

`Worker.jobs` returns what there is, `complete`, `fail` and `exception` queue the answers, and the
next `jobs` or `flush` sends them. Jobs of a connection that is lost go back to its job server by
themselves, so an answer to one of them is dropped here.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable, Sequence

from ..errors import LocalProtocolError
from .address import parse_address
from .connection import Clock, Connection
from .grabbing import GrabWindow
from .link import EventSink, Job, Link
from .packets import Packet
from .polling import poll
from .protocol import check_function, encode, header

#: GRAB_JOBs out at each job server. A thousand fill a batch without a wait at 60,000 jobs a second.
DEFAULT_IN_FLIGHT = 1000

#: Bytes of jobs taken from the sockets ahead of the caller; past it, TCP holds the rest back.
DEFAULT_BATCH_BYTES = 4 * 1024 * 1024

# The longest sleep in one poll, in seconds, when nothing is due: within what poll can count.
_LONGEST_WAIT = 3600.0


class Worker:
    """Takes jobs from `servers` (each `host[:port]`) for `functions`.

    `in_flight` bounds the GRAB_JOBs out at each job server and the jobs of one call of `jobs`; the
    next ones are asked for while the caller works, so up to twice as many are assigned.
    `batch_bytes` bounds, roughly, their bytes here. `client_id`, without white space, is what
    `gearadmin --workers` shows. `on_event(name, address, detail)` is told "connected", "lost" and
    "unreachable" (with the reason and when it is tried again) and "error" (an ERROR packet).
    `on_wake()` is called as soon as a job server says that it has jobs again, a round trip before
    they are here; `jobs` returns then. Not thread-safe.

    Raises ConfigError or LocalProtocolError when an address or a function name is unusable.
    """

    def __init__(
        self,
        servers: Sequence[str],
        functions: Sequence[str],
        *,
        in_flight: int = DEFAULT_IN_FLIGHT,
        batch_bytes: int = DEFAULT_BATCH_BYTES,
        client_id: str | None = None,
        clock: Clock = time.monotonic,
        on_event: EventSink | None = None,
        on_wake: Callable[[], None] | None = None,
        connect: Callable[..., Connection] = Connection,
    ) -> None:
        if not servers or not functions or in_flight < 1 or batch_bytes < 1:
            raise LocalProtocolError(
                "A worker needs a job server, a function, and limits of at least 1."
            )
        self._links = [
            Link(
                parse_address(text),
                _greeting(functions, client_id),
                lambda: GrabWindow(in_flight, batch_bytes),
                clock=clock,
                forget=self._forget,
                tell=on_event or (lambda name, address, detail: None),
                wake=self._wake,
                connect=connect,
            )
            for text in servers
        ]
        self._in_flight = in_flight
        self._batch_bytes = batch_bytes
        self._clock = clock
        self._on_wake = on_wake
        self._awake = False
        self._watched: list[int] = []
        self._ready: list[Job] = []
        self._ready_bytes = 0
        self._stopped = False

    # The life of a batch.

    def jobs(self, timeout: float | None = None) -> list[Job]:
        """Wait up to `timeout` seconds (None: for ever) for a job; return all there are by then.

        Returns [] at the timeout, when a watched descriptor is readable, after `on_wake`, or when
        stopped and idle.
        """
        deadline = None if timeout is None else self._clock() + timeout
        while True:
            read, woken = self._turn(0.0 if self._ready else self._patience(deadline))
            if self._ready:
                if read and len(self._ready) > 1 and self._has_room():
                    continue  # a burst; a job that comes alone is not kept waiting
                return self._hand_out()
            if woken or (self._stopped and self.idle):
                return []
            if deadline is not None and self._clock() >= deadline:
                return []

    def complete(self, jobs: Iterable[Job], data: bytes | Sequence[bytes] = b"") -> None:
        """Queue WORK_COMPLETE for `jobs`, with the same `data` for all or one item for each."""
        batch = list(jobs)
        if not isinstance(data, bytes):
            for job, item in zip(batch, data, strict=True):
                self._answer(Packet.WORK_COMPLETE, job, item)
            return
        tail = b"\0" + data
        heads = {
            size: header(Packet.WORK_COMPLETE, size + len(tail))
            for size in {len(job[1]) for job in batch}
        }
        for link in self._links:
            connection = link.connection
            if connection is not None:
                connection.queue(
                    b"".join(
                        [
                            heads[len(handle)] + handle + tail
                            for owner, handle, _, _ in batch
                            if owner is connection
                        ]
                    )
                )

    def fail(self, job: Job) -> None:
        """Queue WORK_FAIL; a background job is gone for good then."""
        self._answer(Packet.WORK_FAIL, job)

    def exception(self, job: Job, data: bytes) -> None:
        """Queue WORK_EXCEPTION with `data`; a background job is gone for good then."""
        self._answer(Packet.WORK_EXCEPTION, job, data)

    def data(self, job: Job, piece: bytes) -> None:
        """Queue WORK_DATA: a piece of the result, before the job is completed."""
        self._answer(Packet.WORK_DATA, job, piece)

    def held(self, job: Job) -> bool:
        """Say whether `job` is still ours; not so once its connection is lost."""
        return not job.connection.closed

    def flush(self, timeout: float = 0.0) -> bool:
        """Send what is queued, for up to `timeout` seconds; return whether all of it is sent."""
        deadline = self._clock() + timeout
        while True:
            waiting = {
                link.connection.fileno(): select.POLLOUT
                for link in self._links
                if link.send() and link.connection is not None
            }
            left = deadline - self._clock()
            if not waiting or left <= 0:
                return not waiting
            poll(waiting, min(left, _LONGEST_WAIT))

    def watch(self, fd: int) -> None:
        """Let `jobs` return when `fd` is readable. The caller reads it, or `jobs` never waits."""
        self._watched.append(fd)

    def unwatch(self, fd: int) -> None:
        """Watch `fd` no longer."""
        self._watched.remove(fd)

    @property
    def connected(self) -> list[str]:
        """The addresses of the job servers that have answered on their present connection."""
        return [str(link.address) for link in self._links if link.answered]

    # Stopping is: stop_grabbing, jobs until idle, complete, flush, close.

    def stop_grabbing(self) -> None:
        """Send no further GRAB_JOB and take no lost server again; `jobs` gives what is assigned."""
        self._stopped = True

    @property
    def idle(self) -> bool:
        """Whether all GRAB_JOBs are answered and all their jobs were handed out."""
        return not self._ready and not any(link.outstanding for link in self._links)

    def close(self) -> None:
        """Close all connections; the jobs in hand go back to their job servers."""
        self._stopped = True
        self._ready.clear()
        for link in self._links:
            link.close()

    # One turn: connect, ask, send, wait, read, judge.

    def _turn(self, wait: float) -> tuple[bool, bool]:
        """Return (jobs were read, the caller has something to look at)."""
        interest = dict.fromkeys(self._watched, select.POLLIN)
        by_fd: dict[int, Link] = {}
        reading = self._has_room()
        for link in self._links:
            if not self._stopped:
                link.open_if_due()
                link.ask()
            link.send()
            connection = link.connection
            if connection is not None and (events := connection.interest(reading=reading)):
                interest[connection.fileno()] = events
                by_fd[connection.fileno()] = link
        woken = read = False
        for fd, events in poll(interest, wait):
            turned = by_fd.get(fd)
            if turned is None:
                woken = True
                continue
            jobs, size = turned.serve(events)
            if jobs:
                self._ready += jobs
                self._ready_bytes += size
                read = True
        for link in self._links:
            link.judge(reading=reading)
        if self._awake:
            self._awake = False
            self._ask()
            if self._on_wake:
                self._on_wake()
                woken = True
        return read, woken

    def _wake(self) -> None:
        self._awake = True

    def _ask(self) -> None:
        """Have the next jobs sent while the caller does something else, so that both work."""
        if not self._stopped:
            for link in self._links:
                link.ask()
                link.send()

    def _patience(self, deadline: float | None) -> float:
        """Return the seconds until something has to be looked at."""
        if self._stopped and self.idle:
            return 0.0
        times = [
            due
            for link in self._links
            if (link.connection or not self._stopped) and (due := link.deadline()) is not None
        ]
        if deadline is not None:
            times.append(deadline)
        return min(max(0.0, min(times) - self._clock()), _LONGEST_WAIT) if times else _LONGEST_WAIT

    def _has_room(self) -> bool:
        return len(self._ready) < self._in_flight and self._ready_bytes < self._batch_bytes

    def _hand_out(self) -> list[Job]:
        batch, self._ready = self._ready[: self._in_flight], self._ready[self._in_flight :]
        self._ready_bytes = sum(len(job.workload) for job in self._ready)
        if len(batch) > 1 or not any(link.outstanding for link in self._links):
            self._ask()
        return batch

    def _forget(self, connection: Connection) -> None:
        """Drop the jobs of a lost connection that were not handed out."""
        self._ready = [job for job in self._ready if job.connection is not connection]
        self._ready_bytes = sum(len(job.workload) for job in self._ready)

    def _answer(self, packet: Packet, job: Job, *data: bytes) -> None:
        if not job.connection.closed:
            job.connection.queue(encode(packet, job.handle, *data))


def _greeting(functions: Sequence[str], client_id: str | None) -> bytes:
    """Return what a worker says first: who it is and what it can do."""
    packets = []
    if client_id is not None:
        if not client_id or any(character <= " " for character in client_id):
            raise LocalProtocolError(f"A client id has no white space: {client_id!r}.")
        packets.append(encode(Packet.SET_CLIENT_ID, client_id.encode()))
    packets += [encode(Packet.CAN_DO, check_function(name.encode())) for name in functions]
    return b"".join(packets)
