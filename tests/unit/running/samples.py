"""Reports made up for tests."""

import time

from sync_worker.counters import DOCS
from sync_worker.status import Process, Report


def process(slot, state="up", **figures):
    """A process that is up, with these figures and zeros."""
    base = {**dict.fromkeys(DOCS, 0), "redis_up": 1, "job_servers_up": 1}
    return Process(
        kind="worker",
        slot=slot,
        pid=1000 + slot if state != "waiting" else None,
        state=state,
        uptime=12.5,
        restarts=0,
        heartbeat_age=0.25,
        figures=base | figures,
    )


def report(processes, **changes):
    """A running parent with these processes."""
    now = time.time()
    members = {
        "version": "0.1.0",
        "pid": 999,
        "state": "running",
        "started_at": now,
        "written_at": now,
        "config": "",
        "drained": None,
        "processes": processes,
    }
    return Report(**members | changes)
