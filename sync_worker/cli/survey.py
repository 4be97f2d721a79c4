"""What `status` tells, as one object: job servers, this host's processes, and what is wrong."""

from __future__ import annotations

from typing import Any

from .. import pidfile, status
from ..config import Config
from ..errors import GearmanError
from ..gearman import Admin

TIMEOUT = 2.0  # seconds for one job server's answer


def survey(config: Config) -> dict[str, Any]:
    """Ask everybody. A job server that does not answer is a problem, not an error."""
    servers = [_job_server(address, config) for address in config.gearman.servers]
    host, problems = _host(config)
    for server in servers:
        if not server["up"]:
            problems.append(f"job server {server['address']} is down: {server['error']}")
    return {"job_servers": servers, "host": host, "problems": problems}


def _job_server(address: str, config: Config) -> dict[str, Any]:
    try:
        rows = [row._asdict() for row in Admin(address, TIMEOUT).status()]
    except (GearmanError, OSError) as error:
        return {"address": address, "up": False, "error": str(error), "functions": []}
    ours = config.gearman.function
    if not any(row["function"] == ours for row in rows):  # nobody has used it there yet
        rows.append({"function": ours, "queued": 0, "running": 0, "workers": 0})
    rows.sort(key=lambda row: (row["function"] != ours, row["function"]))
    return {"address": address, "up": True, "error": "", "functions": rows}


def _host(config: Config) -> tuple[dict[str, Any], list[str]]:
    directory = config.run.directory
    pid = pidfile.running(directory)
    host: dict[str, Any] = {"run_directory": str(directory), "running": pid is not None}
    problems = [] if pid else [f"no sync-worker runs here (run.directory is {directory})"]
    try:
        report = status.read(directory)
    except status.StatusUnreadable as error:
        return host, [*problems, str(error)]
    if report is None:
        return host, [*problems, f"there is no status file in {directory}"] if pid else problems
    host |= report.document() | {"age_seconds": round(report.age, 1)}
    if pid is None:
        return host, problems
    if not report.fresh or report.pid != pid:
        problems.append(f"the status file is {report.age:.0f} s old; process {pid} may hang")
    for process in report.processes:
        name = f"{process.kind} {process.slot}"
        if process.state in ("late", "waiting"):
            problems.append(f"{name} is {process.state}")
        elif process.state == "up" and not process.figures["redis_up"]:
            problems.append(f"{name} cannot write to Redis")
    return host, problems
