"""make demo, make up, make down."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from rich.console import Console
from servers import ServerFailed, ServerMissing

from demo import background
from demo.compare import Comparison, compare, wait_until_idle
from demo.display import Display
from demo.latency import LatencyProbe
from demo.load import Progress, run_load
from demo.stack import Stack, StackFailed

ROWS = 3000
RATE = 1000.0  # changes a second: slow enough to watch
SHOWN = 20  # differences printed at most
EXPECTED = (StackFailed, ServerFailed, ServerMissing)


def main() -> int:
    """Run what the arguments ask for; return the exit code."""
    arguments = _arguments()
    console = Console(highlight=False)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        if arguments.up:
            return background.up(console)
        if arguments.down:
            return background.down(console)
        return demo(console, arguments.rows, arguments.rate)
    except EXPECTED as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def demo(console: Console, rows: int, rate: float) -> int:
    """Start everything, change rows, compare, stop everything."""
    directory = Path(tempfile.mkdtemp(prefix="sync-worker-demo-"))
    try:
        console.print("Starting a private MariaDB, gearmand and Redis, and sync-worker.")
        with Stack(directory) as stack:
            return _show(console, stack, rows, rate)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _show(console: Console, stack: Stack, rows: int, rate: float) -> int:
    console.print(f"MariaDB {stack.mariadb.version}; {rows:,} rows, about {rate:,.0f} changes/s.")
    progress, probe = Progress(), LatencyProbe(stack)
    with Display(console, stack, progress, probe):
        probe.start()
        try:
            run_load(stack, rows, rate, progress)
        finally:
            probe.finish()
        wait_until_idle(stack)
    stack.check()
    result = compare(stack)
    _report(console, progress, probe, result)
    return 1 if result.differences or probe.lost else 0


def _report(console: Console, progress: Progress, probe: LatencyProbe, result: Comparison) -> None:
    done = (progress.inserted, progress.updated, progress.deleted)
    console.print("Changes:    {:,} inserted, {:,} updated, {:,} deleted".format(*done))
    console.print(f"Compared:   {result.rows:,} rows with {result.keys:,} keys, member by member")
    if result.differences:
        console.print(f"Result:     {len(result.differences):,} differences")
        for line in result.differences[:SHOWN]:
            console.print(f"  {line}", markup=False, soft_wrap=True)
    else:
        console.print("Result:     every row equals its key, and no key lacks a row")
    measured = f"{probe.summary()} of {len(probe.seconds):,} measured"
    console.print(f"Commit to visible in Redis: {measured}, {probe.lost} lost")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--rows", type=_count, default=ROWS, help="rows to insert (default 3000)")
    parser.add_argument(
        "--rate", type=float, default=RATE, help="changes a second, 0 for no limit (default 1000)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--up", action="store_true", help="leave the stack running")
    what.add_argument("--down", action="store_true", help="stop what --up started")
    return parser.parse_args()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a whole number above zero")
    return number


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # on the way out everything is stopped


if __name__ == "__main__":
    sys.exit(main())
