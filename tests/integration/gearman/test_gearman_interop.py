"""Our client with Debian's worker, and the other way round."""

import shutil
import subprocess

import pytest
from threaded_worker import DEADLINE, eventually

from sync_worker.gearman import Admin, Client, Task


def tool(name):
    if shutil.which(name) is None:
        pytest.fail(f"{name} is not installed. Try: apt-get install gearman-tools", pytrace=False)
    return name


@pytest.fixture
def gearman(gearmand):
    """Run Debian's gearman client: gearman(*arguments, data) returns its output."""

    def run(*arguments, data=b""):
        command = [tool("gearman"), "-h", gearmand.host, "-p", str(gearmand.port), *arguments]
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=DEADLINE, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def reversing_worker(gearmand):
    """Debian's gearman as a worker that reverses each line of a job."""
    place = ["-h", gearmand.host, "-p", str(gearmand.port)]
    process = subprocess.Popen([tool("gearman"), "-w", *place, "-f", "reverse", "--", "rev"])
    eventually(lambda: [s for s in Admin(gearmand.address).status() if s.workers])
    yield process
    process.kill()
    process.wait()


def test_their_worker_answers_our_client(gearmand, reversing_worker):
    with Client([gearmand.address]) as client:
        assert client.submit(b"reverse", b"abc\n") == b"cba\n"
        tasks = [Task(b"reverse", b"a%d\n" % n) for n in range(20)]
        results = dict(client.submit_many(tasks))
        assert [results[task].data for task in tasks] == [
            b"%sa\n" % str(n)[::-1].encode() for n in range(20)
        ]


def test_their_worker_does_our_background_jobs(gearmand, reversing_worker):
    with Client([gearmand.address]) as client:
        for priority in ("high", "normal", "low"):
            client.submit(b"reverse", b"x\n", priority=priority, background=True)
    eventually(lambda: gearmand.queued("reverse") == 0)


@pytest.mark.parametrize("priority", [[], ["-I"], ["-L"]], ids=["normal", "high", "low"])
def test_our_worker_answers_their_client(gearmand, gearman, answering, priority):
    answering([gearmand.address], ["reverse"])
    assert gearman(*priority, "-f", "reverse", data=b"abc\0def") == b"fed\0cba"


def test_our_worker_does_their_background_jobs(gearmand, gearman, answering):
    worker = answering([gearmand.address], ["f"])
    gearman("-b", "-f", "f", "-u", "key", data=b"payload")
    eventually(lambda: worker.seen == [b"payload"])


def test_their_client_sees_our_data_pieces_and_failures(gearmand, gearman, answering):
    def in_pieces(worker, jobs):
        for job in jobs:
            worker.data(job, b"one ")
            worker.data(job, b"two ")
        worker.complete(jobs, b"three")

    answering([gearmand.address], ["f"], in_pieces)
    assert gearman("-f", "f", data=b"x") == b"one two three"


def test_gearadmin_shows_our_worker(gearmand, answering):
    answering([gearmand.address], ["syncToRedis"], client_id="ours")
    place = ["-h", gearmand.host, "-p", str(gearmand.port)]

    def asked(option):
        command = [tool("gearadmin"), *place, option]
        return subprocess.run(command, capture_output=True, timeout=DEADLINE, check=True).stdout

    eventually(lambda: b"syncToRedis\t0\t0\t1" in asked("--status"))
    assert b" ours : syncToRedis" in asked("--workers")
