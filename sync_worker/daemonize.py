"""--daemon: leave the terminal, but not before it is known whether the start has worked."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from daemon import DaemonContext

from .config import Run
from .errors import ConfigError
from .pidfile import PidFile

UMASK = 0o027  # the log is for the owner and the group
_READY = "ready"


@dataclass(frozen=True)
class Owner:
    """The user and group a daemon runs as. `name` is None when they stay as they are."""

    uid: int
    gid: int
    name: str | None

    @property
    def ids(self) -> tuple[int, int] | None:
        """(uid, gid) if they change, else None."""
        return (self.uid, self.gid) if self.name else None


def owner(run: Run) -> Owner:
    """Find run.user and run.group. Raises ConfigError for unknown ones, or when not allowed."""
    uid, gid, name = os.geteuid(), os.getegid(), None
    if run.user:
        try:
            entry = pwd.getpwnam(run.user)
        except KeyError:
            raise ConfigError(f"run.user = {run.user!r}: no such user on this host") from None
        uid, gid = entry.pw_uid, entry.pw_gid
    if run.group:
        try:
            gid = grp.getgrnam(run.group).gr_gid
        except KeyError:
            raise ConfigError(f"run.group = {run.group!r}: no such group on this host") from None
    if (uid, gid) != (os.geteuid(), os.getegid()):
        if os.geteuid() != 0:
            setting = "user" if uid != os.geteuid() else "group"
            raise ConfigError(
                f"run.{setting} = {getattr(run, setting)!r}: only root can change to it"
            )
        name = pwd.getpwuid(uid).pw_name
    return Owner(uid, gid, name)


def start(
    run: Run, serve: Callable[[Callable[[], None]], int], explain: Callable[[Exception], str]
) -> str:
    """Start `serve(ready)` as a daemon. Return "" once it has called ready(), else what went wrong.

    serve returns the daemon's exit code. What it raises is made text by `explain`, in the daemon.
    """
    who = owner(run)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _daemon(run, who, writer, serve, explain)
    os.close(writer)
    os.waitpid(pid, 0)  # it ends at once: the daemon is its grandchild
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    if said == _READY:
        return ""
    return said or explain(ConfigError(f"the daemon ended while starting; see {run.log_file}"))


def _daemon(
    run: Run,
    who: Owner,
    writer: int,
    serve: Callable[[Callable[[], None]], int],
    explain: Callable[[Exception], str],
) -> NoReturn:
    """Become the daemon, serve, and end. Everything that goes wrong before ready() is told."""

    def tell(text: str) -> None:
        with contextlib.suppress(OSError):  # told already, or nobody waits any more
            os.write(writer, text.encode())
            os.close(writer)

    code = 1
    try:
        if who.name:
            os.initgroups(who.name, who.gid)  # DaemonContext would then leave the group alone
        with DaemonContext(
            uid=who.uid,
            gid=who.gid,
            umask=UMASK,
            working_directory="/",
            pidfile=PidFile(run.directory),
            files_preserve=[writer],
        ):
            code = serve(lambda: tell(_READY))
    except Exception as error:
        try:
            tell(explain(error))
        except Exception:
            tell(traceback.format_exc())
    finally:
        os._exit(code)
