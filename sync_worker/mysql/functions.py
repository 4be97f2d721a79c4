"""The loadable functions: which the server has, how each is created, where the file goes."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import mysql.connector

from sync_worker import config
from sync_worker.errors import ConfigError

from .quoting import name
from .schema import Server
from .session import Session

FILE = "gman_udf.so"
PACKAGED = Path(__file__).resolve().parents[1] / "lib" / FILE

# What generated triggers call.
NEEDED = frozenset({"gman_post", "gman_version", "gman_do_background"})

_STRING = "RETURNS STRING"
_INTEGER = "RETURNS INTEGER"
_RESULTS = {
    "gman_servers_set": _STRING,
    "gman_do": _STRING,
    "gman_do_high": _STRING,
    "gman_do_low": _STRING,
    "gman_do_background": _STRING,
    "gman_do_high_background": _STRING,
    "gman_do_low_background": _STRING,
    "gman_sum": _INTEGER,
    "gman_post": _INTEGER,
    "gman_version": _INTEGER,
    "gman_status": _STRING,
    "udf_json_object": _STRING,
    "udf_json_array": _STRING,
    "json_members": _STRING,
    "json_values": _STRING,
    "lib_mysqludf_json_info": _STRING,
}
_BUILT_IN_LATER = {"json_object": _STRING, "json_array": _STRING}
_AGGREGATE = {"gman_sum"}


def wanted(server: Server) -> tuple[str, ...]:
    """The names that this server takes; it refuses those it has built in."""
    return (*_RESULTS, *(() if server.has_json else _BUILT_IN_LATER))


def create(function: str) -> str:
    """CREATE FUNCTION."""
    returns = (_RESULTS | _BUILT_IN_LATER)[function]
    kind = "AGGREGATE FUNCTION" if function in _AGGREGATE else "FUNCTION"
    return f"CREATE {kind} {function} {returns} SONAME '{FILE}'"


def drop(function: str) -> str:
    """DROP FUNCTION IF EXISTS."""
    return f"DROP FUNCTION IF EXISTS {name(function)}"


class Present(NamedTuple):
    """Name and library file of the loadable functions that are there.

    An account that may not read mysql.func learns of the needed ones alone: not `all_seen`.
    `forgotten` are our rows of mysql.func without a function: MySQL 9.7 leaves such when a function
    is dropped and created while it is in use.
    """

    files: dict[str, str]
    all_seen: bool
    forgotten: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether generated triggers can call what they need."""
        return set(self.files) >= NEEDED

    @property
    def how_to_recall(self) -> str:
        """What somebody has to do about forgotten functions."""
        rows = ", ".join(f"'{function}'" for function in self.forgotten)
        return (
            f"DELETE FROM mysql.func WHERE name IN ({rows}), then `sync-worker install`; "
            "or restart the server"
        )


def present(session: Session) -> Present:
    """Which loadable functions are there."""
    try:
        rows = session.rows("SELECT name, dl FROM mysql.func")
    except (mysql.connector.Error, ConfigError):
        try:
            session.rows("SELECT gman_version()")
        except mysql.connector.Error:
            return Present({}, False)
        return Present(dict.fromkeys((*NEEDED, "gman_status"), FILE), False)
    files = {row[0].decode(): row[1].decode() for row in rows}
    loaded = _loaded(session)
    ours = {function for function, library in files.items() if library == FILE}
    forgotten = sorted(ours - loaded) if loaded else []
    for function in forgotten:
        del files[function]
    return Present(files, True, tuple(forgotten))


def _loaded(session: Session) -> set[str]:
    """The functions that the server itself knows of; nothing where it does not say."""
    try:
        rows = session.rows("SELECT udf_name FROM performance_schema.user_defined_functions")
    except mysql.connector.Error:
        return set()
    return {row[0].decode() for row in rows}


@dataclass(frozen=True)
class PluginDirectory:
    """Where the server looks for libraries. `local`: this process sees the same directory."""

    path: Path
    local: bool

    @property
    def target(self) -> Path:
        """Where the file belongs."""
        return self.path / FILE

    @property
    def has_file(self) -> bool:
        """Whether the file is there; True if that cannot be seen from here."""
        return not self.local or self.target.exists()

    @property
    def writable(self) -> bool:
        """Whether the file can be put there by this process."""
        return self.local and PACKAGED.exists() and os.access(self.path, os.W_OK)

    @property
    def how(self) -> str:
        """What somebody who may write there has to do."""
        return (
            f"copy {PACKAGED} to {self.path}/ on the database's host, owned by root, mode 644 "
            "(on every replica first), then `sync-worker install` again"
        )

    def copy(self) -> None:
        """Put the file there under a name of its own first: a server may have the old one mapped.

        Raises OSError.
        """
        fresh = self.target.with_suffix(f".{os.getpid()}")
        try:
            shutil.copyfile(PACKAGED, fresh)
            fresh.chmod(0o644)
            fresh.rename(self.target)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise


def plugin_directory(session: Session, settings: config.Mysql) -> PluginDirectory:
    """The server's plugin directory; local when host name, address and directory agree."""
    directory, host = session.row("SELECT @@plugin_dir, @@hostname")
    path = Path(directory.decode())
    near = settings.socket is not None or settings.host in ("localhost", "127.0.0.1", "::1")
    local = near and host.decode() == socket.gethostname() and path.is_dir()
    return PluginDirectory(path, local)
