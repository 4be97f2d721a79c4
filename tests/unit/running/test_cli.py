"""The command line: help, errors, exit codes. No process is started."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib

import click
import pytest

from running.samples import process, report
from sync_worker import status
from sync_worker.cli import COMMANDS, group, main, survey
from sync_worker.config import Config, Run, load
from sync_worker.errors import JobServerUnavailable
from sync_worker.gearman import FunctionStatus
from sync_worker.pidfile import PidFile

SETTINGS = '[gearman]\nservers = ["127.0.0.1:1"]\n[run]\ndirectory = "{}"\n'


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SYNC_WORKER_"):
            monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(SETTINGS.format(tmp_path))
    return path


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_names_its_variables(name, capsys):
    assert run(name, "--help") == 0
    shown = capsys.readouterr().out
    command = group.get_command(click.Context(group), name)
    for option in command.params:
        if isinstance(option, click.Argument):
            continue
        assert option.envvar.startswith("SYNC_WORKER_")
        assert f"env var: {option.envvar}" in " ".join(shown.split())


def test_help_lists_every_command_without_importing_one(capsys):
    program = (
        "import sys\nfrom sync_worker.cli import main\n"
        "try: main(['--help'])\nfinally: print([m for m in sys.modules if m in "
        "('redis', 'rich', 'daemon', 'prometheus_client', 'sync_worker.supervisor')])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert shown.endswith("[]\n")
    assert all(f"  {name}" in shown for name in COMMANDS)


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("sync-worker, version ")


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["nonsense"], ["run", "--workers", "0"], ["run", "--speed"]]
)
def test_a_wrong_command_line_is_exit_code_2_with_error_and_try(arguments, capsys):
    assert run(*arguments) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown[0].startswith("Error: ")
    assert shown[1].startswith("Try: sync-worker ")


def test_a_wrong_number_of_workers_says_what_is_expected(capsys, monkeypatch):
    monkeypatch.setenv("SYNC_WORKER_WORKER_PROCESSES", "many")
    assert run("run") == 2
    assert "expected a whole number from 1 to 256, not 'many'" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bad_configuration_is_exit_code_2_that_names_field_and_file(name, tmp_path, capsys):
    path = tmp_path / "bad.toml"
    path.write_text("[redis]\ntimeout = -1\n")
    assert run(name, "--config", path) == 2
    shown = capsys.readouterr().err
    assert f"Error: {path}: redis.timeout = -1: expected a duration" in shown
    assert "Try: correct it, then `sync-worker check-config`" in shown


@pytest.mark.parametrize("name", ["stop", "reload"])
def test_nothing_to_signal_is_exit_code_3(name, config, capsys):
    assert run(name, "--config", config) == 3
    assert "Error: no sync-worker runs here" in capsys.readouterr().err


def test_a_second_run_is_exit_code_4_that_names_the_first(config, tmp_path, capsys):
    with PidFile(tmp_path):
        assert run("run", "--config", config) == 4
    shown = capsys.readouterr().err
    assert f"process id {os.getpid()}" in shown
    assert "Try: `sync-worker stop`" in shown


def test_a_daemon_needs_a_log_file(config, capsys):
    assert run("run", "--daemon", "--config", config) == 2
    assert "run.log_file is not set; --daemon" in capsys.readouterr().err


def test_an_unknown_user_is_named(tmp_path, capsys):
    path = tmp_path / "c.toml"
    path.write_text(
        SETTINGS.format(tmp_path) + f'user = "no-such-user"\nlog_file = "{tmp_path}/l"\n'
    )
    assert run("run", "--daemon", "--config", path) == 2
    assert "run.user = 'no-such-user': no such user" in capsys.readouterr().err


def test_reload_sends_the_signal_that_nohup_does_not_ignore(config, tmp_path, monkeypatch, capsys):
    sent = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    with PidFile(tmp_path):
        assert run("reload", "--config", config) == 0
    assert sent == [(os.getpid(), signal.SIGUSR1)]


def test_another_users_process_is_a_clear_error(config, tmp_path, monkeypatch, capsys):
    def refuse(pid, number):
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    with PidFile(tmp_path):
        assert run("stop", "--config", config) == 1
    assert "belongs to another user\nTry: the same command with sudo" in capsys.readouterr().err


def test_check_config_prints_a_file_that_means_the_same(tmp_path, monkeypatch, capsys):
    path = tmp_path / "c.toml"
    path.write_text('[redis]\nurl = "rediss://cache:6380/2"\n[worker]\ndrain = "1m"\n')
    monkeypatch.setenv("SYNC_WORKER_REDIS_PASSWORD", "hush-hush")
    monkeypatch.setenv("SYNC_WORKER_GEARMAN_FUNCTION", 'a "quoted" name')
    assert run("check-config", "--config", path) == 0
    shown = capsys.readouterr().out
    assert "hush-hush" not in shown
    assert "# password is set (environment)" in shown
    assert 'url = "rediss://cache:6380/2"  # file' in shown
    assert "processes = 1  # default" in shown
    again = tmp_path / "again.toml"
    again.write_text(shown)
    expected, found = load(path), load(again)
    assert tomllib.loads(shown)["gearman"]["function"] == 'a "quoted" name'
    for section in ("gearman", "redis", "events", "worker", "dead_letters", "run"):
        assert getattr(found, section) == getattr(expected, section)


class StubAdmin:
    """A job server that is down at port 2 and has one function elsewhere."""

    def __init__(self, address, timeout):
        self.address = address

    def status(self):
        if self.address.endswith(":2"):
            raise JobServerUnavailable("nobody there")
        return [FunctionStatus("other", 1, 0, 0), FunctionStatus("syncToRedis", 7, 2, 3)]


@pytest.fixture
def job_servers(monkeypatch):
    monkeypatch.setattr(survey, "Admin", StubAdmin)


def ask(config, capsys, code):
    assert run("status", "--json", "--config", config) == code
    return json.loads(capsys.readouterr().out)


def test_status_is_well_when_everything_is_up(config, tmp_path, job_servers, capsys):
    status.write(tmp_path, report([process(1, applied=4)], pid=os.getpid()))
    with PidFile(tmp_path):
        found = ask(config, capsys, 0)
        assert run("status", "--config", config) == 0
    assert found["problems"] == []
    assert found["host"]["totals"]["applied"] == 4
    assert found["job_servers"][0]["functions"][0] == {
        "function": "syncToRedis",
        "queued": 7,
        "running": 2,
        "workers": 3,
    }
    shown = capsys.readouterr().out
    assert "syncToRedis" in shown
    assert "worker 1" in shown


def test_status_shows_a_job_server_that_is_down(tmp_path, job_servers, capsys):
    path = tmp_path / "c.toml"
    path.write_text(SETTINGS.format(tmp_path).replace(":1", ":2"))
    status.write(tmp_path, report([process(1)], pid=os.getpid()))
    with PidFile(tmp_path):
        found = ask(path, capsys, 1)
    assert found["job_servers"][0]["up"] is False
    assert found["problems"] == ["job server 127.0.0.1:2 is down: nobody there"]


def test_status_says_what_is_wrong_with_the_processes(config, tmp_path, job_servers, capsys):
    sick = [process(1, state="waiting"), process(2, state="late"), process(3, redis_up=0)]
    status.write(tmp_path, report(sick, pid=os.getpid()))
    with PidFile(tmp_path):
        found = ask(config, capsys, 1)
    wrong = ["worker 1 is waiting", "worker 2 is late", "worker 3 cannot write to Redis"]
    assert found["problems"] == wrong


def test_status_says_plainly_that_its_file_is_stale(config, tmp_path, job_servers, capsys):
    old = report([process(1)], pid=os.getpid(), written_at=time.time() - 60)
    status.write(tmp_path, old)
    with PidFile(tmp_path):
        found = ask(config, capsys, 1)
    assert found["problems"] == [f"the status file is 60 s old; process {os.getpid()} may hang"]


def test_status_says_plainly_that_nothing_runs(config, job_servers, capsys):
    found = ask(config, capsys, 3)
    assert found["problems"][0].startswith("no sync-worker runs here")
    assert run("status", "--config", config) == 3


def test_status_of_a_parent_that_has_just_started_has_no_file_yet(
    config, tmp_path, job_servers, capsys
):
    with PidFile(tmp_path):
        found = ask(config, capsys, 1)
    assert found["problems"] == [f"there is no status file in {tmp_path}"]


def test_a_function_nobody_has_used_is_shown_with_zeros(job_servers, tmp_path):
    base = Config(run=Run(directory=tmp_path))
    found = survey.survey(base)["job_servers"][0]["functions"]
    assert [row["function"] for row in found] == ["syncToRedis", "other"]
