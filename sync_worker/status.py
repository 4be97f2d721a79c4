"""The status file: what the processes of this host have done, written each second by their parent.

One JSON object, replaced whole, so a reader never sees half of one. `sync-worker status` shows it;
other programs may read it too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .counters import COUNTS, DOCS
from .errors import SyncWorkerError

NAME = "status.json"
FORMAT = 1  # rises when a member changes its meaning or goes; new members do not raise it
FRESH = 5.0  # seconds; the file is written each second


class StatusUnreadable(SyncWorkerError):
    """The status file cannot be read."""


@dataclass(frozen=True)
class Process:
    """One place for a child process and what ran in it, since the parent started.

    Counts are sums over every process that had this place; the rest is of the one there now.
    """

    kind: str  # "worker"
    slot: int  # from 1
    pid: int | None  # None between a death and the restart
    state: str  # starting, up, late (does not answer), waiting (to be restarted)
    uptime: float  # seconds
    restarts: int
    heartbeat_age: float | None  # seconds
    figures: dict[str, float]  # by the names of counters.py


@dataclass(frozen=True)
class Report:
    """Everything in the status file."""

    version: str
    pid: int
    state: str  # starting, running, reloading, stopping, stopped
    started_at: float  # seconds since 1970
    written_at: float  # seconds since 1970
    config: str  # path, or "" when there is no file
    drained: bool | None  # once stopped: False if jobs were given back
    processes: list[Process]

    @property
    def age(self) -> float:
        """Seconds since it was written."""
        return max(0.0, time.time() - self.written_at)

    @property
    def fresh(self) -> bool:
        """Whether its writer still writes."""
        return self.age <= FRESH

    def total(self, name: str) -> int:
        """Sum of one count or gauge over all processes."""
        return int(sum(process.figures[name] for process in self.processes))

    def document(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "format": FORMAT,
            **dataclasses.asdict(self),
            "totals": {name: self.total(name) for name in COUNTS},
        }


def write(directory: Path, report: Report) -> None:
    """Replace the status file. Raises OSError."""
    target = directory / NAME
    new = directory / f".{NAME}.{os.getpid()}"
    try:
        new.write_text(json.dumps(report.document(), indent=1) + "\n", encoding="utf-8")
        new.chmod(0o644)  # whatever the umask: it holds no secret
        new.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def read(directory: Path) -> Report | None:
    """Return what the status file says, or None if there is none. Raises StatusUnreadable."""
    path = directory / NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise StatusUnreadable(
                f"{path} has format {document['format']}; this program reads format {FORMAT}"
            )
        members = {f.name: document[f.name] for f in dataclasses.fields(Report)}
        members["processes"] = [Process(**process) for process in members["processes"]]
        for process in members["processes"]:  # a program of an earlier version knew fewer figures
            process.figures.update(dict.fromkeys(DOCS, 0) | process.figures)
        return Report(**members)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StatusUnreadable(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StatusUnreadable(f"{path} is no status file of this program: {error!r}") from error
