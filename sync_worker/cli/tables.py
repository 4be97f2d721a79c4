"""Draws what `status` tells."""

from __future__ import annotations

import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 160  # columns, when the output is no terminal


def show(found: dict[str, Any]) -> None:
    """Print tables and problems on standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.print(_job_servers(found["job_servers"]))
    host = found["host"]
    if "processes" in host:
        state = host["state"] if host["running"] else f"not running (was {host['state']})"
        console.print(
            f"sync-worker {host['version']}, process {host['pid']}: {state}; "
            f"as of {host['age_seconds']:g} s ago",
            markup=False,
        )
        console.print(_processes(host))
    for problem in found["problems"]:
        console.print(Text(f"! {problem}", style="bold red"), soft_wrap=True)


def _job_servers(servers: list[dict[str, Any]]) -> Table:
    table = Table("job server", "function", box=box.SIMPLE_HEAD)
    for name in ("queued", "running", "workers"):
        table.add_column(name, justify="right")
    for server in servers:
        if not server["up"]:
            table.add_row(server["address"], Text("down", style="red"))
        for row in server["functions"]:
            figures = [str(row[name]) for name in ("queued", "running", "workers")]
            table.add_row(server["address"], Text(row["function"]), *figures)
    return table


def _processes(host: dict[str, Any]) -> Table:
    table = Table("process", "pid", "state", box=box.SIMPLE_HEAD)
    for name in ("up for", "jobs", "applied", "stale", "relayed", "dead", "held", "last applied"):
        table.add_column(name, justify="right")
    for process in host["processes"]:
        figures = process["figures"]
        names = ("jobs", "applied", "stale", "relayed", "dead_lettered", "held")
        table.add_row(
            f"{process['kind']} {process['slot']}",
            str(process["pid"] or "-"),
            _state(process),
            str(datetime.timedelta(seconds=int(process["uptime"]))),
            *(str(figures[name]) for name in names),
            _ago(figures["last_applied_at"], host["written_at"]),
        )
    return table


def _state(process: dict[str, Any]) -> str:
    state = str(process["state"])
    if process["pid"] and not process["figures"]["redis_up"]:
        state += ", Redis down"
    if process["restarts"]:
        state += f", restarts: {process['restarts']}"
    return state


def _ago(moment: float, now: float) -> str:
    if not moment:
        return "never"
    return f"{datetime.timedelta(seconds=max(0, int(now - moment)))} ago"
