"""Prometheus metrics, served by the parent from what it last gathered from its processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from .counters import DOCS
from .errors import ConfigError
from .status import Process, Report

DEFAULT_PORT = 9730
_LABELS = ("kind", "slot")

# Prometheus adds `_total` to the name of a counter.
_COUNTERS = {
    "jobs": "jobs",
    "events_applied": "applied",
    "events_stale": "stale",
    "dead_letters": "dead_lettered",
    "retries": "retries",
    "events_relayed": "relayed",
    "batches": "batches",
    "workload_bytes": "bytes",
}
_GAUGES = {
    "held_jobs": "held",
    "redis_up": "redis_up",
    "job_servers_up": "job_servers_up",
    "last_applied_timestamp_seconds": "last_applied_at",
}
_PROCESS = {
    "up": ("1 if the process runs and answers, else 0.", lambda p: float(p.state == "up")),
    "uptime_seconds": ("How long the process has run.", lambda p: p.uptime),
    "heartbeat_age_seconds": (
        "How long ago the process came round its loop.",
        lambda p: p.heartbeat_age or 0.0,
    ),
}


class FiguresCollector(Collector):
    """Makes metrics of the latest report, a sample for each process, labels `kind` and `slot`."""

    def __init__(self, latest: Callable[[], Report]) -> None:
        self._latest = latest

    def collect(self) -> Iterator[Metric]:
        """Return all metrics, in a fixed order."""
        report = self._latest()
        yield InfoMetricFamily("sync_worker", "Version.", {"version": report.version})
        for name, figure in _COUNTERS.items():
            doc = DOCS[figure]
            counter = CounterMetricFamily(f"sync_worker_{name}", doc, labels=_LABELS)
            _fill(counter, report, _figure(figure))
            yield counter
        restarts = CounterMetricFamily(
            "sync_worker_restarts", "Restarts after a process died.", labels=_LABELS
        )
        _fill(restarts, report, lambda process: process.restarts)
        yield restarts
        for name, figure in _GAUGES.items():
            gauge = GaugeMetricFamily(f"sync_worker_{name}", DOCS[figure], labels=_LABELS)
            _fill(gauge, report, _figure(figure))
            yield gauge
        for name, (doc, value) in _PROCESS.items():
            gauge = GaugeMetricFamily(f"sync_worker_{name}", doc, labels=_LABELS)
            _fill(gauge, report, value)
            yield gauge


def _figure(name: str) -> Callable[[Process], float]:
    return lambda process: process.figures[name]


def _fill(
    family: CounterMetricFamily | GaugeMetricFamily,
    report: Report,
    value: Callable[[Process], float],
) -> None:
    for process in report.processes:
        family.add_metric([process.kind, str(process.slot)], value(process))


def serve(address: str, latest: Callable[[], Report]) -> Callable[[], None]:
    """Serve /metrics at "host:port" (port 9730 if not given) from a thread; return what ends it.

    Raises ConfigError when nothing can listen there.
    """
    host, colon, port = address.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = address, str(DEFAULT_PORT)
    registry = CollectorRegistry()
    registry.register(FiguresCollector(latest))
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except OSError as error:
        raise ConfigError(
            f"run.metrics = {address!r}: cannot listen there: {error.strerror}"
        ) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
