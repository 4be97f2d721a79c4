"""Progress of a long command: a bar on a terminal, else a line now and then. On standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Show = Callable[[str, int, int], None]
"""state, done, total (0: not known)"""

LINE_SECONDS = 5.0


@contextmanager
def progress_of(name: str, unit: str) -> Iterator[Show]:
    """Give a function that shows how far `name` has come, in `unit`s."""
    if not sys.stderr.isatty():
        yield _lines(name, unit)
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and not needed for lines
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    counts = "{task.completed:,.0f} of about {task.total:,.0f} " + unit
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(counts),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(name, total=1, state="")

        def show(state: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=max(total, done, 1), state=state)

        yield show


def _lines(name: str, unit: str) -> Show:
    last = ("", 0.0)

    def show(state: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if state == last[0] and now < last[1] + LINE_SECONDS:
            return
        last = (state, now)
        of = f" of about {total:,}" if total else ""
        click.echo(f"{name}: {done:,}{of} {unit}, {state}", err=True)

    return show
