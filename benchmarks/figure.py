"""One figure, and the table of all of them."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """What was measured, next to what it is measured against in the same run.

    `value` is judged by `goal`, which reads "<= 1.15" or ">= 60000"; no goal: for information.
    """

    what: str
    value: float
    unit: str
    goal: str = ""
    detail: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if not self.goal:
            return None
        sign, _, bound = self.goal.partition(" ")
        limit = float(bound.replace(",", ""))
        return self.value <= limit if sign == "<=" else self.value >= limit


def print_figures(figures: list[Figure]) -> None:
    """Print the table."""
    table = Table(title="sync-worker benchmarks")
    for heading in ("what", "figure", "goal", "", "how"):
        table.add_column(heading, justify="right" if heading in ("figure", "goal") else "left")
    for figure in figures:
        verdict = {None: "", True: "[green]reached[/]", False: "[red]missed[/]"}[figure.reached]
        table.add_row(
            figure.what, f"{figure.value:,.6g} {figure.unit}", figure.goal, verdict, figure.detail
        )
    Console(width=150).print(table)
