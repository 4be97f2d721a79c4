"""One child process as its parent sees it: start, ask, signal, bury."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import site
import socket
import subprocess
import sys
import time
from pathlib import Path

from .child import LENGTH_BYTES, REOPEN_LOGS
from .config import Config
from .counters import Counters

_ROOT = str(Path(__file__).parents[1])
# The child gets its configuration from us, and systemd must hear only us.
_NOT_INHERITED = ("SYNC_WORKER_", "NOTIFY_SOCKET", "WATCHDOG_")
_ERROR_BYTES = 65536


class ChildProcess:
    """A fresh interpreter that runs `kind`. Raises OSError when it cannot be started.

    Not forked from us: we may have threads. In a session of its own, so that Ctrl-C in a terminal
    reaches only the parent, which then drains it.
    """

    def __init__(self, kind: str, slot: int, config: Config) -> None:
        self.started = time.monotonic()
        self.counters = Counters()
        self._control, theirs = socket.socketpair()
        with theirs:
            fds = (theirs.fileno(), self.counters.fd)
            # -P: a module in the working directory must not be taken for one of ours.
            program = [sys.executable, "-P", "-m", "sync_worker.child"]
            try:
                self._popen = subprocess.Popen(
                    [*program, kind, *map(str, fds), str(slot)],
                    stdin=subprocess.DEVNULL,
                    pass_fds=fds,
                    env=_environment(),
                    start_new_session=True,
                )
            except OSError:
                self._control.close()
                self.counters.close()
                raise
        data = pickle.dumps(config)
        self._send(len(data).to_bytes(LENGTH_BYTES, "big") + data)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def up(self) -> bool:
        """Whether it has come round its loop at least once."""
        return self.counters.get("heartbeat") > 0

    @property
    def heartbeat_age(self) -> float | None:
        """Seconds since it last came round its loop, None if it never has."""
        last = self.counters.get("heartbeat")
        return max(0.0, time.monotonic() - last) if last else None

    def poll(self) -> int | None:
        """Return the exit code (negative: the signal that ended it), or None while it runs."""
        return self._popen.poll()

    def wait(self) -> None:
        """Wait until it has ended."""
        self._popen.wait()

    def drain(self) -> None:
        """Ask it to finish what it has in hand and end."""
        self._popen.send_signal(signal.SIGTERM)

    def stop_now(self) -> None:
        """Ask it to end at once."""
        self._popen.send_signal(signal.SIGQUIT)

    def kill(self) -> None:
        """End it by force."""
        self._popen.kill()

    def reopen_logs(self) -> None:
        """Ask it to open its log file again."""
        self._send(REOPEN_LOGS)

    def last_words(self) -> str:
        """Return the error it sent before it ended, or ""."""
        self._control.setblocking(False)
        with contextlib.suppress(OSError):
            return self._control.recv(_ERROR_BYTES).decode(errors="replace")
        return ""

    def close(self) -> None:
        """Let go of a process that has ended."""
        self._control.close()
        self.counters.close()

    def _send(self, data: bytes) -> None:
        # One that has died is noticed by poll().
        with contextlib.suppress(OSError):
            self._control.sendall(data)


def how_it_died(code: int) -> str:
    """Return "exit code 1" or "signal SIGKILL"."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _environment() -> dict[str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_INHERITED)}
    if _ROOT not in site.getsitepackages():
        # Run from a source tree: let the child find the same package.
        paths = [_ROOT, environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment
