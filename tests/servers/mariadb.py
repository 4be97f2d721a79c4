"""MariaDB, from Debian's mariadb-server-core: 10.11 and newer."""

from __future__ import annotations

import functools
import re
import subprocess
from pathlib import Path

from servers.base import ServerFailed, find_program
from servers.sql import SqlServer

PACKAGE = "mariadb-server-core"


@functools.cache
def _version(program: str) -> str:
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+\.\d+\.\d+)-MariaDB", text)
    if found is None:
        raise ServerFailed(f"{program} --version says {text.strip()!r}, which is no MariaDB")
    return found.group(1)


class MariaDB(SqlServer):
    """A private MariaDB."""

    kind = "mariadb"
    name = "mariadb"

    def program(self) -> list[str]:
        return [find_program("mariadbd", PACKAGE), "--no-defaults"]

    def template_name(self) -> str:
        return f"data-mariadb-{_version(find_program('mariadbd', PACKAGE))}"

    def initialise(self, data: Path) -> None:
        self.run_program(
            [
                find_program("mariadb-install-db", PACKAGE),
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--force",  # do not look up the name of this host, which may have none
                "--skip-name-resolve",
                *self.as_root(),
            ]
        )

    def settings(self) -> list[str]:
        return ["--innodb-log-file-size=64M", "--aria-log-file-size=8M", "--loose-skip-ssl"]
