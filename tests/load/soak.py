"""The long run: `python -m load.soak [--server KIND] [--transactions N] [--seed SEED]`.

Prints a table of figures; the exit code is 1 if an invariant was violated.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from servers import SQL_SERVERS, Gearmand, RedisServer
from servers.paths import LIBRARY

from .run import Outcome, run
from .stack import Stack

TRANSACTIONS = {"mariadb": 200_000, "mysql97": 200_000, "mysql56": 50_000}
SECONDS = 3600.0  # of one load at most


def soak(kind: str, seed: str, transactions: int, seconds: float) -> Outcome:
    """One load on a server of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="sync-soak-") as directory,
        SQL_SERVERS[kind]() as sql,
        Gearmand() as gearmand,
        RedisServer() as redis_server,
    ):
        sql.install_library(LIBRARY)
        with Stack(Path(directory), sql, gearmand, redis_server).create() as stack:
            return run(stack, seed, transactions, seconds, chaos_pause=1.5)


def main() -> int:
    """All servers that were asked for, one after the other."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--server", action="append", choices=list(SQL_SERVERS))
    parser.add_argument("--transactions", type=int, help="by default 200,000; 50,000 on mysql56")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of one load at most")
    parser.add_argument("--seed", default=secrets.token_hex(4))
    given = parser.parse_args()
    outcomes = []
    for kind in given.server or list(SQL_SERVERS):
        count = given.transactions or TRANSACTIONS[kind]
        print(f"{kind}: {count:,} transactions, seed {given.seed}", flush=True)
        outcomes.append(soak(kind, given.seed, count, given.seconds))
        if outcomes[-1].violations:
            print(outcomes[-1], flush=True)
    print(_table(outcomes))
    return 1 if any(outcome.violations for outcome in outcomes) else 0


def _table(outcomes: list[Outcome]) -> str:
    names = list(dict.fromkeys(name for outcome in outcomes for name in outcome.figures))
    lines = [["", *(outcome.kind for outcome in outcomes)]]
    lines += [[name, *(f"{outcome.figures[name]:,}" for outcome in outcomes)] for name in names]
    lines.append(["violations", *(f"{len(outcome.violations):,}" for outcome in outcomes)])
    width = max(len(line[0]) for line in lines)
    return "\n".join(
        f"{line[0]:{width}}" + "".join(f"{cell:>14}" for cell in line[1:]) for line in lines
    )


if __name__ == "__main__":
    sys.exit(main())
