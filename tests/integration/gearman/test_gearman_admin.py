"""The admin commands against a real job server."""

import pytest
from threaded_worker import eventually

from sync_worker.errors import JobServerError
from sync_worker.gearman import Admin, Client, FunctionStatus, PriorityStatus, Worker, WorkerInfo


def test_an_empty_job_server_has_a_version_and_nothing_else(gearmand):
    admin = Admin(gearmand.address)
    assert admin.version().startswith("1.")
    assert admin.status() == []
    assert admin.priority_status() == []
    assert admin.show_jobs() == []
    assert all(info.functions == () for info in admin.workers())


def test_queued_and_running_jobs_and_workers_are_counted(gearmand):
    admin = Admin(gearmand.address)
    with Client([gearmand.address]) as client:
        for priority in ("high", "low", "low"):
            client.submit(b"f", b"x", priority=priority, background=True)
        handle = client.submit(b"f", b"x", background=True)
    assert admin.status() == [FunctionStatus("f", 4, 0, 0)]
    assert admin.priority_status() == [PriorityStatus("f", 1, 1, 2, 0)]
    jobs = admin.show_jobs()
    assert len(jobs) == 4
    assert handle.decode() in [job.handle for job in jobs]
    assert all(job.queued and not job.ignored and job.retries == 0 for job in jobs)

    worker = Worker([gearmand.address], ["f", "g"], in_flight=1, client_id="host:1:sync")
    [job] = worker.jobs(30)
    # One job in our hands, and the next one asked for while we work on it.
    eventually(lambda: FunctionStatus("f", 4, 2, 1) in admin.status())
    [info] = [info for info in admin.workers() if info.functions]
    assert info.client_id == "host:1:sync"
    assert info.address == "127.0.0.1"
    assert set(info.functions) == {"f", "g"}
    worker.complete([job])
    worker.close()


def test_a_long_answer_is_read_whole(gearmand):
    with Client([gearmand.address]) as client:
        for number in range(2000):
            client.submit(b"function-%04d" % number, b"", background=True)
    assert len(Admin(gearmand.address).status()) == 2000
    assert len(Admin(gearmand.address).show_jobs()) == 2000


def test_a_refused_command_is_a_job_server_error(gearmand):
    with pytest.raises(JobServerError, match="UNKNOWN_COMMAND"):
        Admin(gearmand.address)._lines("nonsense")


def test_a_connection_that_is_closed_and_still_listed_is_left_out(peer):
    # gearmand lists a connection it has closed, with no descriptor, until its thread comes by.
    address = peer(b"-1 127.0.0.1 - :\n7 127.0.0.1 - :\n.\n")
    assert Admin(address).workers() == [WorkerInfo(7, "127.0.0.1", "-", ())]
