"""What a client has asked on one connection, and which answer belongs to what; without I/O.

JOB_CREATED, ERROR and ECHO_RES carry nothing that names the request, but come in the order of the
requests. What follows a JOB_CREATED carries the handle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal, NamedTuple

from ..errors import GearmanError, LocalProtocolError, RemoteProtocolError
from .failures import RequestRefused, WorkFailed
from .packets import MAX_UNIQUE_BYTES, Packet
from .protocol import check_function, encode, split

Priority = Literal["high", "normal", "low"]

_SUBMIT: dict[tuple[str, bool], Packet] = {
    ("high", False): Packet.SUBMIT_JOB_HIGH,
    ("high", True): Packet.SUBMIT_JOB_HIGH_BG,
    ("normal", False): Packet.SUBMIT_JOB,
    ("normal", True): Packet.SUBMIT_JOB_BG,
    ("low", False): Packet.SUBMIT_JOB_LOW,
    ("low", True): Packet.SUBMIT_JOB_LOW_BG,
}

_IGNORED = (Packet.WORK_STATUS, Packet.WORK_WARNING)


class Task(NamedTuple):
    """One job to submit. `unique` has at most 63 bytes; the job server runs equal ones once."""

    function: bytes
    workload: bytes = b""
    unique: bytes = b""
    priority: Priority = "normal"
    background: bool = False


class Result(NamedTuple):
    """What became of a task.

    `data` is the worker's result (empty for a background task), `handle` the job server's name for
    the job (empty if it has none), `error` what went wrong, or None.
    """

    data: bytes = b""
    handle: bytes = b""
    error: GearmanError | None = None


class _Asked(NamedTuple):
    token: int
    answer: Packet
    task: Task | None


class _Running:
    """A job that runs for us. Tasks with one unique share a job, and each gets its answers."""

    def __init__(self, function: bytes) -> None:
        self.function = function
        self.tokens: list[int] = []
        self.pieces: list[bytes] = []
        self.copies_due = 0


def encode_task(task: Task) -> bytes:
    """Return the packet that submits `task`; raise LocalProtocolError if it cannot be sent."""
    packet = _SUBMIT.get((task.priority, task.background))
    if packet is None:
        raise LocalProtocolError(f"The priority is high, normal or low, not {task.priority!r}.")
    if len(task.unique) > MAX_UNIQUE_BYTES:
        raise LocalProtocolError(
            f"A unique has at most {MAX_UNIQUE_BYTES} bytes, this one {len(task.unique)}."
        )
    return encode(packet, check_function(task.function), task.unique, task.workload)


class Conversation:
    """Tokens of requests in, (token, Result) out.

    `address` is named in errors. `outstanding` counts the requests without a result.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._asked: deque[_Asked] = deque()
        self._running: dict[bytes, _Running] = {}
        self.outstanding = 0

    @property
    def unacknowledged(self) -> int:
        """Requests that have had no answer at all."""
        return len(self._asked)

    def acknowledged(self, token: int) -> bool:
        """Say whether the job server has answered this request in any way."""
        return all(asked.token != token for asked in self._asked)

    @property
    def unanswered(self) -> list[int]:
        """The tokens of all requests without a result."""
        running = [token for job in self._running.values() for token in job.tokens]
        return running + [asked.token for asked in self._asked]

    def submit(self, token: int, task: Task) -> bytes:
        """Return the bytes that submit `task`."""
        data = encode_task(task)
        self._ask(token, Packet.JOB_CREATED, task)
        return data

    def echo(self, token: int, payload: bytes) -> bytes:
        """Return the bytes that ask for an echo."""
        self._ask(token, Packet.ECHO_RES)
        return encode(Packet.ECHO_REQ, payload)

    def option(self, token: int, name: bytes) -> bytes:
        """Return the bytes that switch on an option of the connection."""
        self._ask(token, Packet.OPTION_RES)
        return encode(Packet.OPTION_REQ, name)

    def _ask(self, token: int, answer: Packet, task: Task | None = None) -> None:
        self._asked.append(_Asked(token, answer, task))
        self.outstanding += 1

    def receive(self, packets: Iterable[tuple[int, bytes]]) -> list[tuple[int, Result]]:
        """Return the results that `packets` bring.

        Raises RemoteProtocolError on an answer to nothing that was asked.
        """
        results: list[tuple[int, Result]] = []
        for number, body in packets:
            if number == Packet.JOB_CREATED:
                asked = self._next(number)
                if asked.task is None or asked.task.background:
                    results.append((asked.token, Result(handle=body)))
                else:
                    job = self._running.setdefault(body, _Running(asked.task.function))
                    job.tokens.append(asked.token)
            elif number in (Packet.ECHO_RES, Packet.OPTION_RES):
                results.append((self._next(number).token, Result(body)))
            elif number == Packet.ERROR:
                code, text = split(number, body)
                refused = RequestRefused(self._address, code, text)
                results.append((self._next(number).token, Result(error=refused)))
            else:
                results += self._work(number, split(number, body))
        self.outstanding -= len(results)
        return results

    def _next(self, number: int) -> _Asked:
        """Return the oldest request that is not acknowledged; `number` must answer it."""
        if not self._asked or number not in (self._asked[0].answer, Packet.ERROR):
            raise RemoteProtocolError(
                f"The job server sent {Packet(number).name}, which answers nothing that was asked."
            )
        return self._asked.popleft()

    def _work(self, number: int, arguments: list[bytes]) -> list[tuple[int, Result]]:
        """Return the result, if any, that a packet about a running job brings."""
        if number in _IGNORED:
            return []
        if number not in (
            Packet.WORK_DATA,
            Packet.WORK_COMPLETE,
            Packet.WORK_FAIL,
            Packet.WORK_EXCEPTION,
        ):
            raise RemoteProtocolError(
                f"The job server sent a client the packet {Packet(number).name}."
            )
        handle = arguments[0]
        job = self._running.get(handle)
        if job is None:  # the WORK_FAIL that some job servers send after a WORK_EXCEPTION
            return []
        if number == Packet.WORK_DATA:
            # One copy comes for each of our tasks that shares the job, all in a row.
            if not job.copies_due:
                job.copies_due = len(job.tokens)
                job.pieces.append(arguments[1])
            job.copies_due -= 1
            return []
        token = job.tokens.pop(0)
        if not job.tokens:
            del self._running[handle]
        if number == Packet.WORK_COMPLETE:
            return [(token, Result(b"".join([*job.pieces, arguments[1]]), handle))]
        data = arguments[1] if number == Packet.WORK_EXCEPTION else None
        return [(token, Result(handle=handle, error=WorkFailed(job.function, handle, data)))]
