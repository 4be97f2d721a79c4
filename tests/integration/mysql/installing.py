"""A schema of a test, the configuration of its tables, and looks at what was installed."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path
from typing import Any

from servers import Gearmand, SqlServer

from sync_worker import config
from sync_worker.mysql.install import install
from sync_worker.mysql.uninstall import uninstall

SQL = Path(__file__).resolve().parents[3] / "sql"
INSTALL = {
    "mariadb": SQL / "install-mariadb.sql",
    "mysql97": SQL / "install-mysql.sql",
    "mysql56": SQL / "install-mysql-5.6.sql",
}
PRODUCT = (
    "CREATE TABLE product (id INT NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL,"
    " price DECIMAL(10,2), owner INT)"
)


def plain(value: Any) -> Any:
    """Text for bytes, all else as it is."""
    return bytes(value).decode() if isinstance(value, bytes | bytearray) else value


class Place:
    """The schema `self.schema` on a server, its outboxes in the schema `self.outboxes`.

    `connection` is root's, in that schema.
    """

    def __init__(self, server: SqlServer, connection: Any, gearmand: Gearmand) -> None:
        self.server = server
        self.connection = connection
        self.gearmand = gearmand
        self.schema = str(connection.database)
        self.outboxes = f"outbox_{self.schema}"
        self.function = f"sync_{uuid.uuid4().hex[:12]}"
        self.notes: list[str] = []

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement; its rows, with text for bytes."""
        with contextlib.closing(self.connection.cursor()) as cursor:
            cursor.execute(statement, values)
            if not cursor.with_rows:
                return []
            return [tuple(plain(value) for value in row) for row in cursor.fetchall()]

    def run(self, *statements: str) -> None:
        """Run statements without a result."""
        for statement in statements:
            self.rows(statement)

    def table(self, name: str = "product", **entry: Any) -> config.SyncedTable:
        """A [[table]] of a table in this schema."""
        entry = {"key": f"{name}:{{id}}", **entry}
        return config.SyncedTable(name=f"{self.schema}.{name}", **entry)

    def settings(self, *tables: config.SyncedTable, **mysql: Any) -> config.Config:
        """The configuration of tables; `mysql` changes the section of that name."""
        account = {"host": self.server.host, "port": self.server.port, "user": "root"}
        return config.Config(
            mysql=config.Mysql(**{**account, **mysql}),
            relay=config.Relay(schema=self.outboxes),
            gearman=config.Gearman(servers=(self.gearmand.address,), function=self.function),
            tables=tables or (self.table(),),
        )

    def install(self, *tables: config.SyncedTable, **options: Any) -> list[str]:
        """Install, without functions unless told otherwise; notes go to `notes`."""
        options = {"functions": "no", "note": self.notes.append, **options}
        settings = options.pop("settings", None) or self.settings(*tables)
        return install(settings, **options)

    def uninstall(self, *tables: config.SyncedTable, **options: Any) -> list[str]:
        """Uninstall; notes go to `notes`."""
        return uninstall(self.settings(*tables), note=self.notes.append, **options)

    def with_functions(self) -> None:
        """Create the loadable functions with the file of sql/, and name the job server."""
        if not self.rows("SELECT 1 FROM mysql.func WHERE name = 'gman_status'"):
            self.server.run_script(INSTALL[self.server.kind])
        self.run(f"DO gman_servers_set('{self.gearmand.address}')")

    def triggers(self) -> dict[str, str]:
        """Body of each trigger of this schema."""
        found = self.rows(
            "SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = %s ORDER BY TRIGGER_NAME",
            self.schema,
        )
        return dict(found)

    def outbox(self, name: str = "product") -> str:
        """The quoted name of a table's outbox."""
        return f"`{self.outboxes}`.`{self.schema}.{name}`"

    def events(self, name: str = "product") -> list[Any]:
        """Identity of the events in an outbox, in order: a value, or a tuple of several.

        On servers that forget AUTO_INCREMENT the first one is the placeholder's and is left out.
        """
        rows = self.rows(f"SELECT * FROM {self.outbox(name)} ORDER BY `sync$id`")
        if self.server.kind == "mysql56":
            rows = rows[1:]
        return [row[1] if len(row) == 2 else row[1:] for row in rows]

    def ids(self, name: str = "product") -> list[int]:
        """The ids in an outbox."""
        return [row[0] for row in self.rows(f"SELECT `sync$id` FROM {self.outbox(name)}")]

    def created(self) -> set[str]:
        """Everything that an installation makes for this place, by kind and name."""
        tables = self.rows(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
            self.outboxes,
        )
        schemas = self.rows(
            "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", self.outboxes
        )
        found = {f"trigger {name}" for name in self.triggers()}
        found |= {f"outbox {name}" for (name,) in tables if name != "backfill"}
        found |= {"progress of backfills" for (name,) in tables if name == "backfill"}
        return found | ({"schema"} if schemas else set())
