"""The pid file: one at a time, and a crash leaves nothing in the way."""

import os
import subprocess
import sys

import pytest

from sync_worker.errors import ConfigError
from sync_worker.pidfile import NAME, AlreadyRunning, PidFile, make_directory, running


def test_it_names_this_process_while_held(tmp_path):
    with PidFile(tmp_path):
        assert (tmp_path / NAME).read_text() == f"{os.getpid()}\n"
        assert running(tmp_path) == os.getpid()
    assert running(tmp_path) is None
    assert not (tmp_path / NAME).exists()


def test_a_second_one_is_refused_and_told_the_process_id(tmp_path):
    with (
        PidFile(tmp_path),
        pytest.raises(AlreadyRunning, match=f"already runs here with process id {os.getpid()} "),
        PidFile(tmp_path),
    ):
        pass


def test_a_file_left_by_a_crash_is_taken_over(tmp_path):
    program = "import os, sys, pathlib; from sync_worker.pidfile import PidFile\n"
    program += "PidFile(pathlib.Path(sys.argv[1])).__enter__(); os._exit(9)"
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert (tmp_path / NAME).exists()
    assert running(tmp_path) is None
    with PidFile(tmp_path):
        assert running(tmp_path) == os.getpid()


def test_a_process_id_used_again_by_another_program_does_not_count(tmp_path):
    (tmp_path / NAME).write_text(f"{os.getppid()}\n")  # alive, but not ours
    assert running(tmp_path) is None
    with PidFile(tmp_path):
        pass


def test_looking_does_not_disturb_the_holder(tmp_path):
    with PidFile(tmp_path):
        for _ in range(100):
            assert running(tmp_path) == os.getpid()


def test_a_missing_directory_is_a_clear_error(tmp_path):
    with (
        pytest.raises(ConfigError, match=r"run\.directory = '.*': sync-worker\.pid cannot"),
        PidFile(tmp_path / "none"),
    ):
        pass


def test_the_directory_is_made(tmp_path):
    make_directory(tmp_path / "a" / "b")
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(ConfigError, match=r"run\.directory"):
        make_directory(tmp_path / "f")


def test_a_strangers_directory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1000)
    if tmp_path.stat().st_uid == 0:  # root's own is trusted: give it to another
        os.chown(tmp_path, 12345, -1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        make_directory(tmp_path)
