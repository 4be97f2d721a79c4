"""One `sync-worker run` under test, with its own run directory and configuration file."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from contextlib import suppress
from pathlib import Path

from sync_worker import pidfile, status
from sync_worker.gearman import Client, Task

DEADLINE = 60.0  # seconds: generous, for a slow shared machine
FUNCTION = b"syncToRedis"
ROOT = Path(__file__).parents[2]


def wait_for(condition, what, seconds=DEADLINE):
    """Return the condition's first true value; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain until {what}"
        time.sleep(0.02)
    return value


def alive(pid):
    """Whether a process runs (one that has ended but was not waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def row(number):
    """A bare row as a hand-written trigger sends it, and the key and value it must become."""
    return b'{"id":"key-%d","volume":%d}' % (number, number)


def submit(gearmand, numbers):
    """Queue a job for each number; every one was acknowledged."""
    with Client([gearmand.address]) as client:
        tasks = [Task(FUNCTION, row(number), background=True) for number in numbers]
        assert all(result.error is None for _, result in client.submit_many(tasks))


def in_redis(redis_client, numbers):
    """Whether the rows of all numbers are in Redis, byte for byte."""
    numbers = list(numbers)
    found = redis_client.mget([f"key-{number}" for number in numbers])
    return found == [row(number) for number in numbers]


class Load:
    """Submits jobs in small lots, in a thread, until the block ends; `count` were acknowledged."""

    def __init__(self, gearmand):
        self._gearmand = gearmand
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.count = 0

    def _work(self):
        while not self._stop.is_set():
            submit(self._gearmand, range(self.count, self.count + 50))
            self.count += 50
            time.sleep(0.005)

    def __enter__(self):
        self._thread.start()
        wait_for(lambda: self.count, "the load has begun")
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


class Instance:
    """Context manager; ends everything it started, by process id."""

    def __init__(self, directory, gearmand, redis_server):
        self.directory = directory
        self.gearmand = gearmand
        self.config = directory / "sync-worker.toml"
        self.errors = directory / "stderr"
        self.settings = {
            "gearman": {"servers": [gearmand.address]},
            "redis": {"url": redis_server.url},
            "worker": {},
            "run": {"directory": str(directory)},
        }
        self.python = sys.executable
        self.process = None
        self._pids = set()
        self.write_config()

    def write_config(self, **sections):
        """Change settings, as section={name: value}, and write the file."""
        for section, values in sections.items():
            self.settings.setdefault(section, {}).update(values)
        lines = []
        for section, values in self.settings.items():
            lines.append(f"[{section}]")
            lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        self.config.write_text("\n".join(lines) + "\n")

    def command(self, *arguments):
        """The command line of a sub-command with this configuration."""
        name, *rest = arguments
        program = [self.python, "-m", "sync_worker", name, "--config", str(self.config)]
        return [*program, *map(str, rest)]

    def environment(self, extra):
        own = {k: v for k, v in os.environ.items() if not k.startswith("SYNC_WORKER_")}
        # The site directory as well, for another interpreter than that of the tests.
        paths = [str(ROOT), sysconfig.get_path("purelib"), own.get("PYTHONPATH", "")]
        return own | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | extra

    def cli(self, *arguments, **env):
        """Run a sub-command to its end."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE,
            env=self.environment(env),
        )

    def launch(self, *arguments, before=(), **env):
        """Start `run` in the foreground; it may not be up yet."""
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*before, *self.command("run", *arguments)],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=self.environment(env),
            )
        return self

    def start(self, *arguments, **env):
        """Start `run` in the foreground and wait until all is up."""
        self.launch(*arguments, **env)
        self.await_state("running")
        return self

    def await_state(self, state):
        """Wait for a status file of the process that runs now, in this state."""

        def reached():
            assert self.process.poll() is None, self.text()
            report = self.report()
            return report and report.pid == self.process.pid and report.state == state

        wait_for(reached, f"the state is {state}")

    def report(self):
        """What the status file says now."""
        report = status.read(self.directory)
        if report:
            self._pids |= {process.pid for process in report.processes if process.pid}
        return report

    def workers(self):
        """Process ids of the workers, by slot."""
        return {p.slot: p.pid for p in self.report().processes if p.pid and p.state == "up"}

    def total(self, name):
        """Sum of one count over all workers."""
        return self.report().total(name)

    def text(self):
        """What it wrote to standard error."""
        return self.errors.read_text()

    def said(self, sentence):
        """Wait until it has logged a sentence to standard error."""
        wait_for(lambda: sentence in self.text(), f"it says {sentence!r}")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """Return the exit code, once it has ended."""
        return self.process.wait(DEADLINE)

    def stop(self):
        """SIGTERM; return the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(status.StatusUnreadable):
            self.report()
        parents = {pidfile.running(self.directory)}
        if self.process and self.process.poll() is None:
            parents.add(self.process.pid)
        for pid in [*parents, *self._pids]:
            if pid and self._is_ours(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self.process:
            self.process.wait()

    def _is_ours(self, pid):
        try:
            return b"sync_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False


def install_product(instance, sql_server, schema, entry=""):
    """Configure the table `product` of a schema, `entry` the rest of its [[table]], and install."""
    instance.write_config(
        mysql={"host": sql_server.host, "port": sql_server.port, "user": "root"},
        relay={"schema": f"outbox_{schema}"},
    )
    with instance.config.open("a") as file:
        file.write(f'[[table]]\nname = "{schema}.product"\nkey = "product:{{id}}"\n{entry}\n')
    installed = instance.cli("install", "--functions", "no")
    assert installed.returncode == 0, installed.stderr
