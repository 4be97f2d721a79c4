"""Other Gearman programs work with ours, in both directions: gearman-tools and PHP."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from running_instance import Instance, in_redis, row, wait_for
from servers import Gearmand, RedisServer, SqlServer
from servers.base import find_program
from servers.reaper import DIE_WITH_PARENT

from sync_worker.gearman import Admin, Client, Worker

ROOT = Path(__file__).resolve().parents[2]
PHP = Path(__file__).resolve().parent / "php"
INSTALL = {
    "mariadb": "install-mariadb.sql",
    "mysql97": "install-mysql.sql",
    "mysql56": "install-mysql-5.6.sql",
}
TIMEOUT = 60.0  # seconds; for programs that end at once


@pytest.fixture
def functions(sql_server: SqlServer, gearmand: Gearmand) -> SqlServer:
    """A database server with the functions installed, whose job server is this test's."""
    if not sql_server.execute("SELECT name FROM mysql.func WHERE name = 'gman_do'"):
        sql_server.run_script(ROOT / "sql" / INSTALL[sql_server.kind])
    sql_server.execute("SELECT gman_servers_set(%s)", (gearmand.address,))
    return sql_server


@pytest.fixture
def worker(tmp_path: Path, gearmand: Gearmand, redis_server: RedisServer) -> Iterator[Instance]:
    """A running `sync-worker run`."""
    with Instance(tmp_path, gearmand, redis_server) as started:
        yield started.start()


def tool(gearmand: Gearmand, name: str, *arguments: str) -> list[str]:
    """Return the command line of one of gearman-tools for a job server."""
    program = find_program(name, "gearman-tools")
    return [program, "-h", gearmand.host, "-p", str(gearmand.port), *arguments]


def php(gearmand: Gearmand, script: str, *arguments: str) -> list[str]:
    """Return the command line of one of our PHP scripts for a job server."""
    program = find_program("php", "php-cli php-gearman")
    return [program, str(PHP / script), gearmand.host, str(gearmand.port), *arguments]


def run(command: list[str], stdin: bytes = b"") -> bytes:
    """Run a program to its end; return what it printed."""
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@contextlib.contextmanager
def running(command: list[str], gearmand: Gearmand, function: str) -> Iterator[None]:
    """Run a worker program until the block ends; it has said what it can do."""
    admin = Admin(gearmand.address)
    process = subprocess.Popen([*DIE_WITH_PARENT, *command], stdin=subprocess.DEVNULL)
    try:
        wait_for(
            lambda: any(function in worker.functions for worker in admin.workers()),
            f"{command[0]} can do {function}",
        )
        assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait(TIMEOUT)


@contextlib.contextmanager
def ours(gearmand: Gearmand, function: str) -> Iterator[None]:
    """Answer the jobs of a function with our own worker library, turned round."""
    worker = Worker([gearmand.address], [function])
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            jobs = worker.jobs(0.1)
            worker.complete(jobs, [job.workload[::-1] for job in jobs])
            worker.flush(1.0)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(TIMEOUT)
        worker.close()


def test_gman_do_is_answered_by_the_gearman_command(
    functions: SqlServer, gearmand: Gearmand
) -> None:
    command = tool(gearmand, "gearman", "-w", "-f", "reverse", "--", "rev")
    with running(command, gearmand, "reverse"):
        for name in ("gman_do", "gman_do_high", "gman_do_low"):
            [(answer,)] = functions.execute(f"SELECT {name}('reverse', 'abc')")
            assert bytes(answer).rstrip(b"\n") == b"cba"


def test_gman_do_is_answered_by_a_php_worker(functions: SqlServer, gearmand: Gearmand) -> None:
    with running(php(gearmand, "reverse_worker.php"), gearmand, "reverse"):
        rows = functions.execute(
            "SELECT gman_do('reverse', 'abc'), gman_do('reverse', x'00ff0a', 'a unique'),"
            " LENGTH(gman_do('reverse', REPEAT('x', 1000000)))"
        )
    assert rows == [(b"cba", b"\n\xff\x00", 1_000_000)]


def test_gman_sum_adds_what_a_php_worker_answers(functions: SqlServer, gearmand: Gearmand) -> None:
    with running(php(gearmand, "reverse_worker.php"), gearmand, "reverse"):
        rows = functions.execute(
            "SELECT gman_sum('reverse', n) FROM (SELECT 12 AS n UNION ALL SELECT 34) AS numbers"
        )
    assert rows == [(21 + 43,)]


def test_jobs_of_the_functions_are_taken_by_the_gearman_command(
    functions: SqlServer, gearmand: Gearmand
) -> None:
    functions.execute("SELECT gman_do_background('keep', 'from a trigger')")
    functions.execute("SELECT gman_post('keep', ' and a post')")
    wait_for(lambda: gearmand.queued("keep") == 2, "two jobs are queued")
    assert run(tool(gearmand, "gearman", "-w", "-c", "2", "-f", "keep")) == (
        b"from a trigger and a post"
    )


def test_jobs_of_the_gearman_command_are_applied_by_our_worker(
    worker: Instance, gearmand: Gearmand, redis_client: redis.Redis
) -> None:
    for number in range(3):
        run(tool(gearmand, "gearman", "-f", "syncToRedis", "-b"), row(number))
    wait_for(lambda: in_redis(redis_client, range(3)), "three rows are in Redis")
    line = b'1\t"key-0"\tjson\t\t'
    run(tool(gearmand, "gearman", "-f", "syncToRedis", "-b"), line)
    wait_for(lambda: redis_client.get("key-0") is None, "one is deleted")


def test_jobs_of_a_php_client_are_applied_by_our_worker(
    worker: Instance, gearmand: Gearmand, redis_client: redis.Redis
) -> None:
    lines = b"".join(row(number) + b"\n" for number in range(500))
    handles = run(php(gearmand, "submit.php", "syncToRedis"), lines).split()
    assert len(set(handles)) == 500
    wait_for(lambda: in_redis(redis_client, range(500)), "500 rows are in Redis")
    assert worker.stop() == 0


def test_a_foreground_job_of_another_program_gets_our_counts(
    worker: Instance, gearmand: Gearmand, redis_client: redis.Redis
) -> None:
    assert run(tool(gearmand, "gearman", "-f", "syncToRedis"), row(1)) == b"1 0 0"
    assert run(php(gearmand, "call.php", "syncToRedis", row(2).decode())) == b"1 0 0"
    assert run(tool(gearmand, "gearman", "-f", "syncToRedis"), b"no JSON") == b"0 0 1"
    assert in_redis(redis_client, (1, 2))


def test_gearadmin_shows_our_worker(worker: Instance, gearmand: Gearmand) -> None:
    def shown() -> Any:
        lines = run(tool(gearmand, "gearadmin", "--status")).decode().splitlines()
        return [line.split("\t") for line in lines if line.startswith("syncToRedis\t")]

    [[_, queued, running_now, workers]] = wait_for(shown, "gearadmin knows syncToRedis")
    assert (queued, running_now, workers) == ("0", "0", "1")
    lines = run(tool(gearmand, "gearadmin", "--workers")).decode().splitlines()
    assert any(line.endswith(": syncToRedis") for line in lines)


def test_our_worker_library_answers_the_gearman_command_and_a_php_client(
    gearmand: Gearmand,
) -> None:
    with ours(gearmand, "reverse"):
        assert run(tool(gearmand, "gearman", "-f", "reverse"), b"abc") == b"cba"
        assert run(php(gearmand, "call.php", "reverse", "abc")) == b"cba"


def test_our_client_library_is_answered_by_the_gearman_command_and_a_php_worker(
    gearmand: Gearmand,
) -> None:
    with Client([gearmand.address], timeout=TIMEOUT) as client:
        with running(php(gearmand, "reverse_worker.php"), gearmand, "reverse"):
            assert client.submit(b"reverse", b"abc\0") == b"\0cba"
        command = tool(gearmand, "gearman", "-w", "-f", "shout", "--", "tr", "a-z", "A-Z")
        with running(command, gearmand, "shout"):
            assert client.submit(b"shout", b"abc") == b"ABC"
