"""The program of a child process: `python -m sync_worker.child KIND CONTROL COUNTERS SLOT`.

KIND is what to run. CONTROL and COUNTERS are file descriptors: a socket to the parent and the
shared figures. The parent sends the configuration first, so that a child runs with what the parent
has checked, whatever the file says by now; then one byte for each request. When the socket ends,
the parent has died and the child drains as after SIGTERM.

SIGTERM and SIGINT: finish what is in hand and end. SIGQUIT: end at once.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import pickle
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import Protocol

from . import logs
from .config import Config
from .counters import Counters
from .errors import ConfigError

KINDS = {
    "worker": "sync_worker.worker:SyncWorker",
    "relay": "sync_worker.relay.relay:Relay",
}

# Exit codes; the parent reads them.
DRAINED = 0
FAILED = 1
REFUSED = 2  # the configuration; the reason was sent to the parent
GAVE_BACK = 5  # jobs that were in hand go to another worker

REOPEN_LOGS = b"R"
LENGTH_BYTES = 4  # of the configuration, big-endian, ahead of it
_ORPHAN_MARGIN = 5.0  # seconds beyond the drain limit

log = logging.getLogger(__name__)


class Runner(Protocol):
    """What a kind must offer."""

    def __init__(
        self, config: Config, counters: Counters, *, wakeup_fd: int | None = None
    ) -> None: ...

    def run(self) -> bool:
        """Work until stopped; return whether nothing was given back."""

    def stop(self) -> None:
        """Finish what is in hand, then return from run. Called from a signal handler."""

    def stop_now(self) -> None:
        """Return from run at once. Called from a signal handler."""


class _Signals:
    """Passes signals on to the runner; before there is one, there is nothing to finish."""

    def __init__(self) -> None:
        self.runner: Runner | None = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._received)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent's business

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self.runner is None:
            raise SystemExit(DRAINED)
        if number == signal.SIGQUIT:
            self.runner.stop_now()
        else:
            self.runner.stop()


def main(arguments: list[str]) -> int:
    """Run one child; return its exit code."""
    signals = _Signals()
    kind, slot = arguments[0], int(arguments[3])
    control = socket.socket(fileno=int(arguments[1]))
    counters = Counters(int(arguments[2]))
    wakeup, waker = socket.socketpair()
    for end in (wakeup, waker):
        end.setblocking(False)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    try:
        config = _receive_config(control)
    except EOFError:
        return DRAINED
    try:
        logs.configure(config.run, f"{kind}-{slot}")
        threading.Thread(target=_follow_parent, args=(control, config), daemon=True).start()
        module, name = KINDS[kind].split(":")
        runner: Runner = getattr(importlib.import_module(module), name)(
            config, counters, wakeup_fd=wakeup.fileno()
        )
        signals.runner = runner
        return DRAINED if runner.run() else GAVE_BACK
    except ConfigError as error:
        _tell(control, str(error))
        return REFUSED
    except Exception as error:
        log.exception("The process ends because of an error in the program.")
        _tell(control, f"{type(error).__name__}: {error}")
        return FAILED


def _receive_config(control: socket.socket) -> Config:
    with control.makefile("rb") as stream:
        length = int.from_bytes(stream.read(LENGTH_BYTES), "big")
        data = stream.read(length)
    if not length or len(data) < length:
        raise EOFError
    config = pickle.loads(data)  # noqa: S301 - from our parent, over a socket nobody else has
    assert isinstance(config, Config)
    return config


def _follow_parent(control: socket.socket, config: Config) -> None:
    with contextlib.suppress(OSError):
        while request := control.recv(1):
            if request == REOPEN_LOGS:
                logs.reopen()
    log.warning("The parent process has died; finishing the jobs in hand, then ending.")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(config.worker.drain + _ORPHAN_MARGIN)
    log.error("The jobs in hand were not finished in time; they go to another worker.")
    os._exit(GAVE_BACK)


def _tell(control: socket.socket, message: str) -> None:
    with contextlib.suppress(OSError):
        control.sendall(message.encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
