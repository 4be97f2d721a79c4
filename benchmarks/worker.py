"""How fast a worker empties a queue, against a plain loop over a PyPI package; and its memory."""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from servers import Gearmand, RedisServer

from sync_worker.gearman import Admin, Client, Task

from .figure import Figure

HERE = Path(__file__).resolve().parent
JOBS = 200_000
PLAIN_JOBS = 10_000
ROUNDS = 3
MANY = 1_000_000
FUNCTION = b"syncToRedis"

# gearmand finds a job by its handle in a table of 991 chains unless told otherwise: with 200,000
# jobs queued it walks 200 links for each job that is completed. Used for all that is compared.
BUCKETS = "--hashtable-buckets=1000003"


def fill(gearmand: Gearmand, count: int) -> None:
    """Queue bare jobs."""
    tasks = (
        Task(FUNCTION, b'{"id":%d,"volume":%d}' % (i, i * 7), background=True) for i in range(count)
    )
    with Client([gearmand.address]) as client:
        for _, result in client.submit_many(tasks):
            assert result.error is None, result.error


@contextlib.contextmanager
def process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A child that is stopped at the end, whatever happens."""
    child = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)


def await_keys(server: RedisServer, count: int) -> tuple[float, int]:
    """Wait for `count` keys; return the moment, and how many there are by then."""
    deadline = time.monotonic() + 300
    with server.client() as client:
        while (there := client.dbsize()) < count:
            assert time.monotonic() < deadline, "the queue does not empty"
            time.sleep(0.002)
    return time.monotonic(), there


def emptied(command: list[str], jobs: int, *options: str) -> float:
    """Jobs a second: from the first key in Redis to the last, the start of Python left out."""
    with Gearmand(*options) as gearmand, RedisServer() as server:
        fill(gearmand, jobs)
        environment = {
            "SYNC_WORKER_GEARMAN_SERVERS": gearmand.address,
            "SYNC_WORKER_REDIS_URL": f"redis://{server.address}/0",
            "SYNC_WORKER_RUN_DIRECTORY": str(server.directory),
        }
        with process(command, environment):
            start, had = await_keys(server, 1)
            end, _ = await_keys(server, jobs)
            return (jobs - had) / (end - start)


def rate() -> list[Figure]:
    """The worker and the plain loop, in turns. (gearman3 fails on Python 3.9 and later.)"""
    ours_command = [sys.executable, "-m", "sync_worker", "run", "--workers", "1"]
    ours: list[float] = []
    untuned: list[float] = []
    plain: list[float] = []
    plain_command = [sys.executable, str(HERE / "plain_gear.py")]
    for _ in range(ROUNDS):
        ours.append(emptied(ours_command, JOBS, BUCKETS))
        untuned.append(emptied(ours_command, JOBS))
        plain.append(emptied(plain_command, PLAIN_JOBS, BUCKETS))
    best, yardstick = statistics.median(ours), statistics.median(plain)
    return [
        Figure("worker, bare jobs from a full queue", best, "jobs/s", ">= 60,000",
               f"{JOBS:,} jobs, one process, gearmand {BUCKETS}; each: {shown(ours)}"),
        Figure("the same, gearmand with its default of 991 buckets", statistics.median(untuned),
               "jobs/s", "", f"bound by gearmand; each: {shown(untuned)}"),
        Figure("worker / plain loop over the package gear", best / yardstick, "times", ">= 15",
               f"{yardstick:,.0f} jobs/s with gear and TCP_NODELAY, one SET a job"),
    ]  # fmt: skip


def shown(rates: list[float]) -> str:
    """Rates as text."""
    return ", ".join(f"{rate:,.0f}" for rate in rates)


def memory() -> list[Figure]:
    """The largest resident size of a worker process while a million jobs are queued and applied."""
    with Gearmand(BUCKETS) as gearmand, RedisServer() as server:
        fill(gearmand, MANY)
        assert Admin(gearmand.address).status()[0].queued == MANY
        environment = {
            "SYNC_WORKER_GEARMAN_SERVERS": gearmand.address,
            "SYNC_WORKER_REDIS_URL": f"redis://{server.address}/0",
            "SYNC_WORKER_RUN_DIRECTORY": str(server.directory),
        }
        command = [sys.executable, "-m", "sync_worker", "run", "--workers", "1"]
        with process(command, environment) as parent:
            await_keys(server, MANY)
            sizes = [peak(pid) for pid in (parent.pid, *children(parent.pid))]
    detail = f"{MANY:,} bare jobs; parent {sizes[0]:.0f} MB, worker {sizes[1]:.0f} MB"
    return [Figure("worker's largest resident size", max(sizes), "MB", "<= 100", detail)]


def children(pid: int) -> list[int]:
    """Child processes of one."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def peak(pid: int) -> float:
    """VmHWM in MB (10^6 bytes)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024 / 1e6
