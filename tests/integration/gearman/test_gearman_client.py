"""Our client with our worker, through a real job server."""

import os

import pytest
from threaded_worker import eventually

from sync_worker.errors import JobFailed, JobServerError, JobServerUnavailable
from sync_worker.gearman import Client, JobTimedOut, Result, Task, Worker

SIXTEEN_MIB = 16 * 1024 * 1024


@pytest.fixture
def client(gearmand):
    with Client([gearmand.address]) as made:
        yield made


def test_an_echo_comes_back_with_its_nul_bytes(client):
    assert client.echo(b"a\0b") == b"a\0b"


def test_a_foreground_job_returns_the_result(client, gearmand, answering):
    answering([gearmand.address], ["reverse"])
    assert client.submit(b"reverse", b"abc") == b"cba"
    assert client.submit(b"reverse", b"") == b""
    assert client.submit(b"reverse", b"\0a\0\0b") == b"b\0\0a\0"


def test_a_background_job_returns_a_handle_and_is_done_later(client, gearmand, answering):
    handle = client.submit(b"note", b"one", background=True)
    assert handle.startswith(b"H:")
    worker = answering([gearmand.address], ["note"])
    eventually(lambda: worker.seen == [b"one"])
    eventually(lambda: gearmand.queued("note") == 0)


def test_high_priority_goes_before_normal_before_low(client, gearmand):
    for priority in ("low", "normal", "high"):
        client.submit(b"f", priority.encode(), priority=priority, background=True)
    worker = Worker([gearmand.address], ["f"], in_flight=1)
    seen = []
    while len(seen) < 3:
        jobs = worker.jobs(10)
        seen += [job.workload for job in jobs]
        worker.complete(jobs)
    worker.close()
    assert seen == [b"high", b"normal", b"low"]


def test_equal_uniques_are_one_job_and_every_client_gets_the_result(gearmand, answering):
    with Client([gearmand.address]) as client:
        tokens = [client.send(Task(b"f", b"first", b"u")), client.send(Task(b"f", b"2nd", b"u"))]
        tokens.append(client.send(Task(b"f", b"other", b"v")))
        assert client.echo(b"") == b""
        assert gearmand.queued("f") == 2

        def in_pieces(worker, jobs):
            for job in jobs:
                worker.data(job, b"<")
                worker.data(job, b"\0")
            worker.complete(jobs, [job.workload + b">" for job in jobs])

        answering([gearmand.address], ["f"], in_pieces)
        results = {}
        while len(results) < 3:
            results.update(client.wait())
        assert [results[token].data for token in tokens] == [
            b"<\0first>",
            b"<\0first>",
            b"<\0other>",
        ]


def test_sixteen_mebibytes_go_there_and_back_with_nul_bytes(client, gearmand, answering):
    answering([gearmand.address], ["reverse"])
    workload = os.urandom(65536) * (SIXTEEN_MIB // 65536) + b"\0end"
    assert client.submit(b"reverse", workload) == workload[::-1]


def test_a_failed_job_raises(client, gearmand, answering):
    answering([gearmand.address], ["f"], lambda worker, jobs: [worker.fail(job) for job in jobs])
    with pytest.raises(JobFailed, match="reported failure") as caught:
        client.submit(b"f", b"x")
    assert caught.value.data is None


def test_an_exception_of_the_worker_raises_with_its_data(client, gearmand, answering):
    def refuse(worker, jobs):
        for job in jobs:
            worker.exception(job, b"because\0" + job.workload)

    answering([gearmand.address], ["f"], refuse)
    for _ in range(2):
        with pytest.raises(JobFailed, match="because") as caught:
            client.submit(b"f", b"x")
        assert caught.value.data == b"because\0x"
    assert client.outstanding == 0


def test_a_job_that_no_worker_takes_times_out_and_the_client_goes_on(client, gearmand, answering):
    with pytest.raises(JobTimedOut):
        client.submit(b"late", b"x", timeout=0.2)
    worker = answering([gearmand.address], ["late", "f"])
    eventually(lambda: worker.seen == [b"x"])
    assert client.submit(b"f", b"ab") == b"ba"
    assert client.wait(0) == []


def test_many_jobs_at_once_all_come_back_with_their_own_task(client, gearmand, answering):
    answering([gearmand.address], ["reverse"])
    tasks = [Task(b"reverse", b"%d-%s" % (n, os.urandom(n % 50))) for n in range(5000)]
    results = list(client.submit_many(tasks, in_flight=700))
    assert sorted(task for task, _ in results) == sorted(tasks)
    assert all(result.data == task.workload[::-1] for task, result in results)


def test_many_background_jobs_are_acknowledged_one_by_one(client, gearmand):
    tasks = (Task(b"f", b"%d" % n, background=True) for n in range(5000))
    handles = {result.handle for _, result in client.submit_many(tasks)}
    assert len(handles) == 5000
    assert gearmand.queued("f") == 5000


def test_results_are_yielded_before_the_last_task_is_submitted(client, gearmand, answering):
    answering([gearmand.address], ["reverse"])
    taken = []

    def source():
        for n in range(100):
            taken.append(n)
            yield Task(b"reverse", b"%d" % n)

    for _, result in client.submit_many(source(), in_flight=5):
        assert result.error is None
        assert len(taken) <= 100
        break
    assert len(taken) <= 10


def test_a_generator_that_is_left_early_does_not_disturb_later_jobs(client, gearmand, answering):
    answering([gearmand.address], ["reverse"])
    for _ in client.submit_many(Task(b"reverse", b"%d" % n) for n in range(50)):
        break
    assert client.submit(b"reverse", b"abc") == b"cba"
    assert client.wait(1) == []


def test_one_bad_task_among_many_is_its_own_error(client, gearmand, answering):
    answering([gearmand.address], ["reverse"])
    tasks = [Task(b"reverse", b"ab"), Task(b"no\0name"), Task(b"reverse", b"cd")]
    results = dict(client.submit_many(tasks))
    assert results[tasks[0]].data == b"ba"
    assert "no NUL" in str(results[tasks[1]].error)
    assert results[tasks[2]].data == b"dc"


def test_a_full_queue_refuses_just_the_jobs_over_its_limit(client, gearmand):
    client.submit(b"f", b"makes the function known", background=True)
    assert gearmand.admin("maxqueue f 3").startswith("OK")
    tasks = [Task(b"f", b"%d" % n, background=True) for n in range(4)]
    results = [result for _, result in client.submit_many(tasks)]
    assert [result.error is None for result in results] == [True, True, False, False]
    assert isinstance(results[2].error, JobServerError)
    with pytest.raises(JobServerError, match="QUEUE") as caught:
        client.submit(b"f", b"x", background=True)
    assert caught.value.code == "QUEUE_ERROR"
    assert client.submit(b"g", b"x", background=True)


def test_several_jobs_are_out_by_hand_and_waited_for_with_a_timeout(client, gearmand, answering):
    assert client.wait(10) == []
    tokens = [client.send(Task(b"reverse", b"%d" % n)) for n in range(3)]
    assert client.wait(0.05) == []
    assert client.outstanding == 3
    answering([gearmand.address], ["reverse"])
    results = {}
    while len(results) < 3:
        results.update(client.wait(30))
    assert [results[token].data for token in tokens] == [b"0", b"1", b"2"]
    assert client.outstanding == 0


def test_a_lost_connection_fails_every_task_without_a_result(client, gearmand):
    tokens = {client.send(Task(b"reverse", b"%d" % n)) for n in range(3)}
    assert client.echo(b"") == b""
    gearmand.kill()
    results = dict(client.wait(30))
    assert set(results) == tokens
    for result in results.values():
        assert isinstance(result.error, JobServerUnavailable)
        assert "send it again" in str(result.error)
        assert isinstance(result, Result)
    with pytest.raises(JobServerUnavailable, match=gearmand.address):
        client.submit(b"f", b"x")
    gearmand.restart()
    assert client.submit(b"f", b"x", background=True)
