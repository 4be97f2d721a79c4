"""What the status file and the service manager are told."""

import dataclasses
from types import SimpleNamespace

import pytest

from running.samples import process
from sync_worker import board as boards
from sync_worker import status
from sync_worker.board import Board
from sync_worker.config import Config


class Manager:
    """Remembers what a service manager would hear."""

    watchdog = 10.0

    def __init__(self):
        self.heard = []

    def __getattr__(self, name):
        return lambda *_: self.heard.append(name)


@pytest.fixture
def manager():
    return Manager()


@pytest.fixture
def board(tmp_path, manager, monkeypatch):
    config = Config()
    config = dataclasses.replace(config, run=dataclasses.replace(config.run, directory=tmp_path))
    monkeypatch.setattr(boards, "_process", lambda key, *_: process(key[1]))
    return Board(config, manager)


def generation(late=False):
    return SimpleNamespace(config=Config(), history={("worker", 1): None}, late=late, slots={})


def show(board, state, now=100.0, late=False):
    current = generation(late)
    board.show(state, True, current, [current], now)


def test_ready_is_said_once_and_again_after_a_reload(board, manager):
    for state in ("starting", "running", "running"):
        show(board, state)
    board.reloading()
    show(board, "running")
    said = [word for word in manager.heard if word in ("ready", "status", "reloading")]
    assert said == ["ready", "status", "reloading", "ready"]


def test_a_refused_reload_ends_with_ready(board, manager):
    show(board, "running")
    board.reloading()
    board.refused()
    assert manager.heard[-2:] == ["reloading", "ready"]


def test_the_watchdog_is_fed_within_half_its_period(board, manager):
    for now in range(100, 121):
        show(board, "running", float(now))
    assert manager.heard.count("alive") == 5


def test_the_watchdog_is_not_fed_while_a_process_hangs(board, manager):
    show(board, "running", late=True)
    assert "alive" not in manager.heard


def test_a_full_disk_is_logged_once_and_stops_nothing(board, manager, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(status, "write", refuse)
    show(board, "running")
    show(board, "running")
    assert [record.getMessage() for record in caplog.records] == [
        "The status file cannot be written; trying again each second."
    ]
    assert "ready" in manager.heard


def test_a_setting_that_waits_for_a_restart_is_named(board, caplog):
    new = Config()
    run = dataclasses.replace(new.run, directory=board._config.run.directory, metrics="h:1")
    board.note_changes(dataclasses.replace(new, run=run))
    [record] = caplog.records
    assert record.fields == {"setting": "run.metrics"}
