"""`python -m benchmarks [NAME …]`: measures, prints a table; exit code 1 if a goal was missed."""

from __future__ import annotations

import sys
from collections.abc import Callable

from . import exact, functions, worker
from .figure import Figure, print_figures

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "background": functions.background,
    "post": functions.post,
    "breaker": functions.breaker,
    "worker": worker.rate,
    "memory": worker.memory,
    "writers": exact.writers,
    "drain": exact.drain,
    "visible": exact.visible,
}


def main(names: list[str]) -> int:
    """Run those named, or all."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"Error: no benchmark {unknown[0]!r}\nTry: one of {', '.join(BENCHMARKS)}")
        return 2
    figures: list[Figure] = []
    for name in names or list(BENCHMARKS):
        print(f"measuring {name} …", flush=True)
        figures += BENCHMARKS[name]()
    print_figures(figures)
    return 1 if any(figure.reached is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
