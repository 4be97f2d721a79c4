"""Log records as text and as JSON, and log files that are moved away."""

import dataclasses
import json
import logging
import subprocess
import sys

import pytest

from sync_worker import logs
from sync_worker.config import Run
from sync_worker.errors import ConfigError
from sync_worker.logs import JsonFormatter, TextFormatter, fields


@pytest.fixture
def root_logger():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, root.level = handlers, level


def record(message, *arguments, exc_info=None, **extra):
    made = logging.LogRecord(
        "sync_worker.x", logging.WARNING, "x.py", 1, message, arguments, exc_info
    )
    made.__dict__.update(fields(**extra) if extra else {})
    return made


def test_text_is_a_sentence_and_then_fields():
    line = TextFormatter("worker-1").format(
        record("Job server lost.", address="[::1]:4730", wait_s=0.4)
    )
    assert line.endswith("WARNING worker-1: Job server lost. address=[::1]:4730 wait_s=0.4")


def test_text_quotes_a_value_that_could_be_read_as_two():
    line = TextFormatter("w").format(record("Lost.", why="no route = bad", empty=""))
    assert line.endswith('why="no route = bad" empty=""')


def test_data_cannot_forge_a_record():
    line = TextFormatter("w").format(record("Got %s", "a\nERROR x", key="b\r\nc"))
    assert "\n" not in line
    assert "\r" not in line


def test_json_is_one_object_a_line():
    line = JsonFormatter("worker-2").format(record("Lost\n%s.", "it", address="a", pid=-1))
    found = json.loads(line)
    assert "\n" not in line
    assert found["message"] == "Lost\nit."
    assert (found["level"], found["process"], found["address"]) == ("warning", "worker-2", "a")
    assert found["pid"] != -1  # a field does not hide what the record says itself


def test_a_traceback_is_part_of_its_record():
    error = ValueError("here")
    made = record("Failed.", exc_info=(ValueError, error, None))
    assert "ValueError: here" in json.loads(JsonFormatter("w").format(made))["exception"]
    text = TextFormatter("w").format(made)
    assert text.splitlines()[-1] == "    ValueError: here"


def test_a_log_file_moved_away_is_opened_again(tmp_path, root_logger):
    path = tmp_path / "a.log"
    logs.configure(Run(log_file=path), "w")
    logging.getLogger("t").info("one")
    path.rename(tmp_path / "a.log.1")
    logs.reopen()
    assert path.exists()
    logging.getLogger("t").info("two")
    assert "one" in (tmp_path / "a.log.1").read_text()
    assert path.read_text().endswith("w: two\n")


def test_the_level_is_obeyed(tmp_path, root_logger):
    path = tmp_path / "a.log"
    logs.configure(Run(log_file=path, log_level="error"), "w")
    logging.getLogger("t").warning("no")
    logging.getLogger("t").error("yes")
    assert path.read_text().count("\n") == 1


def test_a_log_file_that_cannot_be_opened_changes_nothing(tmp_path, root_logger):
    before = list(root_logger.handlers)
    with pytest.raises(ConfigError, match=r"run\.log_file = '.*': cannot be written: No such"):
        logs.configure(Run(log_file=tmp_path / "no" / "a.log"), "w")
    assert root_logger.handlers == before


def test_standard_error_follows_the_log_file_when_it_went_there(tmp_path):
    program = f"""
import os, pathlib
from sync_worker import logs
from sync_worker.config import Run
path = pathlib.Path({str(tmp_path / "a.log")!r})
logs.configure(Run(log_file=path), "w", take_stderr=True)
os.write(2, b"first")
path.rename({str(tmp_path / "old")!r})
logs.reopen()
os.write(2, b"second")
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert (tmp_path / "old").read_text() == "first"
    assert (tmp_path / "a.log").read_text() == "second"


def test_configure_again_changes_the_format(tmp_path, root_logger):
    run = Run(log_file=tmp_path / "a.log")
    logs.configure(run, "w")
    logs.configure(dataclasses.replace(run, log_format="json"), "w")
    logging.getLogger("t").info("hello")
    assert json.loads((tmp_path / "a.log").read_text())["message"] == "hello"
