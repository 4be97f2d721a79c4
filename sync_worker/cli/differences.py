"""The result of `verify` as text."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table

from ..verify.report import KINDS, Report, shown

_WORDS = {
    "missing": "missing (a row without its key)",
    "stale": "stale (the value is not the row's)",
    "orphan": "orphan (a key without a row)",
}


def show(reports: Sequence[Report], *, repaired: bool) -> None:
    """Print a table of counts, then examples of what differs, then notes."""
    table = Table("table", box=box.SIMPLE_HEAD)
    for name in ("rows", "keys", *KINDS, "undecided", "seconds"):
        table.add_column(name, justify="right")
    for report in reports:
        counts = [_count(report, kind, repaired=repaired) for kind in KINDS]
        table.add_row(
            report.table,
            str(report.rows),
            str(report.keys),
            *counts,
            str(report.undecided),
            f"{report.seconds:.1f}",
        )
    Console(width=None if Console().is_terminal else 160).print(table)
    for report in reports:
        _examples(report)
        for note in report.notes:
            click.echo(f"{report.table}: {note}")
    if all(report.in_step for report in reports):
        was = any(sum(report.found.values()) for report in reports)
        click.echo("Mended; all is in step." if was else "All is in step.")


def _count(report: Report, kind: str, *, repaired: bool) -> str:
    found, left = report.found[kind], report.left[kind]
    return f"{found}, {left} left" if repaired and found else str(found)


def _examples(report: Report) -> None:
    for kind in KINDS:
        if not report.examples[kind]:
            continue
        click.echo(f"{report.table}: {_WORDS[kind]}")
        for difference in report.examples[kind]:
            click.echo(f"  key      {shown(difference.key)}")
            click.echo(f"  expected {shown(difference.expected) or '(no key)'}")
            click.echo(f"  found    {shown(difference.found) or '(no key)'}")
