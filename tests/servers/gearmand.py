"""gearmand, the job server."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from servers.base import Server, find_program

PING_TIMEOUT = 2.0  # seconds
MANY_LINES = {"status", "workers", "prioritystatus", "show"}  # their answers end with a dot


class Gearmand(Server):
    """A gearmand with an empty queue; extra arguments as gearmand takes them."""

    name = "gearmand"

    def __init__(
        self,
        *arguments: str,
        verbose: str = "NOTICE",
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory, environment)
        self.arguments = arguments
        self.verbose = verbose

    def command(self) -> Sequence[str]:
        program = find_program("gearmand", "gearman-job-server")
        fixed = ["-L", self.host, "-p", str(self.port), "-l", "stderr"]
        return [program, *fixed, f"--verbose={self.verbose}", *self.arguments]

    def ping(self) -> None:
        if not self.admin("version").startswith("OK"):
            raise ConnectionError("gearmand does not answer to version")

    def admin(self, command: str) -> str:
        """Return the answer to one line of the admin protocol, without its closing dot.

        Raises OSError when the job server does not answer.
        """
        many = command.split(maxsplit=1)[0] in MANY_LINES
        answer = b""
        with socket.create_connection((self.host, self.port), PING_TIMEOUT) as link:
            link.sendall(command.encode() + b"\n")
            while not _complete(answer, many):
                part = link.recv(65536)
                if not part:
                    raise ConnectionError("gearmand closed the admin connection")
                answer += part
        return answer.removesuffix(b".\n").decode()

    def queued(self, function: str) -> int:
        """Return how many jobs of a function wait or run here; 0 for one it has not heard of."""
        for line in self.admin("status").splitlines():
            name, total, _running, _workers = line.split("\t")
            if name == function:
                return int(total)
        return 0


def _complete(answer: bytes, many: bool) -> bool:
    if many:
        return answer == b".\n" or answer.endswith(b"\n.\n")
    return answer.endswith(b"\n")
