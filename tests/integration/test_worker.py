"""The worker between a real job server and a real Redis."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import redis
from servers import Gearmand, RedisServer

from sync_worker.config import Config, load
from sync_worker.counters import Counters
from sync_worker.errors import ConfigError
from sync_worker.gearman import Admin, Client, Task
from sync_worker.worker import SyncWorker

FUNCTION = b"syncToRedis"
PATIENCE = 60.0


class Running:
    """A SyncWorker in a thread."""

    def __init__(self, config: Config) -> None:
        self.counters = Counters()
        self.worker = SyncWorker(config, self.counters)
        self.drained: bool | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.drained = self.worker.run()

    def stop(self, *, now: bool = False) -> bool:
        (self.worker.stop_now if now else self.worker.stop)()
        self._thread.join(PATIENCE)
        assert self.drained is not None, "the worker did not stop"
        return self.drained

    def reached(self, **figures: float) -> bool:
        now = self.counters.snapshot()
        return all(now[name] >= value for name, value in figures.items())


@contextmanager
def running(config: Config) -> Iterator[Running]:
    it = Running(config)
    try:
        yield it
    finally:
        it.stop(now=True)


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


def configuration(gearmand: Gearmand, server: RedisServer, **more: str) -> Config:
    return load(
        env={
            "SYNC_WORKER_GEARMAN_SERVERS": gearmand.address,
            "SYNC_WORKER_REDIS_URL": f"redis://{server.address}/0",
            "SYNC_WORKER_REDIS_TIMEOUT": "500ms",
            **more,
        }
    )


def line(version: int, key: str, row: str = '{"a":1}', kind: str = "json") -> bytes:
    return f"{version}\t{json.dumps(key)}\t{kind}\t\t{row}".encode()


def test_bare_rows_land_under_their_id_byte_for_byte(
    gearmand: Gearmand, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    rows = {i: b'{"id":%d, "volume" : %d}' % (i, i * i) for i in range(5000)}
    with (
        Client([gearmand.address]) as client,
        running(configuration(gearmand, redis_server)) as worker,
    ):
        for _ in client.submit_many(Task(FUNCTION, row, background=True) for row in rows.values()):
            pass
        until(lambda: worker.reached(jobs=5000), "all jobs completed")
        assert worker.stop()
    assert redis_client.mget([str(i) for i in rows]) == list(rows.values())
    assert Admin(gearmand.address).status()[0].queued == 0


def test_a_key_template_makes_the_keys_of_bare_rows(
    gearmand: Gearmand, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    config = configuration(gearmand, redis_server, SYNC_WORKER_EVENTS_KEY="product:{sku}")
    with Client([gearmand.address]) as client, running(config):
        assert client.submit(FUNCTION, b'{"sku":"a-1","id":9}') == b"1 0 0"
    assert redis_client.keys() == [b"product:a-1"]


def test_a_foreground_job_of_event_lines_is_answered_with_its_counts(
    gearmand: Gearmand, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    redis_client.rpush("list", "1")
    lines = [line(5, "a"), line(4, "a"), line(5, "b", kind="hash"), b"nonsense", line(1, "list")]
    with Client([gearmand.address]) as client, running(configuration(gearmand, redis_server)):
        assert client.submit(FUNCTION, b"\n".join(lines)) == b"2 1 2"
        assert client.submit(FUNCTION, line(6, "a", "")) == b"1 0 0"
        assert client.submit(FUNCTION, line(5, "a")) == b"0 1 0"
    letters = [entry for _, entry in redis_client.xrange("sync-worker:dead-letters")]
    assert [letter[b"workload"] for letter in letters] == [b"nonsense", line(1, "list")]
    assert b"5" in letters[0][b"reason"]
    assert b"WRONGTYPE" in letters[1][b"reason"]


@pytest.mark.parametrize(
    ("workload", "reason"),
    [
        (b"", b"1 fields"),
        (b"no json at all", b"1 fields"),
        (b'{"id":', b"not valid JSON"),
        (b'{"volume":1}', b"no member 'id'"),
        (b'1\t"k"\tjson\t', b"4 fields"),
        (b'1\t"k"\tjson\t\t{}\t', b"6 fields"),
        (b'%s\t"k"\tjson\t\t{}' % (b"1" * 30), b"version"),
        (b'1\t"k"\ttree\t\t{}', b"kind"),
        (b"\0\xff\xfe" * 1000, b"1 fields"),
    ],
)
def test_a_job_at_fault_is_a_dead_letter_and_the_rest_goes_on(
    gearmand: Gearmand,
    redis_server: RedisServer,
    redis_client: redis.Redis,
    workload: bytes,
    reason: bytes,
) -> None:
    with Client([gearmand.address]) as client:
        for row in (b'{"id":1}', workload, line(1, "k2"), b'{"id":2}'):
            client.submit(FUNCTION, row, background=True)
        with running(configuration(gearmand, redis_server)) as worker:
            until(lambda: worker.reached(jobs=4, dead_lettered=1), "four jobs, one dead letter")
            assert worker.reached(applied=3)
    assert redis_client.exists("1", "2", "k2") == 3
    [(_, letter)] = redis_client.xrange("sync-worker:dead-letters")
    assert reason in letter[b"reason"]
    assert letter[b"workload"] == workload


def test_a_hundred_megabytes_of_garbage_are_one_dead_letter(
    gearmand: Gearmand, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    with (
        Client([gearmand.address]) as client,
        running(configuration(gearmand, redis_server, SYNC_WORKER_REDIS_TIMEOUT="10s")),
    ):
        assert client.submit(FUNCTION, b"x" * 100_000_000) == b"0 0 1"
        assert client.submit(FUNCTION, b'{"id":1}') == b"1 0 0"
    [(_, letter)] = redis_client.xrange("sync-worker:dead-letters")
    assert letter[b"size"] == b"100000000"
    assert len(letter[b"workload"]) == 1 << 20


@pytest.mark.parametrize("command", ["kill", "freeze"])
def test_jobs_are_kept_while_redis_is_away_and_applied_when_it_is_back(
    gearmand: Gearmand, own_redis: RedisServer, command: str
) -> None:
    config = configuration(gearmand, own_redis)
    with Client([gearmand.address]) as client, running(config) as worker:
        client.submit(FUNCTION, b'{"id":0}')
        getattr(own_redis, command)()
        for i in range(1, 200):
            client.submit(FUNCTION, b'{"id":%d}' % i, background=True)
            client.submit(FUNCTION, line(1, f"k{i}"), background=True)
        client.submit(FUNCTION, b"nonsense", background=True)
        until(lambda: worker.reached(retries=3, held=1), "tried again")
        assert not worker.counters.get("redis_up")
        own_redis.thaw()
        if command == "kill":
            own_redis.restart()
        until(lambda: worker.reached(jobs=400), "all jobs completed")
        assert worker.reached(redis_up=1, dead_lettered=1)
        assert worker.stop()
    with own_redis.client() as redis_client:
        assert redis_client.dbsize() == 200 + 199 + 1
        assert redis_client.xlen("sync-worker:dead-letters") >= 1


def test_a_full_redis_keeps_writes_in_order_and_lets_deletes_go_on(
    gearmand: Gearmand, own_redis: RedisServer
) -> None:
    with (
        own_redis.client() as redis_client,
        Client([gearmand.address]) as client,
        running(configuration(gearmand, own_redis)) as worker,
    ):
        client.submit(FUNCTION, line(1, "old"))
        redis_client.config_set("maxmemory", 1)
        client.submit(FUNCTION, b'{"id":1,"n":1}', background=True)
        until(lambda: worker.reached(held=1), "a row is held")
        client.submit(FUNCTION, b'{"id":1,"n":2}', background=True)
        client.submit(FUNCTION, line(2, "old", ""))
        assert not redis_client.exists("old")
        assert not redis_client.exists("1")
        redis_client.config_set("maxmemory", 0)
        until(lambda: worker.reached(jobs=4), "the rows that were held")
        assert redis_client.get("1") == b'{"id":1,"n":2}'


def test_a_worker_stopped_while_redis_is_away_gives_its_jobs_back(
    gearmand: Gearmand, own_redis: RedisServer
) -> None:
    config = configuration(gearmand, own_redis, SYNC_WORKER_WORKER_DRAIN="300ms")
    own_redis.kill()
    with Client([gearmand.address]) as client, running(config) as worker:
        for i in range(50):
            client.submit(FUNCTION, b'{"id":%d}' % i, background=True)
        until(lambda: worker.reached(held=1), "jobs are held")
        assert not worker.stop()
    until(lambda: Admin(gearmand.address).status()[0].running == 0, "jobs are given back")
    assert Admin(gearmand.address).status()[0].queued == 50
    own_redis.restart()
    with running(config) as worker:
        until(lambda: worker.reached(jobs=50), "another worker applies them")


def test_stopping_under_load_finishes_what_is_in_hand(
    gearmand: Gearmand, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    with Client([gearmand.address]) as client:
        tasks = [Task(FUNCTION, b'{"id":%d}' % i, background=True) for i in range(30_000)]
        assert not [result for _, result in client.submit_many(tasks) if result.error]
    with running(configuration(gearmand, redis_server)) as worker:
        until(lambda: worker.reached(jobs=1), "the first job")
        assert worker.stop()
        done = int(worker.counters.get("jobs"))
    assert redis_client.dbsize() == done
    assert Admin(gearmand.address).status()[0].queued == 30_000 - done
    assert Admin(gearmand.address).status()[0].running == 0


def test_several_job_servers_are_served_and_one_that_returns_is_taken_again(
    gearmand: Gearmand, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    with Gearmand() as other:
        config = configuration(gearmand, redis_server)
        both = (gearmand.address, other.address)
        config = replace(config, gearman=replace(config.gearman, servers=both))
        with running(config) as worker:
            until(lambda: worker.reached(job_servers_up=2), "both connected")
            other.kill()
            with Client([gearmand.address]) as client:
                assert client.submit(FUNCTION, b'{"id":1}') == b"1 0 0"
            until(lambda: worker.counters.get("job_servers_up") == 1, "the loss is noticed")
            other.restart()
            with Client([other.address]) as client:
                assert client.submit(FUNCTION, b'{"id":2}') == b"1 0 0"
    assert redis_client.exists("1", "2") == 2


def test_a_user_that_redis_refuses_stops_the_worker_with_a_configuration_error(
    gearmand: Gearmand, redis_server: RedisServer
) -> None:
    config = configuration(
        gearmand,
        redis_server,
        SYNC_WORKER_REDIS_USERNAME="nobody",
        SYNC_WORKER_REDIS_PASSWORD="secret",
    )
    with pytest.raises(ConfigError, match=r"redis\.username"):
        SyncWorker(config, Counters()).run()


def test_a_bare_row_behind_a_delete_of_its_key_stays(
    gearmand: Gearmand, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    with Client([gearmand.address]) as client:
        for i in range(50):
            client.submit(FUNCTION, b'0\t"%d"\tjson\t\t' % i, background=True)
            client.submit(FUNCTION, b'{"id":%d}' % i, background=True)
        with running(configuration(gearmand, redis_server)) as worker:
            until(lambda: worker.reached(jobs=100), "all jobs")
    assert redis_client.dbsize() == 50


def test_a_delete_behind_a_row_that_a_full_redis_kept_is_not_overtaken(
    gearmand: Gearmand, own_redis: RedisServer
) -> None:
    with (
        own_redis.client() as redis_client,
        Client([gearmand.address]) as client,
        running(configuration(gearmand, own_redis)) as worker,
    ):
        redis_client.config_set("maxmemory", 1)
        client.submit(FUNCTION, b'{"id":1,"n":1}', background=True)
        until(lambda: worker.reached(held=1), "a row is held")
        client.submit(FUNCTION, b'0\t"1"\tjson\t\t', background=True)
        until(lambda: worker.reached(held=2), "the delete is held behind it")
        redis_client.config_set("maxmemory", 0)
        until(lambda: worker.reached(jobs=2), "both")
        assert not redis_client.exists("1")
