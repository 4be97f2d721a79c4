"""One real server process: its own directory, a port from the kernel, stopped in any case."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from servers import reaper
from servers.sockets import HOST, Listener, bindable, free_port, listener

START_SECONDS = 60.0  # generous: a slow shared machine, a cold disk
STOP_SECONDS = 30.0  # after SIGTERM, before SIGKILL
START_ATTEMPTS = 3  # another process may take the free port before the server binds it
PING_SECONDS = 0.02  # between two tries to reach a server that starts
LOG_TAIL_LINES = 30


class ServerMissing(Exception):
    """The program of a server is not on this machine; run the set-up that the message names."""


class ServerFailed(Exception):
    """A server did not start or stop; the message ends with the tail of its log."""


class PortTaken(ServerFailed):
    """Another process listens on the port that the server was to have."""


def find_program(name: str, package: str) -> str:
    """Return the path of a server program, looking in the sbin directories as well.

    Raises ServerMissing naming the Debian package.
    """
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        raise ServerMissing(f"{name} is not installed. Try: apt-get install {package}")
    return found


class Server:
    """A server process. Subclasses say what to run and when it is ready.

    directory: where its data and log live; a temporary one, removed at close(), by default.
    environment: variables added to those of this process.
    """

    name = "server"

    def __init__(
        self,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._temporary = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix=f"sync-{self.name}-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.environment: dict[str, str] = dict(environment or {})
        self.host = HOST
        self.port = 0
        self.log = self.directory / f"{self.name}.log"
        self.start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None

    # What subclasses give.

    def command(self) -> Sequence[str]:
        """Return the program and its arguments; self.port is set."""
        raise NotImplementedError

    def ping(self) -> None:
        """Speak the server's protocol once; raise OSError or ConnectionError until it is ready."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make what must exist before the first start."""

    # The life of a server.

    def start(self) -> Self:
        """Start, and return when the server answers. Tries another port if this one was taken."""
        if self.alive:
            raise ServerFailed(f"{self.name} on port {self.port} runs already; stop it first")
        try:
            self.prepare()
            self._launch_on_some_port()
        except BaseException:
            self.close()  # nobody else will: a with statement does not exit what it did not enter
            raise
        return self

    def restart(self) -> Self:
        """Stop if it runs, and start again on the same port and data."""
        if self.alive:
            self.stop()
        self._launch()
        return self

    def stop(self) -> None:
        """Ask the server to end (SIGTERM), then end it and its whole process group by force."""
        self._end(signal.SIGTERM, STOP_SECONDS)

    def kill(self) -> None:
        """End the server at once, as a crash would (SIGKILL)."""
        self._end(signal.SIGKILL, STOP_SECONDS)

    def close(self) -> None:
        """Stop, and remove the directory if it was made here."""
        self.stop()
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def freeze(self) -> None:
        """Stop the process in its tracks (SIGSTOP): connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self if self.alive else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # What can be asked.

    @property
    def alive(self) -> bool:
        """Whether the process runs (a frozen one does)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id. Raises ServerFailed when the server was never started."""
        if self._process is None:
            raise ServerFailed(f"{self.name} was never started")
        return self._process.pid

    @property
    def address(self) -> str:
        """host:port."""
        return f"{self.host}:{self.port}"

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """Return the last lines of the server's log, or a note that there is none."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:]) or "(empty log)"

    # How it is done.

    def _launch_on_some_port(self) -> None:
        for attempt in range(START_ATTEMPTS):
            self.port = free_port()
            try:
                return self._launch()
            except PortTaken:
                if attempt + 1 == START_ATTEMPTS:
                    raise

    def _launch(self) -> None:
        arguments = [*reaper.DIE_WITH_PARENT, *(str(argument) for argument in self.command())]
        environment = {**os.environ, **self.environment}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=environment,
                start_new_session=True,
            )
        reaper.remember(self)
        try:
            self._await_ready()
        except BaseException:
            self.kill()
            raise

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        last: BaseException | None = None
        while time.monotonic() < deadline:
            owner = listener(self.port, self.pid)
            taken = owner is Listener.NOBODY and not self.alive and not bindable(self.port)
            if owner is Listener.OTHER or taken:
                raise PortTaken(self._failure("found its port taken by another process"))
            if not self.alive:
                raise ServerFailed(self._failure(f"ended with exit code {self._exit_code()}"))
            try:
                if owner is Listener.SELF:
                    return self.ping()
            except OSError as error:
                last = error
            time.sleep(PING_SECONDS)
        why = f"did not answer within {self.start_seconds:.0f} s (last: {last})"
        raise ServerFailed(self._failure(why))

    def _exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def _failure(self, what: str) -> str:
        return (
            f"{self.name} on {self.address} {what}. Command: {' '.join(self.command())}\n"
            f"The end of {self.log}:\n{self.log_tail()}"
        )

    def _signal(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)

    def _end(self, number: signal.Signals, seconds: float) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            os.kill(process.pid, number)
            if number is not signal.SIGKILL:
                os.kill(process.pid, signal.SIGCONT)  # a frozen server must see the signal
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        # The group outlives its leader if the server left children behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reaper.forget(self)
