"""The whole stack in one directory: MariaDB with the functions, gearmand, Redis, the worker."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from servers import Gearmand, MariaDB, RedisServer, reaper
from servers.paths import LIBRARY, ROOT

SQL = ROOT / "sql"
SCHEMA = "shop"
FUNCTION = "syncToRedis"
WORKER_SECONDS = 30.0  # until the job server knows the worker, and for it to drain at the end
CONFIGURATION = """\
[gearman]
servers = ["{gearmand}"]

[redis]
url = "{redis}"

[run]
directory = "{directory}"
"""


class StackFailed(Exception):
    """A part of the stack did not start or ended by itself."""


class Stack:
    """Started on entry, stopped and removed on exit. Touches no service of the machine."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.gearmand = Gearmand(directory=directory / "gearmand")
        self.redis = RedisServer(directory=directory / "redis")
        self.mariadb = MariaDB(directory=directory / "mariadb")
        self.config = directory / "sync-worker.toml"
        self.worker_log = directory / "sync-worker.log"
        self._worker: subprocess.Popen[bytes] | None = None
        self._started = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._started:
            self._started.enter_context(self.gearmand)
            self._started.enter_context(self.redis)
            self._start_mariadb()
            self._started.callback(self._stop_worker)
            self._start_worker()
            self._started = self._started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    def check(self) -> None:
        """Raise StackFailed if a part has ended."""
        for server in (self.mariadb, self.gearmand, self.redis):
            if not server.alive:
                raise StackFailed(f"{server.name} has ended:\n{server.log_tail()}")
        if self._worker is None or self._worker.poll() is not None:
            raise StackFailed(f"sync-worker has ended:\n{self._worker_tail()}")

    def _start_mariadb(self) -> None:
        if not LIBRARY.exists():
            raise StackFailed(f"{LIBRARY} is not built. Try: make build")
        self.mariadb.install_library(LIBRARY)
        self.mariadb.udf_conf.write_text(f"servers = {self.gearmand.address}\n")
        self._started.enter_context(self.mariadb)
        self.mariadb.run_script(SQL / "install-mariadb.sql")
        self.mariadb.execute(f"CREATE DATABASE {SCHEMA} DEFAULT CHARACTER SET utf8mb4")
        self.mariadb.run_script(SQL / "triggers-reference.sql", database=SCHEMA)

    def _start_worker(self) -> None:
        self.config.write_text(
            CONFIGURATION.format(
                gearmand=self.gearmand.address,
                redis=self.redis.url,
                directory=self.directory / "run",
            )
        )
        program = Path(sys.executable).with_name("sync-worker")
        arguments = [*reaper.DIE_WITH_PARENT, str(program), "run", "--config", str(self.config)]
        with self.worker_log.open("ab") as log:
            self._worker = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + WORKER_SECONDS
        while self._workers() == 0:
            self.check()
            if time.monotonic() > deadline:
                raise StackFailed(f"sync-worker does not take jobs:\n{self._worker_tail()}")
            time.sleep(0.05)

    def _workers(self) -> int:
        for line in self.gearmand.admin("status").splitlines():
            function, _total, _running, workers = line.split("\t")
            if function == FUNCTION:
                return int(workers)
        return 0

    def _stop_worker(self) -> None:
        if self._worker is None:
            return
        self._worker.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._worker.wait(WORKER_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._worker.pid, signal.SIGKILL)
        self._worker.wait()

    def _worker_tail(self) -> str:
        if not self.worker_log.exists():
            return "(no log)"
        return "\n".join(self.worker_log.read_text(errors="replace").splitlines()[-30:])
