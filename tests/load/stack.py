"""The whole stack around one database server: tables, outboxes, workers and relays as processes."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import redis
from running_instance import Instance
from servers import Gearmand, RedisServer, SqlServer

from sync_worker.config import load
from sync_worker.config.sections import DeadLetters
from sync_worker.mysql.install import install
from sync_worker.mysql.outbox import table_name

from .oracle import judge_end, rows_of
from .tables import SCHEMA, TABLES

OUTBOXES = "sync_worker"
SETTLE_SECONDS = 10.0
DRAIN_SECONDS = 180.0  # for what is left in the outboxes at the end


class Part(Instance):
    """A `sync-worker run` with the tables in its configuration."""

    def __init__(self, directory: Path, stack: Stack, *arguments: str, **relay: Any) -> None:
        directory.mkdir(exist_ok=True)
        self._tables = stack.tables
        self.arguments = arguments
        super().__init__(directory, stack.gearmand, stack.redis)
        settings = stack.settings
        self.write_config(**{**settings, "relay": {**settings["relay"], **relay}})

    def write_config(self, **sections: Any) -> None:
        super().write_config(**sections)
        with self.config.open("a") as file:
            for table in self._tables:
                file.write("\n[[table]]\n")
                file.writelines(f"{name} = {json.dumps(v)}\n" for name, v in table.items())

    def up(self) -> Part:
        """Start it and wait until all its processes are up."""
        self.start(*self.arguments)
        return self

    def children(self) -> list[int]:
        """The process ids of its workers or relays, as the system knows them."""
        pid = self.process.pid
        try:
            return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            return []


class Stack:
    """A database server with tables, and what belongs to it. Use as a context manager.

    tables: [[table]] entries; the load's own by default, which are then created.
    """

    def __init__(
        self,
        directory: Path,
        sql: SqlServer,
        gearmand: Gearmand,
        redis_server: RedisServer,
        tables: list[dict[str, Any]] | None = None,
        **settings: dict[str, Any],
    ) -> None:
        self.directory = directory
        self.sql = sql
        self.gearmand = gearmand
        self.redis = redis_server
        self.tables = tables or [{"name": table.sql, "key": table.template} for table in TABLES]
        self.settings = {
            "mysql": {"host": sql.host, "port": sql.port, "user": "root"},
            "relay": {"schema": OUTBOXES},
            **settings,
        }
        self.parts: list[Part] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def create(self, *statements: str) -> Stack:
        """Create the schema and the tables (of the load, if no statements are given); install."""
        connection = self.sql.connect()
        cursor = connection.cursor()
        for schema in (SCHEMA, OUTBOXES):
            cursor.execute(f"DROP DATABASE IF EXISTS {schema}")
        cursor.execute(f"CREATE DATABASE {SCHEMA} DEFAULT CHARACTER SET utf8mb4")
        for statement in statements or [table.create for table in TABLES]:
            cursor.execute(statement)
        cursor.execute(f"USE {SCHEMA}")
        self.install()
        with contextlib.suppress(Exception):  # no loadable functions: no doorbell, it polls
            cursor.execute("SELECT gman_servers_set(%s)", (self.gearmand.address,))
            cursor.fetchall()
        connection.close()
        return self

    def install(self) -> None:
        """What `sync-worker install` does."""
        with Part(self.directory / "install", self) as part:
            install(load(part.config, {}))

    def workers(self, count: int) -> Part:
        """Start worker processes, in a run directory of their own."""
        return self._part("--worker-only", "--workers", str(count))

    def relay(self, **settings: Any) -> Part:
        """Start a relay, in a run directory of its own; `settings` are of [relay]."""
        return self._part("--relay-only", **settings)

    def _part(self, *arguments: str, **relay: Any) -> Part:
        directory = self.directory / f"part-{len(self.parts) + 1}"
        part = self._stack.enter_context(Part(directory, self, *arguments, **relay))
        self.parts.append(part)
        return part.up()

    def client(self, **options: Any) -> redis.Redis:
        """A client of its Redis."""
        return self.redis.client(**options)

    @property
    def dead_letters(self) -> str:
        """The stream of dead letters."""
        return DeadLetters().stream

    # The outboxes, and the end.

    @property
    def outboxes(self) -> list[str]:
        """The quoted names of all outboxes."""
        names = [table_name(*table["name"].split(".")) for table in self.tables]
        return [f"{OUTBOXES}.`{name}`" for name in names]

    def depth(self) -> int:
        """Events in all outboxes, but for those kept as the last of their outbox."""
        kept = 1 if self.sql.kind == "mysql56" else 0
        total = 0
        connection = self.sql.connect()
        with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
            for name in self.outboxes:
                cursor.execute(f"SELECT COUNT(*) FROM {name}")
                total += max(0, cursor.fetchone()[0] - kept)
        return total

    def await_empty(self, seconds: float = DRAIN_SECONDS) -> None:
        """Wait until every event was delivered. Fails with what the parts have said."""
        end = time.monotonic() + seconds
        while depth := self.depth():
            assert time.monotonic() < end, f"{depth} events were not delivered; {self.said()}"
            time.sleep(0.05)

    def said(self) -> str:
        """The last lines of every part's log."""
        logs = [
            f"{p.directory.name}:\n" + "\n".join(p.text().splitlines()[-15:]) for p in self.parts
        ]
        return "\n".join(logs)

    def judge(self, seconds: float = SETTLE_SECONDS) -> list[str]:
        """I1 for the load's tables, once the outboxes are empty. Looks for `seconds`: where the
        newest event is kept, the outbox does not say whether it was delivered."""
        self.await_empty()
        end = time.monotonic() + seconds
        with contextlib.closing(self.sql.connect()) as connection, self.client() as client:
            while (found := judge_end(rows_of(connection), client)) and time.monotonic() < end:
                time.sleep(0.2)
        return found
