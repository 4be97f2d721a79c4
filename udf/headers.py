"""Finds the headers that declare the server's UDF_ARGS; used by setup.py and by tests/c/Makefile.

The candidates are those of the MySQL client libraries' own build tools. MariaDB's client headers
declare UDF_ARGS without ``attributes``; its server headers, in a folder below, have it, and so have
MySQL's. So every candidate is tried with the compiler, and the first that has it is taken.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent

COMPILE_FLAGS = [
    "-std=c11",
    "-D_GNU_SOURCE",
    "-O2",
    "-fPIC",
    "-pthread",
    "-fvisibility=hidden",
    "-fstack-protector-strong",
    "-Wall",
    "-Wextra",
]
FORTIFY_FLAGS = ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]
# nodelete: DROP FUNCTION unloads the library while the sender thread may live.
LINK_FLAGS = ["-pthread", "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,--no-undefined"]

PROBE = """
#include <stdbool.h>
#include <mysql.h>
#if defined __has_include
#if __has_include(<mysql/udf_registration_types.h>)
#include <mysql/udf_registration_types.h>
#endif
#endif
unsigned long probe(UDF_ARGS *args);
unsigned long probe(UDF_ARGS *args) { return args->attributes ? args->attribute_lengths[0] : 0; }
"""

USUAL_FOLDERS = [
    "/usr/include/mariadb",
    "/usr/include/mysql",
    "/usr/local/include/mariadb",
    "/usr/local/include/mysql",
    "/usr/local/mysql/include",
]


class HeadersMissing(Exception):
    """No header declares UDF_ARGS with attributes; install libmariadbd-dev or libmysqlclient-dev.

    On Debian: ``apt-get install libmariadbd-dev`` (MariaDB's server headers) or, where MySQL is
    packaged, ``libmysqlclient-dev`` (``default-libmysqlclient-dev`` alone brings MariaDB's client
    headers, which are not enough). Or set MYSQLCLIENT_CFLAGS=-I<folder with mysql.h>.
    """

    def __init__(self, tried: list[list[str]]) -> None:
        shown = "; ".join(" ".join(flags) for flags in tried) or "nothing"
        super().__init__(f"{(self.__doc__ or '').strip()}\nTried: {shown}")


def _output(*command: str) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return []
    return [flag for flag in shlex.split(done.stdout) if flag.startswith("-I")]


def _sources() -> Iterator[list[str]]:
    """Include flags, in the order of preference; empty lists where a tool is not there."""
    yield shlex.split(os.environ.get("MYSQLCLIENT_CFLAGS", ""))
    if os.environ.get("MYSQL_CONFIG"):
        yield _output(os.environ["MYSQL_CONFIG"], "--cflags")
    for tool in ("mysql_config", "mariadb_config"):
        yield _output(tool, "--cflags")
    for package in ("mysqlclient", "mariadb", "libmariadb", "perconaserverclient"):
        yield _output("pkg-config", "--cflags", package)
    for folder in USUAL_FOLDERS:
        if Path(folder).is_dir():
            yield [f"-I{folder}"]


def candidates() -> Iterator[list[str]]:
    """Each set of include flags to try: as found, and with the server headers' folder before it."""
    seen: list[list[str]] = []
    for flags in _sources():
        folders = [flag[2:] for flag in flags if flag.startswith("-I")]
        server = [f"-I{folder}/server" for folder in folders if Path(folder, "server").is_dir()]
        for one in (flags, server + flags):
            if one and one not in seen:
                seen.append(one)
                yield one


def _compiles(flags: list[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(PROBE, encoding="ascii")
        compiler = shlex.split(os.environ.get("CC", "cc"))
        command = [*compiler, *flags, "-c", str(source), "-o", str(source.with_suffix(".o"))]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        except OSError:
            return False
        return done.returncode == 0


def find() -> list[str]:
    """Returns the include flags that work. Raises HeadersMissing, which says what to install."""
    tried: list[list[str]] = []
    for flags in candidates():
        if _compiles(flags):
            return flags
        tried.append(flags)
    raise HeadersMissing(tried)


def sources() -> list[str]:
    """The C files of the library, relative to the project."""
    return sorted(f"{HERE.name}/{path.name}" for path in HERE.glob("*.c"))


if __name__ == "__main__":
    try:
        print(shlex.join(find()))
    except HeadersMissing as error:
        sys.exit(str(error))
