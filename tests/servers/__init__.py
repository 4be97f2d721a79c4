"""Real servers for tests, the demo and benchmarks.

Every server has its own directory and a port from the kernel, listens on 127.0.0.1 only, and is
stopped by process id. Usable without pytest::

    with Gearmand() as gearmand, RedisServer() as redis:
        ...
"""

from servers.base import Server, ServerFailed, ServerMissing
from servers.gearmand import Gearmand
from servers.mariadb import MariaDB
from servers.mysql56 import MySQL56
from servers.mysql97 import MySQL97
from servers.redis import RedisServer
from servers.sql import SqlServer

SQL_SERVERS: dict[str, type[SqlServer]] = {
    server.kind: server for server in (MariaDB, MySQL97, MySQL56)
}

__all__ = [
    "SQL_SERVERS",
    "Gearmand",
    "MariaDB",
    "MySQL56",
    "MySQL97",
    "RedisServer",
    "Server",
    "ServerFailed",
    "ServerMissing",
    "SqlServer",
]
