"""backfill, verify and dead-letters as one types them, beside a running `sync-worker run`."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from running_instance import Instance, install_product, wait_for
from servers import Gearmand, RedisServer, SqlServer

pytestmark = pytest.mark.matrix

ROWS = 30_000


@pytest.fixture
def instance(
    tmp_path: Path, gearmand: Gearmand, redis_server: RedisServer, sql_server: SqlServer, db: Any
) -> Iterator[Instance]:
    """A schema with a table of 30,000 rows, installed; nothing runs yet."""
    schema = str(db.database)
    db.cmd_query("CREATE TABLE product (id INT NOT NULL PRIMARY KEY, name VARCHAR(30))")
    for start in range(0, ROWS, 5000):
        rows = ",".join(f"({i}, 'name {i}')" for i in range(start, start + 5000))
        db.cmd_query(f"INSERT INTO product VALUES {rows}")
    instance = Instance(tmp_path, gearmand, redis_server)
    install_product(instance, sql_server, schema)
    with instance:
        yield instance
    sql_server.execute(f"DROP DATABASE IF EXISTS outbox_{schema}")


def verified(instance: Instance, *arguments: str, code: int = 0) -> Any:
    done = instance.cli("verify", "--json", *arguments)
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)["tables"][0]


def product(instance: Instance, client: redis.Redis) -> int:
    """How many products Redis holds."""
    return sum(1 for _ in client.scan_iter(match="product:*", count=5000))


def test_the_first_run_fills_redis_and_a_flushall_heals(
    instance: Instance, redis_client: redis.Redis
) -> None:
    instance.start()
    wait_for(lambda: redis_client.exists(*redis_client.keys("sync-worker:epoch:*") or ["none"]),
             "the epoch is set")  # fmt: skip
    assert verified(instance)["rows"] == ROWS
    redis_client.flushall()
    wait_for(lambda: redis_client.keys("sync-worker:epoch:*"), "the epoch is set again")
    assert product(instance, redis_client) == ROWS
    assert verified(instance)["in_step"]


def test_a_backfill_killed_in_the_middle_is_resumed_while_writers_run(
    instance: Instance, redis_client: redis.Redis, db: Any
) -> None:
    schema = str(db.database)
    command = instance.command("backfill", "--rate", "10000")
    first = subprocess.Popen(command, env=instance.environment({}), stderr=subprocess.PIPE)

    def progress() -> int:
        try:
            rows = _rows(db, f"SELECT row_count FROM outbox_{schema}.backfill")
        except Exception:
            return 0
        return int(rows[0][0]) if rows else 0

    try:
        wait_for(lambda: progress() > ROWS // 4, "a part is copied")
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    copied = progress()
    assert copied < ROWS
    db.cmd_query("UPDATE product SET name = 'changed' WHERE id % 1000 = 0")
    db.cmd_query("DELETE FROM product WHERE id % 1000 = 1")
    instance.start()
    # The relay resumes it by itself; the command waits its turn, or finds it done.
    wait_for(lambda: redis_client.keys("sync-worker:epoch:*"), "the epoch is set")
    assert progress() <= ROWS
    report = verified(instance)
    assert report["in_step"], report
    assert redis_client.get("product:1") is None
    done = instance.cli("backfill", f"{schema}.product")
    assert done.returncode == 0, done.stderr
    assert "done" in done.stderr


def test_verify_says_by_its_exit_code_what_differs_and_repair_mends_it(
    instance: Instance, redis_client: redis.Redis
) -> None:
    instance.start()
    wait_for(lambda: redis_client.keys("sync-worker:epoch:*"), "the epoch is set")
    assert instance.cli("verify").returncode == 0
    redis_client.delete("product:1")
    assert instance.cli("verify").returncode == 16
    redis_client.set("product:2", '{"_v":1}')
    redis_client.set("product:-5", '{"_v":1}')
    shown = instance.cli("verify")
    assert shown.returncode == 16 + 32 + 64
    assert "product:-5" in shown.stdout
    report = verified(instance, "--repair")
    assert report["found"] == {"missing": 1, "stale": 1, "orphan": 1}
    assert report["left"] == {"missing": 0, "stale": 0, "orphan": 0}
    assert "All is in step" in instance.cli("verify").stdout
    assert product(instance, redis_client) == ROWS


def test_commands_name_what_they_cannot_use(instance: Instance) -> None:
    for command in ("backfill", "verify"):
        done = instance.cli(command, "shop.nothing")
        assert done.returncode == 2
        assert "Error: table shop.nothing is not configured" in done.stderr


def test_verify_without_a_relay_says_that_events_wait(instance: Instance, db: Any) -> None:
    db.cmd_query("INSERT INTO product VALUES (-1, 'new')")
    db.cmd_query(f"DELETE FROM product WHERE id BETWEEN 0 AND {ROWS}")
    done = instance.cli("verify", "--patience", "1s")
    assert done.returncode == 8, (done.stdout, done.stderr)
    assert "is `sync-worker run` at work?" in done.stdout


def test_dead_letters_are_listed_shown_replayed_and_purged(
    instance: Instance, redis_client: redis.Redis, gearmand: Gearmand
) -> None:
    for number in range(4):
        workload = b'{"id":"late-%d"}' % number
        entry: Any = {"reason": "was refused", "workload": workload, "size": len(workload),
                      "function": "syncToRedis", "handle": "H:1"}  # fmt: skip
        if number == 3:
            entry["size"] = 5000
        redis_client.xadd("sync-worker:dead-letters", entry)
    listed = json.loads(instance.cli("dead-letters", "list", "--json").stdout)
    assert listed["count"] == 4
    ids = [letter["id"] for letter in listed["letters"]]
    assert instance.cli("dead-letters").stdout.count("was refused") == 4
    shown = instance.cli("dead-letters", "show", ids[1])
    assert '{"id":"late-2"}' in shown.stdout
    assert instance.cli("dead-letters", "show", "1-1").returncode == 1
    one = instance.cli("dead-letters", "replay", ids[1])
    assert one.stdout == "1 replayed\n", one.stderr
    assert gearmand.queued("syncToRedis") == 1
    rest = instance.cli("dead-letters", "replay", "--all")
    assert rest.returncode == 1
    assert rest.stdout == "2 replayed, 1 refused\n"
    assert "was cut" in rest.stderr
    instance.start()
    wait_for(lambda: redis_client.exists("late-0", "late-1", "late-2") == 3, "they are applied")
    assert instance.cli("dead-letters", "purge", "--older", "1d").stdout == "0 deleted\n"
    assert instance.cli("dead-letters", "purge", ids[0]).stdout == "1 deleted\n"
    assert instance.cli("dead-letters", "purge").returncode == 2


def _rows(db: Any, statement: str) -> list[Any]:
    cursor = db.cursor()
    cursor.execute(statement)
    rows = cursor.fetchall()
    cursor.close()
    return list(rows)
