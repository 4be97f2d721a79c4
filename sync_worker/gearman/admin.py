"""The text commands of a job server: what it has queued, and who works for it."""

from __future__ import annotations

import socket
import time
from typing import NamedTuple, TypeVar

from ..errors import JobServerUnavailable, RemoteProtocolError
from .address import parse_address
from .failures import RequestRefused

#: Seconds for one command, connecting included.
DEFAULT_TIMEOUT = 5.0

#: The longest answer read: a line for each of a million jobs fits.
MAX_ANSWER_BYTES = 128 * 1024 * 1024

_END = b".\n"
_READ_BYTES = 65536

T = TypeVar("T")


class FunctionStatus(NamedTuple):
    """One function: jobs queued (the running ones included), jobs running, workers able."""

    function: str
    queued: int
    running: int
    workers: int


class PriorityStatus(NamedTuple):
    """One function: jobs queued by priority, and workers able."""

    function: str
    high: int
    normal: int
    low: int
    workers: int


class WorkerInfo(NamedTuple):
    """One connection of the job server, and the functions it can do: none for a client."""

    fd: int
    address: str
    client_id: str
    functions: tuple[str, ...]


class JobInfo(NamedTuple):
    """One job: how often it was retried, whether it is ignored, and whether it waits in a queue."""

    handle: str
    retries: int
    ignored: bool
    queued: bool


class Admin:
    """Asks the job server at `address` (`host[:port]`); each command has its own connection.

    Every method raises JobServerUnavailable when the job server cannot be reached or does not
    answer within `timeout` seconds, RemoteProtocolError when the answer is not a job server's, and
    JobServerError when it refuses the command.
    """

    def __init__(self, address: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._address = parse_address(address)
        self._timeout = timeout

    def status(self) -> list[FunctionStatus]:
        """Return the state of every function that the job server knows."""
        return [
            FunctionStatus(name, *self._numbers(line, counts, 3))
            for line in self._lines("status")
            for name, *counts in [line.split("\t")]
        ]

    def priority_status(self) -> list[PriorityStatus]:
        """Return the queue of every function by priority."""
        return [
            PriorityStatus(name, *self._numbers(line, counts, 4))
            for line in self._lines("prioritystatus")
            for name, *counts in [line.split("\t")]
        ]

    def workers(self) -> list[WorkerInfo]:
        """Return every connection of the job server."""
        found = []
        for line in self._lines("workers"):
            # "FD ADDRESS CLIENT-ID : FUNCTION ...": an IPv6 address has colons of its own.
            head, colon, functions = line.partition(" :")
            fields = head.split(" ")
            if not colon or len(fields) != 3:
                raise self._foreign(line)
            if (
                fields[0] == "-1"
            ):  # closed, not yet forgotten: gearmand lists it until its next turn
                continue
            fd = self._numbers(line, fields[:1], 1)[0]
            found.append(WorkerInfo(fd, fields[1], fields[2], tuple(functions.split())))
        return found

    def show_jobs(self) -> list[JobInfo]:
        """Return every job, queued or running."""
        found = []
        for line in self._lines("show jobs"):
            handle, *fields = line.split("\t")
            retries, ignored, queued = self._numbers(line, fields, 3)
            found.append(JobInfo(handle, retries, bool(ignored), bool(queued)))
        return found

    def version(self) -> str:
        """Return the version of the job server."""
        line = self._ask("version", b"\n").decode("utf-8", "replace").rstrip("\r\n")
        word, _, version = line.partition(" ")
        if word != "OK" or not version:
            raise self._foreign(line)
        return version

    def _lines(self, command: str) -> list[str]:
        answer = self._ask(command, _END)
        return answer[: -len(_END)].decode("utf-8", "replace").splitlines()

    def _ask(self, command: str, end: bytes) -> bytes:
        """Send one command; return the answer, which ends with the line `end`."""
        deadline = time.monotonic() + self._timeout
        answer = bytearray()
        try:
            with socket.create_connection(self._address, self._timeout) as link:
                link.sendall(command.encode() + b"\n")
                while not self._complete(command, answer, end):
                    link.settimeout(max(0.001, deadline - time.monotonic()))
                    data = link.recv(_READ_BYTES)
                    if not data:
                        raise self._foreign(bytes(answer[:80]).decode("utf-8", "replace"))
                    answer += data
                    if time.monotonic() > deadline:
                        raise TimeoutError("timed out")
        except OSError as error:
            raise JobServerUnavailable(
                f"The job server {self._address} did not answer {command!r} within "
                f"{self._timeout:g} seconds: {error}. Check that gearmand runs and its address."
            ) from error
        return bytes(answer)

    def _complete(self, command: str, answer: bytearray, end: bytes) -> bool:
        """Say whether the answer is whole; raise if it is a refusal or cannot be an answer."""
        if answer.startswith(b"ERR ") and answer.endswith(b"\n"):
            code, _, text = bytes(answer[4:-1]).strip().partition(b" ")
            raise RequestRefused(str(self._address), code, text.replace(b"+", b" "))
        if len(answer) > MAX_ANSWER_BYTES or b"\0" in answer[:_READ_BYTES]:
            raise self._foreign(f"{len(answer)} bytes in answer to {command!r}")
        if end == _END:
            return answer == _END or answer.endswith(b"\n" + _END)
        return answer.endswith(end)

    def _numbers(self, line: str, fields: list[str], count: int) -> list[int]:
        if len(fields) != count or not all(f.isascii() and f.isdigit() for f in fields):
            raise self._foreign(line)
        return [int(field) for field in fields]

    def _foreign(self, answer: str) -> RemoteProtocolError:
        return RemoteProtocolError(
            f"What answers at {self._address} is no job server; it said {answer[:80]!r}. "
            "Check the address and port."
        )
