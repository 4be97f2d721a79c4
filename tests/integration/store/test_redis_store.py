"""Writes to a real Redis: rows, versions, what Redis refuses."""

from __future__ import annotations

import pytest
import redis
from servers import RedisServer
from storing import delete, event, settings

from sync_worker.errors import ConfigError, StoreUnavailable
from sync_worker.store.dead_letters import DeadLetter, DeadLetters
from sync_worker.store.redis_store import RedisStore


def test_a_json_row_is_stored_with_its_version_as_the_last_member(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    row = '{"id":1,"price":12.50,"big":18446744073709551615,"ü":"€😀"}'
    outcome = store.apply([event(7, row)])
    assert outcome == ([], {}, {})
    assert redis_client.get("k") == (row[:-1] + ',"_v":7}').encode()


def test_an_empty_row_object_is_valid_json_too(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    store.apply([event(7, "{}")])
    assert redis_client.get("k") == b'{"_v":7}'


def test_version_0_is_written_as_it_is_without_a_check(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    store.apply([event(9), event(0, '{"plain":1}')])
    assert redis_client.get("k") == b'{"plain":1}'
    store.apply([delete(0)])
    assert redis_client.keys() == []


@pytest.mark.parametrize("version", [0, 5])
def test_a_row_that_expires_does_not_overtake_one_that_does_not(
    store: RedisStore, redis_client: redis.Redis, version: int
) -> None:
    newer = version and version + 1
    store.apply([event(version, '{"a":"old"}'), event(newer, '{"a":"new"}', expiry="60")])
    assert b"new" in (redis_client.get("k") or b"")  # type: ignore[operator]
    assert redis_client.ttl("k") > 0


def test_a_string_without_a_version_is_older_than_any(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    redis_client.set("k", "anything")
    assert store.apply([event(1)]) == ([], {}, {})
    assert redis_client.get("k") == b'{"a":"x","_v":1}'


def test_a_large_batch_takes_several_script_calls(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    batch = [event(1, key=f"k{i}") for i in range(2500)]
    batch += [event(1, '{"a":"%s"}' % ("x" * 700_000), key=f"big{i}") for i in range(5)]
    assert store.apply(batch) == ([], {}, {})
    assert redis_client.dbsize() == 2505


def test_bare_rows_are_set_byte_for_byte_and_the_last_of_a_key_wins(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    assert store.set_rows([b"1", b"{ }", b"2", b"\0\xff", b"1", b"last"]) == ([], {}, {})
    assert redis_client.mget("1", "2") == [b"last", b"\0\xff"]


def test_the_script_is_loaded_again_after_redis_has_forgotten_it(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    store.apply([event(1)])
    redis_client.script_flush()
    assert store.apply([event(2)]) == ([], {}, {})


def test_out_of_memory_keeps_writes_and_lets_deletes_go_on(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    store.apply([event(1, key="old")])
    redis_client.config_set("maxmemory", 1)
    try:
        outcome = store.apply([event(2, key="new"), delete(2, key="old")])
        assert list(outcome.kept) == [0]
        assert outcome.kept[0].startswith("OOM")
        assert not redis_client.exists("old")
        rows = store.set_rows([b"1", b"x", b"2", b"y"])
        assert list(rows.kept) == [0, 1]
    finally:
        redis_client.config_set("maxmemory", 0)
    assert store.apply([event(2, key="new")]) == ([], {}, {})


def test_a_read_only_replica_keeps_everything(own_redis: RedisServer) -> None:
    config = settings(own_redis)
    store = RedisStore(config.redis, config.events)
    with own_redis.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        assert list(store.apply([event(1)]).kept) == [0]
        assert list(store.set_rows([b"1", b"x"]).kept) == [0]
        client.execute_command("REPLICAOF", "NO", "ONE")
    assert store.apply([event(1)]) == ([], {}, {})
    store.close()


def test_one_forbidden_key_is_kept_and_costs_the_others_nothing(own_redis: RedisServer) -> None:
    with own_redis.client() as client:
        client.execute_command(
            "ACL", "SETUSER", "w", "on", ">pw", "+@all", "~ok*", "~sync-worker:*"
        )
        config = settings(
            own_redis, SYNC_WORKER_REDIS_USERNAME="w", SYNC_WORKER_REDIS_PASSWORD="pw"
        )
        store = RedisStore(config.redis, config.events)
        store.check()
        keys = ["ok1", "theirs", "ok2", "ok3"]
        assert list(store.apply([event(1, key=key) for key in keys]).kept) == [1]
        assert list(store.set_rows([b"ok4", b"x", b"theirs", b"x"]).kept) == [1]
        assert client.exists("ok1", "ok2", "ok3", "ok4") == 4
        assert not client.exists("theirs")
        store.close()


@pytest.mark.parametrize("command", ["kill", "freeze"])
def test_redis_gone_or_frozen_is_unavailable_and_then_well_again(
    own_redis: RedisServer, command: str
) -> None:
    config = settings(own_redis, SYNC_WORKER_REDIS_TIMEOUT="300ms")
    store = RedisStore(config.redis, config.events)
    store.apply([event(1)])
    getattr(own_redis, command)()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.apply([event(2)])
        with pytest.raises(StoreUnavailable):
            store.set_rows([b"1", b"x"])
    own_redis.thaw()
    if command == "kill":
        own_redis.restart()
    assert store.apply([event(3)]).kept == {}
    store.close()


def test_a_wrong_password_is_a_configuration_error_that_names_the_setting(
    own_redis: RedisServer,
) -> None:
    with own_redis.client() as client:
        client.config_set("requirepass", "right")
        config = settings(own_redis, SYNC_WORKER_REDIS_PASSWORD="wrong")
        store = RedisStore(config.redis, config.events)
        with pytest.raises(ConfigError, match=r"redis\.password_file") as caught:
            store.check()
        assert "wrong" not in str(caught.value).replace("WRONGPASS", "")
        client.config_set("requirepass", "")
    store.close()


def test_dead_letters_keep_the_workload_the_reason_and_the_newest(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    config = settings(
        redis_server,
        SYNC_WORKER_DEAD_LETTERS_KEEP="100",
        SYNC_WORKER_DEAD_LETTERS_WORKLOAD_BYTES="10",
    )
    letters = DeadLetters(redis_client, config.dead_letters)
    letters.add([DeadLetter("no JSON", b"x" * 25, b"syncToRedis", b"H:a:1")])
    [(_, entry)] = redis_client.xrange("sync-worker:dead-letters")
    assert entry == {
        b"reason": b"no JSON",
        b"workload": b"x" * 10,
        b"size": b"25",
        b"function": b"syncToRedis",
        b"handle": b"H:a:1",
    }
    letters.add([DeadLetter("r", b"w", b"f", b"h")] * 1000)
    assert 100 <= redis_client.xlen("sync-worker:dead-letters") < 300


def test_a_dead_letter_stream_that_is_no_stream_is_unavailable_not_lost(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    redis_client.set("sync-worker:dead-letters", "x")
    letters = DeadLetters(redis_client, settings(redis_server).dead_letters)
    with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
        letters.add([DeadLetter("r", b"w", b"f", b"h")])
