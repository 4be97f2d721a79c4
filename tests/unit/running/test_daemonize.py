"""Leaving the terminal: what the caller hears, and as whom the daemon runs."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sync_worker import pidfile
from sync_worker.config import Run
from sync_worker.daemonize import owner
from sync_worker.errors import ConfigError

ROOT = Path(__file__).parents[3]

# Run in an interpreter of its own: a daemon closes every file it finds open.
PROGRAM = """
import os, pathlib, sys, time
from sync_worker.config import Run
from sync_worker.daemonize import start
directory = pathlib.Path(sys.argv[1])
def serve(ready):
    {body}
    return 0
sys.stdout.write(start(Run(directory=directory, user=sys.argv[2]), serve, lambda e: f"told: {{e}}"))
"""


def run(directory, body, user=""):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body), str(directory), user],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ).stdout


def test_the_caller_hears_nothing_when_all_is_well(tmp_path):
    assert run(tmp_path, "ready()") == ""


def test_the_caller_hears_what_was_raised_before_the_daemon_was_ready(tmp_path):
    assert run(tmp_path, "raise ValueError('no good')") == "told: no good"


def test_the_caller_hears_that_the_daemon_died_while_starting(tmp_path):
    assert run(tmp_path, "os.kill(os.getpid(), 9)").startswith("told: the daemon ended while")


def test_the_caller_does_not_wait_for_what_comes_after(tmp_path):
    assert run(tmp_path, "ready(); time.sleep(0.5); raise ValueError('later')") == ""


def test_a_daemon_holds_the_pid_file(tmp_path):
    body = "ready(); (directory / 'mine').write_text(str(os.getpid())); time.sleep(5)"
    run(tmp_path, body)
    end = time.monotonic() + 60
    while not ((tmp_path / "mine").exists() and (text := (tmp_path / "mine").read_text())):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert pidfile.running(tmp_path) == int(text)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another user")
def test_user_group_and_other_groups_all_change(tmp_path):
    directory = Path(tempfile.mkdtemp(prefix="sync-worker-daemonize-"))  # others can reach it
    nobody = pwd.getpwnam("nobody")
    try:
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)
        body = (
            "(directory / 'ids').write_text(repr((os.getresuid(), os.getresgid(), "
            "os.getgroups()))); ready()"
        )
        assert run(directory, body, "nobody") == ""
        uid, gid = nobody.pw_uid, nobody.pw_gid
        assert (directory / "ids").read_text() == repr(((uid,) * 3, (gid,) * 3, [gid]))
    finally:
        shutil.rmtree(directory)


def test_unknown_users_and_groups_are_named():
    with pytest.raises(ConfigError, match=r"run\.user = 'nobody-here': no such user"):
        owner(Run(user="nobody-here"))
    with pytest.raises(ConfigError, match=r"run\.group = 'no-group-here': no such group"):
        owner(Run(group="no-group-here"))


def test_only_root_may_change_the_user(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(ConfigError, match=r"run\.user = 'root': only root can change to it"):
        owner(Run(user="root"))


def test_without_user_and_group_nothing_changes():
    assert owner(Run()).ids is None
