"""redis-server, in memory unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import redis

from servers.base import Server, find_program


class RedisServer(Server):
    """A Redis that writes no file by default; extra arguments as redis-server takes them.

    For a server that keeps its data over restart(): RedisServer("--appendonly", "yes").
    """

    name = "redis"

    def __init__(
        self,
        *arguments: str,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory, environment)
        self.arguments = arguments

    def command(self) -> Sequence[str]:
        program = find_program("redis-server", "redis-server")
        where = ["--bind", self.host, "--port", str(self.port), "--dir", str(self.directory)]
        return [program, *where, "--daemonize", "no", "--save", "", *self.arguments]

    def ping(self) -> None:
        with self.client(socket_timeout=2.0) as client:
            try:
                client.ping()
            except redis.exceptions.AuthenticationError:
                return  # it answers; a password was asked for
            except redis.exceptions.RedisError as error:
                raise ConnectionError(str(error)) from error

    def client(self, **options: Any) -> redis.Redis:
        """Return a new client; options as redis.Redis takes them. The caller closes it."""
        return redis.Redis(host=self.host, port=self.port, **options)

    @property
    def url(self) -> str:
        """redis://host:port/0."""
        return f"redis://{self.address}/0"
