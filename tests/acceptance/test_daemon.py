"""`sync-worker run --daemon`, `status`, `reload` and `stop`, with real servers."""

import contextlib
import grp
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from running_instance import ROOT, Instance, alive, in_redis, submit, wait_for

from sync_worker import pidfile


@pytest.fixture
def daemon(tmp_path, gearmand, redis_server):
    with Instance(tmp_path, gearmand, redis_server) as made:
        made.write_config(run={"log_file": str(tmp_path / "sync-worker.log")})
        yield made


def log(instance):
    return (instance.directory / "sync-worker.log").read_text()


def test_a_daemon_starts_works_reloads_and_stops(daemon, gearmand, redis_client):
    started = daemon.cli("run", "--daemon", "--workers", "2")
    assert (started.returncode, started.stderr) == (0, "")
    pid = pidfile.running(daemon.directory)
    assert len(daemon.workers()) == 2  # up when the command returns
    assert os.getsid(pid) != os.getsid(0)
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    assert Path(f"/proc/{pid}/fd/2").readlink() == daemon.directory / "sync-worker.log"

    submit(gearmand, range(200))
    wait_for(lambda: in_redis(redis_client, range(200)), "all rows are in Redis")
    wait_for(lambda: daemon.total("jobs") == 200, "all jobs are counted")
    assert daemon.cli("status").returncode == 0

    second = daemon.cli("run", "--daemon")
    assert second.returncode == 4
    assert f"already runs here with process id {pid}" in second.stderr
    assert pidfile.running(daemon.directory) == pid

    before = daemon.workers()
    assert daemon.cli("reload").returncode == 0
    wait_for(lambda: "Reloaded." in log(daemon), "it has reloaded")
    wait_for(lambda: daemon.workers() and daemon.workers() != before, "new workers are up")

    stopped = daemon.cli("stop")
    assert (stopped.returncode, stopped.stdout) == (0, "Stopped.\n")
    wait_for(lambda: not alive(pid), "the daemon has gone")
    assert not (daemon.directory / pidfile.NAME).exists()
    assert daemon.cli("stop").returncode == 3


def test_a_bad_configuration_is_told_at_the_terminal(daemon):
    daemon.write_config(worker={"processes": 0})
    ended = daemon.cli("run", "--daemon")
    assert ended.returncode == 2
    assert "worker.processes = 0: expected a whole number from 1 to 256" in ended.stderr


def test_a_log_file_that_cannot_be_written_is_told_at_the_terminal(daemon, tmp_path):
    daemon.write_config(run={"log_file": str(tmp_path / "none" / "log")})
    ended = daemon.cli("run", "--daemon")
    assert ended.returncode == 2
    assert "Error: run.log_file = " in ended.stderr
    assert "Try: " in ended.stderr
    assert pidfile.running(daemon.directory) is None


def a_python_for(user):
    """An interpreter that this user can run: that of the tests may be in somebody's home."""
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])}
    program = "import click, redis, daemon, sync_worker.worker"
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            command = [python, "-c", program]
            subprocess.run(
                command, user=user, check=True, cwd="/", env=environment, capture_output=True
            )
            return python
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another user")
def test_a_daemon_changes_user_and_group(gearmand, redis_server):
    directory = Path(tempfile.mkdtemp(prefix="sync-worker-daemon-"))  # others can reach it
    try:
        # Without such an interpreter at least the group; a unit test changes the user.
        python = a_python_for("nobody")
        user = pwd.getpwnam("nobody" if python else "root")
        group = grp.getgrnam("nogroup")
        os.chown(directory, user.pw_uid, group.gr_gid)
        with Instance(directory, gearmand, redis_server) as daemon:
            daemon.write_config(
                run={
                    "user": user.pw_name,
                    "group": "nogroup",
                    "log_file": str(directory / "sync-worker.log"),
                    "directory": str(directory / "run"),
                }
            )
            daemon.directory = directory / "run"
            daemon.python = python or daemon.python
            daemon.config.chmod(0o644)
            started = daemon.cli("run", "--daemon")
            assert started.returncode == 0, started
            for pid in [pidfile.running(daemon.directory), *daemon.workers().values()]:
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                found = {line.split(":")[0]: line.split()[1:] for line in lines}
                assert set(found["Uid"]) == {str(user.pw_uid)}
                assert set(found["Gid"]) == {str(group.gr_gid)}
                assert set(found["Groups"]) <= {str(group.gr_gid)}
            assert daemon.cli("reload").returncode == 0
            wait_for(
                lambda: "Reloaded." in (directory / "sync-worker.log").read_text(), "it reloads"
            )
            assert daemon.cli("stop").returncode == 0
    finally:
        shutil.rmtree(directory)
