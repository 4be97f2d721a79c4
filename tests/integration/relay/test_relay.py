"""The relay between a real database server, job server, worker and Redis."""

from __future__ import annotations

import json
import threading
import time

import pytest
from mysql.connector import Error as MysqlError

from sync_worker.config import load
from sync_worker.counters import Counters
from sync_worker.mysql.install import install
from sync_worker.mysql.uninstall import uninstall
from sync_worker.relay.relay import Relay
from sync_worker.worker import SyncWorker

pytestmark = pytest.mark.matrix
PATIENCE = 60.0


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)
    return found


class Pipeline:
    """One table, its outbox and triggers, a relay and a worker in threads."""

    def __init__(self, sql_server, db, gearmand, redis_server, directory):
        self.server, self.db, self.redis = sql_server, db, redis_server.client()
        self.schema = db.database
        self.cursor = db.cursor()
        self.path = directory / "sync-worker.toml"
        self.base = f"""
[mysql]
port = {sql_server.port}
user = "root"
[gearman]
servers = ["{gearmand.address}"]
[redis]
url = "{redis_server.url}"
[relay]
schema = "{self.schema}_sync"
poll = "50ms"
"""
        self.config = None
        self.counters = Counters()
        self.running = []

    def __call__(self, statement, values=()):
        self.cursor.execute(statement, values)
        return self.cursor.fetchall() if self.cursor.with_rows else []

    def table(self, columns, entry="", **relay):
        """Create table t and its triggers; `entry` is the rest of its [[table]]."""
        self(f"CREATE TABLE t ({columns}) ENGINE=InnoDB")
        more = "".join(f"{name} = {value}\n" for name, value in relay.items())
        name = f'[[table]]\nname = "{self.schema}.t"\n'
        self.path.write_text(self.base + more + name + entry)
        self.config = load(self.path, {})
        install(self.config, functions="no")

    def start(self, *, relays=1, workers=1):
        for _ in range(relays):
            self._run(Relay(self.config, self.counters))
        for _ in range(workers):
            self._run(SyncWorker(self.config, Counters()))
        epoch = f"sync-worker:epoch:{self.schema}.t"
        until(lambda: self.redis.exists(epoch) and not self.waiting(), "in step")

    def _run(self, what):
        thread = threading.Thread(target=what.run)
        thread.start()
        self.running.append((what, thread))

    def waiting(self):
        outbox = f"`{self.schema}_sync`.`{self.schema}.t`"
        most = 1 if self.server.kind == "mysql56" else 0  # there the newest event stays
        return self(f"SELECT COUNT(*) > {most} FROM {outbox}")[0][0]

    def settle(self):
        """Wait until every event so far is delivered."""
        before = self.counters.get("relayed")
        until(lambda: not self.waiting(), "the outbox is empty")
        return self.counters.get("relayed") - before

    def get(self, key):
        value = self.redis.get(key)
        return None if value is None else json.loads(value)

    def stop(self):
        for what, _ in self.running:
            what.stop()
        for _, thread in self.running:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        self.running = []

    def close(self):
        self.stop()
        if self.config:
            uninstall(self.config, force=True)
        self.redis.close()


@pytest.fixture
def pipeline(sql_server, db, gearmand, redis_server, tmp_path):
    made = Pipeline(sql_server, db, gearmand, redis_server, tmp_path)
    yield made
    made.close()


def test_rows_appear_change_and_go_as_they_are_committed(pipeline):
    pipeline.table("id INT PRIMARY KEY, name VARCHAR(20), n INT", 'key = "t:{id}"')
    pipeline("INSERT INTO t VALUES (1, 'before', 0)")
    pipeline.start()
    assert pipeline.get("t:1")["name"] == "before"
    pipeline("INSERT INTO t VALUES (2, 'a\"\\t\\n€😀', NULL), (3, '', -1)")
    pipeline("UPDATE t SET n = n + 1 WHERE id = 1")
    until(lambda: (pipeline.get("t:1") or {}).get("n") == 1 and pipeline.get("t:3"), "applied")
    assert pipeline.get("t:2")["name"] == 'a"\t\n€😀'
    assert list(pipeline.get("t:2")) == ["id", "name", "n", "_v"]
    pipeline("DELETE FROM t WHERE id <> 1")
    until(lambda: not pipeline.redis.exists("t:2", "t:3"), "deleted")


def test_what_is_rolled_back_never_leaves(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline.start()
    pipeline("START TRANSACTION")
    pipeline("INSERT INTO t VALUES (1, 1), (2, 2)")
    pipeline("ROLLBACK")
    pipeline("INSERT INTO t VALUES (3, 3)")
    until(lambda: pipeline.get("t:3"), "the committed row")
    assert not pipeline.redis.exists("t:1", "t:2")


def test_a_changed_key_column_takes_the_old_key_away(pipeline):
    pipeline.table(
        "id INT PRIMARY KEY, sku VARCHAR(20) NOT NULL UNIQUE, n INT", 'key = "sku:{sku}"'
    )
    pipeline.start()
    pipeline("INSERT INTO t VALUES (1, 'a:b', 1)")
    until(lambda: pipeline.get("sku:a:b"), "the first key")
    pipeline("UPDATE t SET sku = 'A:B'")  # the same to a collation, another to Redis
    until(lambda: pipeline.get("sku:A:B") and not pipeline.redis.exists("sku:a:b"), "only the new")


def test_a_row_that_no_longer_matches_has_no_key(pipeline):
    pipeline.table(
        "id INT PRIMARY KEY, active INT, n INT",
        'key = "t:{id}"\nwhere = "active = 1"\nexclude = ["active"]',
    )
    pipeline.start()
    pipeline("INSERT INTO t VALUES (1, 1, 5), (2, 0, 5)")
    until(lambda: pipeline.get("t:1"), "the active row")
    pipeline("UPDATE t SET active = 1 - active")
    until(lambda: pipeline.get("t:2") and not pipeline.redis.exists("t:1"), "the other one")
    assert list(pipeline.get("t:2")) == ["id", "n", "_v"]


def test_hashes_expiry_and_renamed_members(pipeline):
    pipeline.table(
        "id INT PRIMARY KEY, price DECIMAL(20,4), ttl INT",
        'key = "t:{id}"\nkind = "hash"\nexpire = "column:ttl"\nrename = { price = "p" }',
    )
    pipeline.start()
    pipeline("INSERT INTO t VALUES (1, 12.5, 600), (2, NULL, NULL)")
    until(lambda: pipeline.redis.exists("t:1", "t:2") == 2, "both")
    found = {name.decode(): value for name, value in pipeline.redis.hgetall("t:1").items()}
    assert found.pop("_v")
    assert found == {"id": b"1", "p": b"12.5000", "ttl": b"600"}
    assert 0 < pipeline.redis.ttl("t:1") <= 600
    assert pipeline.redis.ttl("t:2") == -1


def test_without_versions_the_row_is_plain(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"\nversions = false')
    pipeline.start()
    pipeline("INSERT INTO t VALUES (1, 2)")
    until(lambda: pipeline.redis.get("t:1") == b'{"id":1,"n":2}', "the plain row")
    pipeline("DELETE FROM t")
    until(lambda: not pipeline.redis.exists("t:1"), "gone")


def test_a_hot_row_is_delivered_once_a_batch(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline("INSERT INTO t VALUES (1, 0)")
    pipeline.start()
    pipeline.stop()
    for n in range(1, 301):
        pipeline("UPDATE t SET n = %s", (n,))
    counters = worker, relay = Counters(), Counters()
    pipeline._run(SyncWorker(pipeline.config, worker))
    pipeline._run(Relay(pipeline.config, relay))
    until(lambda: pipeline.get("t:1")["n"] == 300, "the last value")
    assert 0 < sum(one.get("applied") + one.get("stale") for one in counters) < 50


@pytest.mark.parametrize(("at_once", "by_worker"), [(10, False), (2, True), (0, True)])
def test_small_batches_are_applied_by_the_relay_and_counted_there(pipeline, at_once, by_worker):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"', at_once=at_once)
    pipeline("INSERT INTO t VALUES (0, 0)")
    pipeline.start()
    pipeline.stop()
    worker, relay = Counters(), Counters()
    pipeline("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    pipeline._run(SyncWorker(pipeline.config, worker))
    pipeline._run(Relay(pipeline.config, relay))
    until(lambda: pipeline.redis.exists("t:1", "t:2", "t:3") == 3, "in Redis")
    until(lambda: not pipeline.waiting(), "deleted from the outbox")
    assert (worker.get("applied") > 0) is by_worker
    assert (relay.get("applied") > 0) is not by_worker
    assert relay.get("relayed") in (3, 4)  # MySQL 5.6 keeps the newest event, and delivers it again


def test_small_batches_need_no_job_server(pipeline, gearmand):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline.start()
    gearmand.kill()
    pipeline("INSERT INTO t VALUES (1, 1)")
    until(lambda: pipeline.get("t:1"), "in Redis")
    gearmand.restart()


def test_an_event_committed_late_is_delivered_and_holds_nobody_up(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline.start()
    with pipeline.server.connect(database=pipeline.schema) as slow, slow.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("INSERT INTO t VALUES (1, 1)")
        for id in range(2, 30):
            pipeline("INSERT INTO t VALUES (%s, 0)", (id,))
        until(lambda: pipeline.redis.exists("t:29"), "those after it")
        time.sleep(2.5)  # past the time for which gaps are remembered
        assert not pipeline.redis.exists("t:1")
        cursor.execute("COMMIT")
    until(lambda: pipeline.redis.exists("t:1"), "the late one")


def test_a_full_outbox_is_emptied_by_one_of_two_relays_and_the_other_takes_over(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline.start(relays=2)
    pipeline.cursor.executemany("INSERT INTO t VALUES (%s, 0)", [(i,) for i in range(5000)])
    until(lambda: pipeline.redis.exists("t:4999") and not pipeline.waiting(), "delivered")
    leader = next(relay for relay, _ in pipeline.running if isinstance(relay, Relay))
    leader.stop()
    pipeline("UPDATE t SET n = 1")
    until(lambda: (pipeline.get("t:4999") or {}).get("n") == 1, "by the other relay")
    until(lambda: not pipeline.waiting(), "all of it")
    assert all(pipeline.get(f"t:{i}")["n"] == 1 for i in range(0, 5000, 97))


def test_large_rows_go_in_batches_of_their_own(pipeline):
    pipeline.table("id INT PRIMARY KEY, body LONGTEXT", 'key = "t:{id}"')
    pipeline.start()
    for id in range(12):
        pipeline("INSERT INTO t VALUES (%s, REPEAT('x', 3000000))", (id,))
    pipeline("INSERT INTO t VALUES (100, 'small')")
    until(lambda: pipeline.redis.exists(*(f"t:{i}" for i in range(12)), "t:100") == 13, "all")
    assert len(pipeline.get("t:11")["body"]) == 3_000_000


def test_an_event_that_can_never_be_applied_costs_its_batch_nothing(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline.start()
    pipeline.redis.rpush("t:5", "of another application")
    pipeline("INSERT INTO t VALUES " + ",".join(f"({i}, 0)" for i in range(10)))
    until(lambda: not pipeline.waiting() and pipeline.redis.exists("t:9"), "delivered")
    assert pipeline.redis.type("t:5") == b"list"
    assert pipeline.redis.exists(*(f"t:{i}" for i in range(10) if i != 5)) == 9
    [(_, letter)] = pipeline.redis.xrange("sync-worker:dead-letters")
    assert b"WRONGTYPE" in letter[b"reason"]


def test_a_flushed_redis_is_filled_again_by_itself(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline("INSERT INTO t VALUES (1, 1), (2, 2)")
    pipeline.start()
    pipeline.redis.flushall()
    until(lambda: pipeline.redis.exists("t:1", "t:2") == 2, "both rows again")


def test_what_changed_while_nothing_was_installed_is_found_by_itself(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline("INSERT INTO t VALUES (1, 1)")
    pipeline.start()
    pipeline.stop()
    uninstall(pipeline.config, force=True)
    pipeline("UPDATE t SET n = 2")
    install(pipeline.config, functions="no")
    pipeline.start()
    until(lambda: pipeline.get("t:1")["n"] == 2, "the change that no trigger saw")


def test_a_new_column_appears_without_a_reinstall(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline("INSERT INTO t VALUES (1, 1)")
    pipeline.start()
    pipeline("ALTER TABLE t ADD COLUMN more VARCHAR(10) NOT NULL DEFAULT 'x'")
    until(lambda: (pipeline.get("t:1") or {}).get("more") == "x", "in rows that are there")
    pipeline("INSERT INTO t VALUES (2, 2, 'y')")
    until(lambda: (pipeline.get("t:2") or {}).get("more") == "y", "in new rows")


def test_the_leader_verifies_and_repairs_by_itself_where_it_is_told_to(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"', verify='"200ms"')
    pipeline("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    pipeline.start()
    pipeline.redis.delete("t:1")
    pipeline.redis.set("t:2", '{"id":2,"n":7,"_v":1}')
    pipeline.redis.set("t:99", '{"id":99,"n":0,"_v":1}')
    until(
        lambda: (
            pipeline.redis.exists("t:1")
            and pipeline.get("t:2")["n"] == 2
            and not pipeline.redis.exists("t:99")
        ),
        "missing, stale and orphan are mended",
    )


def test_a_leader_whose_connection_is_killed_leads_again(pipeline):
    pipeline.table("id INT PRIMARY KEY, n INT", 'key = "t:{id}"')
    pipeline.start()
    mine = pipeline("SELECT CONNECTION_ID()")[0][0]
    for id, *_ in pipeline("SHOW PROCESSLIST"):
        if id != mine:
            with pytest.MonkeyPatch.context():
                try:
                    pipeline(f"KILL {id}")
                except MysqlError:
                    continue  # it has ended by itself
    pipeline("INSERT INTO t VALUES (1, 1)")
    until(lambda: pipeline.redis.exists("t:1"), "delivered")
