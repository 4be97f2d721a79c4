"""Several job servers; one that dies, comes back, freezes, or is something else."""

import socket
import time

import pytest
from servers import Gearmand
from threaded_worker import DEADLINE, eventually

from sync_worker.errors import JobServerUnavailable, RemoteProtocolError
from sync_worker.gearman import Admin, Client, Task, Worker
from sync_worker.gearman.packets import RESPONSE_MAGIC, Packet
from sync_worker.gearman.protocol import encode

GARBAGE = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def other():
    with Gearmand().start() as server:
        yield server


def queue(server, count, function=b"f"):
    with Client([server.address]) as client:
        tasks = (Task(function, b"%d" % n, background=True) for n in range(count))
        assert all(result.error is None for _, result in client.submit_many(tasks))


def test_a_worker_takes_the_jobs_of_two_job_servers(gearmand, other, answering):
    queue(gearmand, 3000)
    queue(other, 3000)
    worker = answering([gearmand.address, other.address], ["f"])
    eventually(lambda: gearmand.queued("f") == other.queued("f") == 0)
    assert sorted(map(int, worker.seen)) == sorted([*range(3000), *range(3000)])


def test_a_killed_job_server_is_left_and_taken_again_while_the_other_serves(
    gearmand, other, answering
):
    worker = answering([gearmand.address, other.address], ["f"])
    eventually(lambda: len(worker.worker.connected) == 2)
    gearmand.kill()
    eventually(lambda: worker.worker.connected == [other.address])
    queue(other, 100)
    eventually(lambda: len(worker.seen) == 100)
    gearmand.restart()
    queue(gearmand, 100)
    eventually(lambda: len(worker.seen) == 200)
    told = [event[0] for event in worker.events if event[1] == gearmand.address]
    assert told[:2] == ["connected", "lost"]
    assert told[-1] == "connected"


def test_a_frozen_job_server_does_not_hold_up_the_other(gearmand, other, answering):
    worker = answering([gearmand.address, other.address], ["f"])
    eventually(lambda: len(worker.worker.connected) == 2)
    queue(gearmand, 10)
    eventually(lambda: len(worker.seen) == 10)
    gearmand.freeze()
    queue(other, 2000)
    eventually(lambda: len(worker.seen) == 2010)
    gearmand.thaw()
    queue(gearmand, 10)
    eventually(lambda: len(worker.seen) == 2020)


def test_a_job_server_frozen_from_the_start_is_taken_when_it_thaws(gearmand, other, answering):
    gearmand.freeze()
    worker = answering([gearmand.address, other.address], ["f"])
    queue(other, 100)
    eventually(lambda: len(worker.seen) == 100)
    assert worker.worker.connected == [other.address]
    gearmand.thaw()
    eventually(lambda: len(worker.worker.connected) == 2)


def test_jobs_in_hand_when_the_worker_goes_are_given_to_the_next(gearmand, answering):
    queue(gearmand, 500)
    first = Worker([gearmand.address], ["f"])
    held = first.jobs(DEADLINE)
    assert held
    first.close()
    worker = answering([gearmand.address], ["f"])
    eventually(lambda: gearmand.queued("f") == 0)
    assert sorted(map(int, worker.seen)) == list(range(500))


def test_stopping_finishes_what_is_assigned_and_leaves_the_rest(gearmand):
    queue(gearmand, 3000)
    worker = Worker([gearmand.address], ["f"], in_flight=200)
    done = 0
    for _ in range(5):
        jobs = worker.jobs(DEADLINE)
        worker.complete(jobs)
        done += len(jobs)
    worker.stop_grabbing()
    while not worker.idle:
        jobs = worker.jobs(DEADLINE)
        worker.complete(jobs)
        done += len(jobs)
    assert worker.flush(DEADLINE)
    eventually(lambda: gearmand.queued("f") == 3000 - done)
    [status] = Admin(gearmand.address).status()
    assert (status.running, status.workers) == (0, 1)
    worker.close()


def test_large_jobs_do_not_pile_up_in_memory(gearmand):
    with Client([gearmand.address]) as client:
        for _ in range(20):
            client.submit(b"f", bytes(4 * 1024 * 1024), background=True)
    worker = Worker([gearmand.address], ["f"], batch_bytes=1024 * 1024)
    done = 0
    while done < 20:
        jobs = worker.jobs(DEADLINE)
        assert 0 < len(jobs) <= 2
        worker.complete(jobs)
        done += len(jobs)
    assert worker.flush(DEADLINE)
    eventually(lambda: gearmand.queued("f") == 0)
    worker.close()


@pytest.mark.parametrize(
    ("says", "closes"),
    [
        (GARBAGE, False),
        (GARBAGE, True),
        (b"", True),
        (b"", False),
        (b"\0RES" + bytes([0, 0, 0, 11, 255, 255, 255, 255]), False),
        (encode(Packet.JOB_ASSIGN, b"H:1", b"f", b"w", magic=RESPONSE_MAGIC)[:-5], True),
    ],
    ids=["garbage", "garbage-eof", "eof", "silence", "absurd-length", "half-a-packet"],
)
def test_a_worker_lives_with_a_peer_that_is_no_job_server(peer, says, closes, gearmand, answering):
    address = peer(says, closes=closes)
    worker = answering([address, gearmand.address], ["f"])
    queue(gearmand, 50)
    eventually(lambda: len(worker.seen) == 50)
    assert worker.worker.connected == [gearmand.address]
    if says or closes:
        eventually(lambda: [e for e in worker.events if e[:2] == ("unreachable", address)])


@pytest.mark.parametrize(
    ("says", "closes"),
    [(GARBAGE, False), (b"", True), (b"", False)],
    ids=["garbage", "eof", "silence"],
)
def test_a_client_passes_over_a_peer_that_is_no_job_server(peer, says, closes, gearmand):
    address = peer(says, closes=closes)
    with Client([address, gearmand.address], connect_timeout=1.0) as client:
        assert client.submit(b"f", b"x", background=True)
        assert client.address == gearmand.address


def test_a_client_names_every_job_server_it_tried_and_why(peer, gearmand):
    silent, garbage = peer(), peer(GARBAGE)
    gearmand.kill()
    client = Client([gearmand.address, silent, garbage], connect_timeout=0.5)
    with client, pytest.raises(JobServerUnavailable) as caught:
        client.submit(b"f", b"x")
    text = str(caught.value)
    assert f"{gearmand.address}: [Errno 111] Connection refused" in text
    assert f"{silent}: it did not answer" in text
    assert f"{garbage}: The peer sent bytes that are no Gearman" in text


def test_a_client_leaves_a_job_server_that_freezes_for_the_next(gearmand, other):
    with Client([gearmand.address, other.address], answer_timeout=0.5) as client:
        assert client.submit(b"f", b"x", background=True)
        gearmand.freeze()
        with pytest.raises(JobServerUnavailable, match="no answer within"):
            client.submit(b"f", b"x", background=True)
        assert client.submit(b"f", b"x", background=True)
        assert client.address == other.address
        assert other.queued("f") == 1


def test_many_tasks_go_on_at_the_next_job_server_when_one_dies(gearmand, other):
    def source():
        for number in range(3000):
            if number == 1500:
                gearmand.kill()
            yield Task(b"f", b"%d" % number, background=True)

    with Client([gearmand.address, other.address]) as client:
        results = list(client.submit_many(source(), in_flight=100))
    assert len(results) == 3000
    lost = [result for _, result in results if result.error is not None]
    assert 0 < len(lost) <= 100
    assert all(isinstance(result.error, JobServerUnavailable) for result in lost)
    assert other.queued("f") >= 1300


def test_many_tasks_fail_aloud_when_no_job_server_is_left(gearmand):
    def source():
        for number in range(1000):
            if number == 500:
                gearmand.kill()
            yield Task(b"f", b"%d" % number, background=True)

    taken = []
    with Client([gearmand.address]) as client, pytest.raises(JobServerUnavailable):
        for task, result in client.submit_many(source(), in_flight=50):
            taken.append((int(task.workload), result))
    assert sorted(number for number, _ in taken) == list(range(len(taken)))
    assert taken[-1][1].error is not None


def test_the_admin_commands_of_a_frozen_or_absent_job_server_fail_in_time(gearmand):
    gearmand.freeze()
    started = time.monotonic()
    with pytest.raises(JobServerUnavailable, match=r"did not answer 'status' within 0\.3 seconds"):
        Admin(gearmand.address, timeout=0.3).status()
    assert time.monotonic() - started < DEADLINE
    gearmand.kill()
    with pytest.raises(JobServerUnavailable, match="refused"):
        Admin(gearmand.address).version()


@pytest.mark.parametrize(
    "says", [b"-ERR unknown\r\n.\n", b"a\tb\tc\td\n.\n", b"\0\0\0", b"f\t1\n.\n", b"\xff\n.\n"]
)
def test_the_admin_commands_say_when_the_peer_is_no_job_server(peer, says):
    address = peer(says)
    for command in ("status", "priority_status", "workers", "show_jobs"):
        with pytest.raises(RemoteProtocolError, match="no job server"):
            getattr(Admin(address), command)()


def test_the_version_of_something_else_is_refused(peer):
    with pytest.raises(RemoteProtocolError, match="no job server"):
        Admin(peer(GARBAGE)).version()
    with pytest.raises(RemoteProtocolError):
        Admin(peer(closes=True)).version()


def test_a_name_with_several_addresses_is_tried_at_each(gearmand, answering, monkeypatch):
    real = socket.getaddrinfo
    dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.3", gearmand.port))

    def resolve(host, port, **options):
        return [dead, *real("127.0.0.1", port, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    name = f"two-addresses:{gearmand.port}"
    answering([name], ["reverse"])
    with Client([name]) as client:
        assert client.submit(b"reverse", b"abc") == b"cba"


def test_a_name_that_does_not_resolve_is_passed_over(gearmand, answering):
    nowhere = "no-such-host.invalid:4730"
    worker = answering([nowhere, gearmand.address], ["f"])
    queue(gearmand, 10)
    eventually(lambda: len(worker.seen) == 10)
    with Client([nowhere, gearmand.address]) as client:
        assert client.echo(b"x") == b"x"
    with pytest.raises(JobServerUnavailable, match="no-such-host"):
        Admin(nowhere).version()


def test_a_job_server_killed_under_a_loaded_worker_leaves_no_job_of_the_other_undone(
    gearmand, other, answering
):
    queue(gearmand, 5000)
    queue(other, 5000)
    worker = answering([gearmand.address, other.address], ["f"], in_flight=100)
    eventually(lambda: len(worker.seen) > 500)
    gearmand.kill()
    eventually(lambda: other.queued("f") == 0)
    gearmand.restart()
    queue(gearmand, 50)
    eventually(lambda: gearmand.queued("f") == 0)
