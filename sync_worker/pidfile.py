"""The pid file: who runs in a run directory, and that only one does.

The file is locked for as long as its process lives. The kernel lets go of the lock when the
process ends in whatever way, so a file left behind by a crash is recognised and taken over, and a
process id used again by another program is never mistaken for ours.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from .errors import ConfigError, SyncWorkerError

NAME = "sync-worker.pid"
_DIRECTORY_MODE = 0o755  # others may read the status, not change it
_TRIES = 5
_PAUSE = 0.1  # seconds between them


class AlreadyRunning(SyncWorkerError):
    """Another sync-worker runs in this run directory; stop it, or set another run.directory."""


class PidFile:
    """Context manager: holds the pid file of this process.

    Raises AlreadyRunning, and ConfigError when the file cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME
        self._fd = -1

    def __enter__(self) -> PidFile:
        tries = 0
        while self._fd < 0:
            tries += 1
            try:
                self._fd = self._locked()
            except AlreadyRunning:
                # A `status` or `stop` that looks holds the lock for a moment as well.
                if tries >= _TRIES:
                    raise
                time.sleep(_PAUSE)
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = -1

    def _locked(self) -> int:
        """Return the file, open and locked, or -1 if it went away meanwhile."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise ConfigError(
                f"run.directory = {str(self.path.parent)!r}: {NAME} cannot be written there: "
                f"{error.strerror}"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same(fd, self.path):
                return fd
        except BlockingIOError:
            pid = os.read(fd, 32).decode().strip() or "unknown"
            os.close(fd)
            raise AlreadyRunning(
                f"sync-worker already runs here with process id {pid} ({self.path})"
            ) from None
        except OSError:
            os.close(fd)
            raise
        os.close(fd)
        return -1


def running(directory: Path) -> int | None:
    """Return the process id of the sync-worker that runs in this run directory, else None."""
    try:
        fd = os.open(directory / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(fd, 32).decode(errors="replace").strip()
        return int(text) if text.isdigit() else None
    else:
        return None  # nobody holds it: left behind by a crash
    finally:
        os.close(fd)


def make_directory(directory: Path, owner: tuple[int, int] | None = None) -> None:
    """Make the run directory if it is missing, for the user and group ids `owner`.

    Raises ConfigError when it cannot be made, or when it belongs to a stranger: in /tmp anybody
    may have made it first.
    """
    try:
        directory.mkdir(parents=True, mode=_DIRECTORY_MODE)
        if owner:
            os.chown(directory, *owner)
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(
            f"run.directory = {str(directory)!r}: cannot be made: {error.strerror}"
        ) from error
    found = directory.stat()
    trusted = {0, os.geteuid(), *(owner or ())[:1]}
    if not directory.is_dir() or (found.st_uid not in trusted and os.geteuid() != 0):
        raise ConfigError(
            f"run.directory = {str(directory)!r}: belongs to another user; set another directory"
        )


def _same(fd: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(fd)
    return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)
