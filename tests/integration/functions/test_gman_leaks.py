"""100,000 calls of every kind leave no file descriptor and no memory behind in the server."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers import Gearmand
from servers.sockets import free_port

from functions.answering import Answering
from functions.conftest import StartSql
from functions.sql import Sql, new_function

pytestmark = pytest.mark.matrix

ROUNDS = 10
TURNS = 1000  # of ten calls each: 10,000 a round
MOST_FILES = 32  # the server opens some of its own; 80,000 calls that leak would show
MOST_GROWTH = 1536  # KiB, over 80,000 calls: 20 bytes a call lost would show


def resident(sql: Sql) -> int:
    """Return the server's resident memory in KiB."""
    status = Path(f"/proc/{sql.server.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1])


def descriptors(sql: Sql) -> int:
    """Return how many files the server has open."""
    return len(list(Path(f"/proc/{sql.server.pid}/fd").iterdir()))


def test_100_000_calls_leave_nothing_behind(own_sql: StartSql, gearmand: Gearmand) -> None:
    sql = own_sql(udf_conf=f"servers = {gearmand.address}\n")
    answered, queued, dead = (new_function() for _ in range(3))
    sql.serve(f"127.0.0.1:{free_port()}", dead)
    long = "REPEAT('x', 3000)"
    calls = [
        f"gman_do('{answered}', {long})",
        f"gman_do('{answered}', i)",
        f"gman_do_background('{queued}', {long}, 'one')",
        f"gman_do_background(CONCAT('{queued}', ''), i, 'one')",
        f"gman_do_background('{dead}', {long})",
        f"gman_post('{queued}', i, 'one')",
        f"udf_json_object(i AS id, {long} AS name, 1.5e0 AS real_, 2.50 AS price, NULL AS n)",
        "udf_json_array(gman_version(), json_members('a', i), json_values(i, 'x'))",
        f"gman_servers_set('{gearmand.address}', '{queued}')",
        "LENGTH(gman_status())",
    ]
    sums = f"SELECT gman_sum('{answered}', n) INTO total FROM numbers;"
    sql.numbers(20)
    body = "".join(f"SET r = {call};\n" for call in calls)
    sql.run(
        "CREATE PROCEDURE calls() BEGIN DECLARE i INT DEFAULT 0; DECLARE r LONGTEXT;"
        f" DECLARE total BIGINT; WHILE i < {TURNS} DO {body} SET i = i + 1; END WHILE;"
        f" {sums * 5} END"
    )
    memory, files = [], []
    with Answering(gearmand.address, {answered: lambda workload: workload[:20] or b"1"}):
        for _ in range(ROUNDS):
            sql.run("CALL calls()")
            memory.append(resident(sql))
            files.append(descriptors(sql))
    assert sql.status()["submitted"] >= ROUNDS * TURNS * 4
    assert files[-1] <= files[1] + MOST_FILES, files
    assert memory[-1] - memory[1] <= MOST_GROWTH, memory
