"""Log records: a short sentence, then fixed fields. Text for people, JSON for machines.

Every module logs through the standard library and names its fields so::

    log.warning("Job server lost; trying again in 0.4 s.", extra=fields(address=address))

Only cli/ and child.py call configure().
"""

from __future__ import annotations

import datetime
import json
import logging
import logging.handlers
import os
import sys
from typing import Any

from .config import Run
from .errors import ConfigError

_STDERR = 2


def fields(**values: object) -> dict[str, Any]:
    """What to give as `extra=` of a log call so that the record carries these fields."""
    return {"fields": values}


class TextFormatter(logging.Formatter):
    """`time level process: sentence key=value …`; a traceback follows, indented."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, but for a traceback."""
        pairs = [f"{key}={_shown(value)}" for key, value in _fields(record).items()]
        head = f"{_time(record)} {record.levelname} {self._process}:"
        line = " ".join([head, _one_line(record.getMessage()), *pairs])
        trace = _trace(self, record)
        return line + "".join(f"\n    {part}" for part in trace.splitlines())


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, process, pid, logger, message, fields, exception."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        members: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for key, value in _fields(record).items():
            members.setdefault(key, value)  # a field never hides what the record itself says
        trace = _trace(self, record)
        if trace:
            members["exception"] = trace
        return json.dumps(members, default=str, ensure_ascii=False)


class LogFile(logging.handlers.WatchedFileHandler):
    """A log file that is opened again once it was renamed or removed.

    Standard error follows, if it went to that file (as under --daemon).
    """

    dev: int
    ino: int

    def reopenIfNeeded(self) -> None:
        """Open the file again if its name no longer leads to it."""
        before = (self.dev, self.ino)
        super().reopenIfNeeded()
        if (self.dev, self.ino) != before and self.stream:
            point_stderr(self.stream.fileno(), if_file=before)


def configure(run: Run, process: str, *, take_stderr: bool = False) -> None:
    """Send the records of this process to run.log_file, else to standard error.

    `process` names it in every record. `take_stderr`: standard error goes to the log file as well,
    for what is not logged. May be called again after the configuration has changed.
    Raises ConfigError when the log file cannot be opened; then nothing has changed.
    """
    formatter = (JsonFormatter if run.log_format == "json" else TextFormatter)(process)
    handler: logging.Handler
    if run.log_file:
        try:
            handler = LogFile(run.log_file, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise ConfigError(
                f"run.log_file = {str(run.log_file)!r}: cannot be written: {error.strerror}"
            ) from error
    else:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.setLevel(run.log_level.upper())
    before, root.handlers = root.handlers, [handler]
    for old in before:
        old.close()
    if take_stderr and isinstance(handler, LogFile) and handler.stream:
        point_stderr(handler.stream.fileno())


def reopen() -> None:
    """Open the log file again if it was renamed or removed. Safe from any thread."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogFile):
            handler.acquire()
            try:
                handler.reopenIfNeeded()
            finally:
                handler.release()


def point_stderr(target: int, if_file: tuple[int, int] | None = None) -> None:
    """Point standard output and error at an open file; only where they lead to `if_file` now."""
    for standard in (1, _STDERR):
        now = os.fstat(standard)
        if if_file is None or (now.st_dev, now.st_ino) == if_file:
            os.dup2(target, standard)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return getattr(record, "fields", {})


def _time(record: logging.LogRecord) -> str:
    moment = datetime.datetime.fromtimestamp(record.created).astimezone()
    return moment.isoformat(timespec="milliseconds")


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""


def _one_line(text: str) -> str:
    """The text, control characters escaped, so that data cannot forge a record."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    plain = text.isprintable() and text and not any(c in text for c in " \"'=")
    return text if plain else json.dumps(text, ensure_ascii=False)
