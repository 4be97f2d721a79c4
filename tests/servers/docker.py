"""Database servers in containers, by pytest-docker: SYNC_TEST_DOCKER=1.

Only the shared `sql_server` comes from docker/compose.test.yml. Job servers, Redis and the servers
that a test kills or freezes are processes of this machine in any case, so the containers are on the
host's network, on ports that are chosen here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pytest

from servers.base import START_SECONDS, ServerFailed, ServerMissing
from servers.paths import ROOT
from servers.sockets import free_port
from servers.sql import SqlServer

COMPOSE_FILE = ROOT / "docker" / "compose.test.yml"
KINDS = ("mariadb", "mysql97")  # the services of that file; there is no image for MySQL 5.6


def wanted() -> bool:
    """Whether the shared database server is to run in a container."""
    return os.environ.get("SYNC_TEST_DOCKER") == "1"


class InContainer(SqlServer):
    """A database server that docker compose started; it is never stopped from here."""

    name = "container"

    def __init__(self, kind: str, host: str, port: int) -> None:
        super().__init__()
        self.kind = kind
        self.host = host
        self.port = port

    @property
    def alive(self) -> bool:
        return True

    def start(self) -> Self:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ping()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ServerFailed(f"{self.kind} in a container: {error}") from error
                time.sleep(0.2)
            else:
                return self

    def install_library(self, library: Path) -> None:
        """Leave it: the image has the library in its plugin directory."""


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    """The compose file that pytest-docker runs."""
    return str(COMPOSE_FILE)


@pytest.fixture(scope="session")
def docker_ports() -> Mapping[str, int]:
    """A free port for each service; compose.test.yml reads them from the environment."""
    ports = {kind: free_port() for kind in KINDS}
    for kind, port in ports.items():
        os.environ[f"SYNC_TEST_{kind.upper()}_PORT"] = str(port)
    return ports


@pytest.fixture(scope="session")
def docker_setup(docker_ports: Mapping[str, int]) -> list[str]:
    """What compose is told: start only the servers that are tested."""
    chosen = os.environ.get("SYNC_TEST_SERVERS", "mariadb").replace(",", " ").split()
    missing = [kind for kind in chosen if kind not in docker_ports]
    if missing:
        raise ServerMissing(f"{missing[0]} has no image. Try: SYNC_TEST_SERVERS={','.join(KINDS)}")
    return [f"up --build --detach {' '.join(chosen)}"]


@pytest.fixture(scope="session")
def containers(
    docker_services: object, docker_ip: str, docker_ports: Mapping[str, int]
) -> Mapping[str, SqlServer]:
    """The database servers by kind; those that were not chosen do not answer."""
    return {kind: InContainer(kind, docker_ip, port) for kind, port in docker_ports.items()}
