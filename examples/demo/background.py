"""make up and make down: the stack kept by a process in the background."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from servers.paths import ROOT

from demo.stack import SCHEMA, Stack, StackFailed

STATE = ROOT / ".run" / "stack.json"
LOG = ROOT / ".run" / "stack.log"
UP_SECONDS = 120.0
DOWN_SECONDS = 90.0
CHECK_SECONDS = 2.0  # between two looks at the parts of the stack
MODULE = "demo.background"


def up(console: Console) -> int:
    """Start the keeper, wait until the stack runs, print how to reach it. Returns an exit code."""
    if _running() is None:
        STATE.parent.mkdir(exist_ok=True)
        STATE.unlink(missing_ok=True)
        console.print("Starting a private MariaDB, gearmand and Redis, and sync-worker.")
        with LOG.open("wb") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-m", MODULE],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + UP_SECONDS
        while not STATE.exists():
            if keeper.poll() is not None or time.monotonic() > deadline:
                keeper.terminate()
                keeper.wait()
                raise StackFailed(f"the stack did not start. {LOG} ends:\n{_tail(LOG)}")
            time.sleep(0.1)
    else:
        console.print("The stack runs already.")
    state = json.loads(STATE.read_text())
    for line in state["how"]:
        console.print(line, markup=False, soft_wrap=True)
    return 0


def down(console: Console) -> int:
    """Stop the keeper and with it the stack. Returns an exit code."""
    keeper = _running()
    if keeper is None:
        STATE.unlink(missing_ok=True)
        console.print("The stack does not run.")
        return 0
    os.kill(keeper, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while _running() is not None:
        if time.monotonic() > deadline:
            raise StackFailed(f"process {keeper} does not end. Try: kill -9 {keeper}")
        time.sleep(0.1)
    STATE.unlink(missing_ok=True)
    console.print("Stopped, and its directory removed.")
    return 0


def keep() -> int:
    """Hold the stack until SIGTERM, or until a part of it ends. Runs in the background."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may go
    directory = Path(tempfile.mkdtemp(prefix="sync-worker-up-"))
    try:
        with Stack(directory) as stack:
            _write({"pid": os.getpid(), "how": _how(stack)})
            while not stop.wait(CHECK_SECONDS):
                stack.check()
    finally:
        STATE.unlink(missing_ok=True)
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def _how(stack: Stack) -> list[str]:
    maria, redis, gearmand = stack.mariadb, stack.redis, stack.gearmand
    program = Path(sys.executable).with_name("sync-worker")
    return [
        f"MariaDB:     mariadb --no-defaults -h {maria.host} -P {maria.port} -u root {SCHEMA}",
        "             such as: INSERT INTO product (name, price, volume) VALUES ('Pan', 9.5, 3);",
        f"Redis:       redis-cli -p {redis.port}, then GET 1",
        f"gearmand:    gearadmin -h {gearmand.host} -p {gearmand.port} --status",
        f"sync-worker: {program} status --config {stack.config}",
        f"Its log:     {stack.worker_log}",
        "To stop all of it: make down",
    ]


def _write(state: dict[str, Any]) -> None:
    fresh = STATE.with_suffix(".new")
    fresh.write_text(json.dumps(state))
    fresh.replace(STATE)


def _running() -> int | None:
    """Return the keeper's pid if it lives: the process must be ours, pids are used again."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        pid = int(json.loads(STATE.read_text())["pid"])
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if MODULE.encode() in arguments:
            return pid
    return None


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-30:])


if __name__ == "__main__":
    sys.exit(keep())
