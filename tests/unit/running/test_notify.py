"""What a service manager hears."""

import os
import socket
import time

import pytest

from sync_worker.notify import Notifier


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(10)
        yield listener


def hear(manager):
    return manager.recv(4096).decode().split("\n")


def test_ready_and_status_go_together(manager):
    Notifier({"NOTIFY_SOCKET": manager.getsockname()}).ready("2 processes up")
    assert hear(manager) == ["READY=1", "STATUS=2 processes up"]


def test_reloading_carries_the_monotonic_clock(manager):
    before = time.monotonic()
    Notifier({"NOTIFY_SOCKET": manager.getsockname()}).reloading()
    said = dict(line.split("=") for line in hear(manager))
    assert said["RELOADING"] == "1"
    assert before - 1 <= int(said["MONOTONIC_USEC"]) / 1e6 <= time.monotonic() + 1


def test_the_abstract_namespace_is_understood():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = f"sync-worker-test-{os.getpid()}"
        listener.bind("\0" + name)
        listener.settimeout(10)
        Notifier({"NOTIFY_SOCKET": "@" + name}).stopping()
        assert hear(listener)[0] == "STOPPING=1"


def test_without_a_manager_nothing_happens():
    Notifier({}).ready("x")


def test_a_manager_that_is_gone_is_no_error(tmp_path):
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready("x")


@pytest.mark.parametrize(
    ("environment", "period"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
    ],
)
def test_the_watchdog_is_for_the_process_named(environment, period):
    assert Notifier(environment).watchdog == period
