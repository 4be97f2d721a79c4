"""Figures in shared memory."""

import os
import subprocess
import sys

import pytest

from sync_worker.counters import COUNTS, DOCS, GAUGES, TIMES, Counters


def test_every_figure_is_zero_at_first():
    assert Counters().snapshot() == dict.fromkeys(DOCS, 0)


def test_counts_gauges_and_times_are_kept_apart():
    counters = Counters()
    for index, name in enumerate(COUNTS):
        counters.add(name, index + 1)
    counters.set("held", 7)
    counters.set("heartbeat", 12.25)
    expected = {name: index + 1 for index, name in enumerate(COUNTS)}
    found = counters.snapshot()
    assert {name: found[name] for name in COUNTS} == expected
    assert (found["held"], found["heartbeat"], found["last_applied_at"]) == (7, 12.25, 0.0)


def test_a_count_holds_more_than_32_bits():
    counters = Counters()
    counters.add("bytes", 2**40)
    counters.add("bytes", 2**40)
    assert counters.get("bytes") == 2**41


def test_an_unknown_name_is_refused():
    with pytest.raises(KeyError):
        Counters().add("speed")


def test_names_belong_to_one_table_only():
    assert len(DOCS) == len(COUNTS) + len(GAUGES) + len(TIMES)


def test_another_process_writes_what_this_one_reads():
    counters = Counters()
    program = (
        "import sys; from sync_worker.counters import Counters\n"
        "c = Counters(int(sys.argv[1])); c.add('jobs', 41); c.add('jobs'); c.set('heartbeat', 1.5)"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(counters.fd)], pass_fds=[counters.fd], check=True
    )
    assert (counters.get("jobs"), counters.get("heartbeat")) == (42, 1.5)


def test_closing_gives_the_descriptor_back():
    counters = Counters()
    counters.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(counters.fd)
