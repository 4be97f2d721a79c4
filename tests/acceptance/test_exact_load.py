"""Random transactions while workers and relays are killed: what Redis shows was committed, never
goes back, and is every row in the end. `make soak` runs the same for longer."""

import os
import secrets

import pytest
from load.run import run
from load.stack import Stack

SECONDS = 40.0  # of the load, whatever is left of its transactions then
TRANSACTIONS = {"mariadb": 4000, "mysql97": 4000, "mysql56": 1500}


@pytest.fixture
def seed():
    """SYNC_LOAD_SEED, or another one each time; a failure prints it."""
    return os.environ.get("SYNC_LOAD_SEED") or secrets.token_hex(4)


@pytest.mark.matrix
def test_a_random_load_with_kills_leaves_redis_in_step_and_never_shows_what_was_not_committed(
    tmp_path, own_sql_server, gearmand, redis_server, seed
):
    sql_server = own_sql_server()
    count = int(os.environ.get("SYNC_LOAD_TRANSACTIONS", TRANSACTIONS[sql_server.kind]))
    with Stack(tmp_path, sql_server, gearmand, redis_server).create() as stack:
        outcome = run(stack, seed, count, SECONDS)
        assert not outcome.violations, f"{outcome}\n{stack.said()}"
    assert outcome.figures["committed"] > 100, outcome
    assert outcome.figures["relays killed"] + outcome.figures["workers killed"], outcome
    print(outcome)
