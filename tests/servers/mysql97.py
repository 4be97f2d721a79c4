"""MySQL 9.7 (LTS), from Debian unstable's mysql-server-core, unpacked and never installed.

mysqld runs on the C library it came with, through that library's own loader, so it needs neither
root nor a chroot and works on an older system.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from servers.base import ServerMissing
from servers.paths import cache_directory
from servers.sql import SqlServer

TREE = "mysql-9.7"
LOADERS = (
    "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
)
LOCAL_ROOT = """\
CREATE USER root@'127.0.0.1' IDENTIFIED BY '';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
"""


class MySQL97(SqlServer):
    """A private MySQL 9.7."""

    kind = "mysql97"
    name = "mysql97"

    def tree(self) -> Path:
        """Return the unpacked tree. Raises ServerMissing before the set-up has fetched it."""
        tree = cache_directory() / TREE
        if not (tree / "usr/sbin/mysqld").exists():
            raise ServerMissing(f"MySQL 9.7 is not in {tree}. Try: scripts/fetch-mysql97.sh")
        return tree

    def program(self) -> list[str]:
        tree = self.tree()
        loader = next(tree / path for path in LOADERS if (tree / path).exists())
        libraries = f"{loader.parent}:{loader.parent}/private"
        return [
            str(loader),
            "--library-path",
            libraries,
            str(tree / "usr/sbin/mysqld"),
            "--no-defaults",
            f"--basedir={tree / 'usr'}",
            f"--lc-messages-dir={tree / 'usr/share/mysql'}",
            f"--character-sets-dir={tree / 'usr/share/mysql/charsets'}",
        ]

    def template_name(self) -> str:
        self.tree()
        return "data-mysql-9.7"

    def initialise(self, data: Path) -> None:
        first = data.with_name("first.sql")
        first.write_text(LOCAL_ROOT)
        options = [f"--datadir={data}", f"--init-file={first}", "--skip-log-bin"]
        self.run_program(
            [*self.program(), *self.as_root(), *options, "--initialize-insecure", *self.settings()]
        )

    def connect(self, **options: Any) -> Any:
        """Return a new connection, with TLS where a password is given: caching_sha2 wants it."""
        return super().connect(**{"ssl_disabled": not options.get("password"), **options})

    def settings(self) -> list[str]:
        return [
            "--skip-log-bin",
            "--mysqlx=OFF",
            "--innodb-redo-log-capacity=128M",
            "--innodb-buffer-pool-load-at-startup=OFF",
        ]
