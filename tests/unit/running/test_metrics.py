"""Prometheus metrics of a report."""

import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from servers.base import free_port

from running.samples import process, report
from sync_worker.counters import DOCS
from sync_worker.errors import ConfigError
from sync_worker.metrics import FiguresCollector, serve


def test_every_figure_but_the_heartbeat_itself_has_a_metric():
    registry = CollectorRegistry()
    figures = {name: index + 2 for index, name in enumerate(DOCS)}
    registry.register(FiguresCollector(lambda: report([process(1, **figures)])))
    values = {s.value for m in registry.collect() for s in m.samples}
    missing = {name for name, value in figures.items() if value not in values}
    assert missing == {"heartbeat"}  # its age is shown


def test_counters_end_in_total_and_have_one_sample_a_process():
    registry = CollectorRegistry()
    latest = report([process(1, applied=3), process(2, applied=4)])
    registry.register(FiguresCollector(lambda: latest))
    name = "sync_worker_events_applied_total"
    for slot, value in (("1", 3), ("2", 4)):
        assert registry.get_sample_value(name, {"kind": "worker", "slot": slot}) == value


def test_a_process_that_waits_for_its_restart_is_not_up():
    registry = CollectorRegistry()
    registry.register(FiguresCollector(lambda: report([process(1, state="waiting")])))
    assert registry.get_sample_value("sync_worker_up", {"kind": "worker", "slot": "1"}) == 0


def test_metrics_are_served_and_stop_being_served():
    port = free_port()
    stop = serve(f"127.0.0.1:{port}", lambda: report([process(1, applied=5)]))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    assert any(f.name == "sync_worker_jobs" for f in text_string_to_metric_families(text))
    stop()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)


def test_an_address_in_use_is_a_clear_error():
    address = f"127.0.0.1:{free_port()}"
    stop = serve(address, lambda: report([]))
    try:
        with pytest.raises(ConfigError, match=r"run\.metrics = '127.*': cannot listen there"):
            serve(address, lambda: report([]))
    finally:
        stop()
