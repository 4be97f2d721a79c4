"""Waiting for descriptors: both ways of doing it say the same."""

import fcntl
import os
import resource
import select
import socket
import time

import pytest

from sync_worker.gearman.polling import poll

SHORT, LONG = 0.005, 0.05  # s, one for each way


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize("seconds", [0, SHORT, LONG])
def test_nothing_ready_is_an_empty_list(pair, seconds):
    assert poll({pair[0].fileno(): select.POLLIN}, seconds) == []
    assert poll({}, seconds) == []


@pytest.mark.parametrize("seconds", [0, SHORT, LONG])
def test_what_is_ready_is_named_with_its_events(pair, seconds):
    fd = pair[0].fileno()
    both = select.POLLIN | select.POLLOUT
    assert poll({fd: both}, seconds) == [(fd, select.POLLOUT)]
    pair[1].send(b"x")
    assert poll({fd: both}, seconds) == [(fd, both)]
    assert poll({fd: select.POLLIN}, seconds) == [(fd, select.POLLIN)]


@pytest.mark.parametrize("seconds", [0, SHORT, LONG])
def test_a_peer_that_has_gone_makes_its_descriptor_readable(pair, seconds):
    pair[1].close()
    [(_, events)] = poll({pair[0].fileno(): select.POLLIN}, seconds)
    assert events & select.POLLIN


def test_a_descriptor_too_large_for_select_is_waited_for_all_the_same(pair):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(2048, hard)), hard))
    try:
        high = fcntl.fcntl(pair[0].fileno(), fcntl.F_DUPFD, 1500)
        try:
            pair[1].send(b"x")
            assert poll({high: select.POLLIN}, SHORT) == [(high, select.POLLIN)]
        finally:
            os.close(high)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_wait_of_a_fraction_of_a_millisecond_is_one(pair):
    start = time.monotonic()
    for _ in range(20):
        poll({pair[0].fileno(): select.POLLIN}, 0.0001)
    assert time.monotonic() - start >= 20 * 0.0001
