"""What the MySQL-family servers have in common: data directory, settings, connections, plugins."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mysql.connector

from servers.base import Server, ServerFailed
from servers.paths import cache_directory
from servers.script import statements

CONNECT_TIMEOUT = 10  # seconds, for connections that tests make
PING_TIMEOUT = 2  # seconds
INITIALISE_TIMEOUT = 300  # seconds; MySQL 9.7 writes some 50 MB
LIBRARY_NAMES = ("gman_udf.so", "libgearman_mysql_udf.so", "lib_mysqludf_json.so")


class SqlServer(Server):
    """A database server with root and no password, reachable over TCP and a socket.

    arguments: more options for the server program, later ones win.
    environment: for the server process; GMAN_UDF_CONF is set to self.udf_conf unless given.
    flush: innodb_flush_log_at_trx_commit. 2 keeps commits over a kill of the process.
    """

    kind: str

    def __init__(
        self,
        *arguments: str,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        flush: int = 2,
    ) -> None:
        super().__init__(directory, environment)
        self.arguments = arguments
        self.flush = flush
        self.data = self.directory / "data"
        self.plugin_dir = self.directory / "plugins"
        self.socket = self.directory / "mysqld.sock"
        self.udf_conf = self.directory / "gman_udf.conf"
        self.plugin_dir.mkdir(exist_ok=True)
        self.udf_conf.touch()
        self.environment.setdefault("GMAN_UDF_CONF", str(self.udf_conf))

    # What each server gives.

    def program(self) -> list[str]:
        """Return the server program with --no-defaults and where its own files are."""
        raise NotImplementedError

    def template_name(self) -> str:
        """Return a name for the initialised data directory; it changes with the version."""
        raise NotImplementedError

    def initialise(self, data: Path) -> None:
        """Make the system tables in an empty data directory; root@127.0.0.1 needs no password."""
        raise NotImplementedError

    def settings(self) -> list[str]:
        """Return options that only this server has."""
        return []

    # What Server asks for.

    def prepare(self) -> None:
        if self.data.exists():
            return
        template = cache_directory() / self.template_name()
        if not template.exists():
            self._make_template(template)
        shutil.copytree(template, self.data)

    def command(self) -> Sequence[str]:
        common = [
            f"--datadir={self.data}",
            f"--socket={self.socket}",
            f"--port={self.port}",
            f"--pid-file={self.directory / 'mysqld.pid'}",
            f"--plugin-dir={self.plugin_dir}",
            f"--tmpdir={self.directory}",
            "--secure-file-priv=",
            f"--bind-address={self.host}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_general_ci",
            "--innodb-buffer-pool-size=64M",
            f"--innodb-flush-log-at-trx-commit={self.flush}",
            "--innodb-doublewrite=0",
            "--max-allowed-packet=64M",
            "--max-connections=200",
            "--performance-schema=OFF",
            "--log-bin-trust-function-creators=1",
        ]
        return [*self.program(), *self.as_root(), *common, *self.settings(), *self.arguments]

    def ping(self) -> None:
        try:
            self.connect(connection_timeout=PING_TIMEOUT).close()
        except mysql.connector.Error as error:
            raise ConnectionError(str(error)) from error

    # What tests use.

    def connect(self, **options: Any) -> Any:
        """Return a new connection as root, autocommit; options as mysql.connector.connect takes.

        Pure Python, no TLS (that of MySQL 5.6 is too old for today's OpenSSL), and a collation
        that every server knows. The caller closes it.
        """
        defaults: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "user": "root",
            "password": "",
            "autocommit": True,
            "use_pure": True,
            "ssl_disabled": True,
            "charset": "utf8mb4",
            "collation": "utf8mb4_general_ci",
            "connection_timeout": CONNECT_TIMEOUT,
        }
        return mysql.connector.connect(**{**defaults, **options})

    def execute(self, statement: str, parameters: Sequence[Any] = (), **options: Any) -> list[Any]:
        """Run one statement on a connection of its own; return its rows, if it has any."""
        connection = self.connect(**options)
        with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(statement, tuple(parameters))
            return list(cursor.fetchall()) if cursor.with_rows else []

    def run_script(self, path: Path, **options: Any) -> None:
        """Run a file of SQL statements, DELIMITER lines included, as the mysql client would."""
        connection = self.connect(**options)
        with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
            for statement in statements(path.read_text()):
                cursor.execute(statement)
                if cursor.with_rows:
                    cursor.fetchall()

    def install_library(self, library: Path) -> None:
        """Copy the library into the plugin directory under its own and the two classic names."""
        for name in LIBRARY_NAMES:
            target = self.plugin_dir / name
            fresh = target.with_suffix(".new")
            shutil.copy2(library, fresh)
            fresh.rename(target)  # never write into a file that a server has mapped

    @property
    def version(self) -> str:
        """The server's own version string."""
        return str(self.execute("SELECT VERSION()")[0][0])

    # How it is done.

    def as_root(self) -> list[str]:
        """Return the option without which the server refuses to run as root."""
        return ["--user=root"] if os.geteuid() == 0 else []

    def run_program(self, arguments: Sequence[str], stdin: bytes = b"") -> None:
        """Run a program of the server to its end. Raises ServerFailed with what it printed."""
        done = subprocess.run(
            [str(argument) for argument in arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=INITIALISE_TIMEOUT,
            check=False,
        )
        if done.returncode != 0:
            text = done.stdout.decode(errors="replace")[-4000:]
            raise ServerFailed(f"{arguments[0]} failed with code {done.returncode}:\n{text}")

    def _make_template(self, template: Path) -> None:
        template.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(template.parent) as scratch:
            data = scratch / "data"
            data.mkdir()
            self.initialise(data)
            (data / "auto.cnf").unlink(missing_ok=True)  # each copy is a server of its own
            with contextlib.suppress(OSError):  # another process was first: its copy is as good
                data.rename(template)


@contextlib.contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="making-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
