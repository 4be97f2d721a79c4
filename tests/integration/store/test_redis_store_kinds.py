"""Writes to a real Redis: each kind, its versions, tombstones and expiry; batches of all."""

from __future__ import annotations

import itertools
import json
import random

import pytest
import redis
from servers import RedisServer
from servers.sockets import free_port
from storing import KINDS, delete, event, everything, settings, text

from sync_worker.config import SyncedTable
from sync_worker.errors import ConfigError
from sync_worker.store.redis_store import TOMBSTONE_PREFIX, RedisStore


def test_a_hash_row_is_a_field_a_column_and_its_version(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    store.apply([event(1, '{"gone":"1","a":"x"}', kind="hash")])
    store.apply([event(2, '{"a":"y","n":null,"d":1.10,"z":"a\\u0000b"}', kind="hash")])
    assert redis_client.hgetall("k") == {b"a": b"y", b"d": b"1.10", b"z": b"a\0b", b"_v": b"2"}


def test_a_hash_row_may_have_thousands_of_columns(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    row = json.dumps({f"c{i}": str(i) for i in range(4096)})
    assert store.apply([event(1, row, kind="hash")]) == ([], {}, {})
    assert redis_client.hlen("k") == 4097


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_that_is_not_newer_is_stale(store: RedisStore, kind: str) -> None:
    batch = [event(10, kind=kind), event(9, kind=kind), event(10, kind=kind), delete(9)]
    assert store.apply(batch).stale == [1, 2, 3]


@pytest.mark.parametrize("kind", KINDS)
def test_a_delete_leaves_a_tombstone_that_refuses_older_rows_and_expires(
    store: RedisStore, redis_client: redis.Redis, kind: str
) -> None:
    store.apply([event(10, kind=kind), delete(11, kind=kind)])
    assert not redis_client.exists("k")
    tombstone = TOMBSTONE_PREFIX + b"{k}"
    assert redis_client.get(tombstone) == b"11"
    assert 86_000 < redis_client.ttl(tombstone) <= 86_400
    assert store.apply([event(10, kind=kind), event(11, kind=kind), delete(11)]).stale == [0, 1, 2]
    assert store.apply([event(12, kind=kind)]).stale == []
    assert redis_client.exists("k")


@pytest.mark.parametrize("kind", KINDS)
def test_any_order_and_repetition_of_events_ends_in_the_newest(
    store: RedisStore, redis_client: redis.Redis, kind: str
) -> None:
    newest = event(5, '{"a":"5"}', kind=kind)
    history = [event(1, '{"a":"1"}', kind=kind), delete(2), event(3, kind=kind), delete(4), newest]
    for order in itertools.permutations(history):
        redis_client.flushdb()
        for some in ([order[0]], [*order], [*random.Random(1).choices(order, k=4)]):
            store.apply(some)
        if kind == "hash":
            assert redis_client.hgetall("k") == {b"a": b"5", b"_v": b"5"}
        else:
            assert text(redis_client) == b'{"a":"5","_v":5}'


@pytest.mark.parametrize("seed", range(30))
def test_a_batch_ends_as_its_events_one_by_one(
    store: RedisStore, redis_client: redis.Redis, seed: int
) -> None:
    chance = random.Random(seed)
    events = [
        event(
            chance.choice([0, *range(1, 9)]),
            chance.choice(["", f'{{"a":"{number}"}}', "{}"]),
            key=chance.choice("kl"),
            kind=chance.choice(KINDS),
            expiry=chance.choice(["", "", "1000"]),
        )
        for number in range(12)
    ]

    stale = [i for i, one in enumerate(events) if store.apply([one]).stale]
    expected = everything(redis_client)
    redis_client.flushdb()
    assert store.apply(events).stale == stale
    assert everything(redis_client) == expected


def test_a_document_that_is_refused_leaves_the_key_of_another_type(
    documents_redis: RedisServer,
) -> None:
    with documents_redis.client() as client:
        client.execute_command("ACL", "SETUSER", "w", "on", ">pw", "+@all", "-json.set", "~*")
        config = settings(
            documents_redis, SYNC_WORKER_REDIS_USERNAME="w", SYNC_WORKER_REDIS_PASSWORD="pw"
        )
        store = RedisStore(config.redis, config.events)
        store.apply([event(1)])
        outcome = store.apply([event(2, kind="redisjson")])
        client.execute_command("ACL", "DELUSER", "w")
        assert outcome.kept
        assert client.get("k") == b'{"a":"x","_v":1}'
        store.close()


@pytest.mark.parametrize("seed", range(10))
def test_a_large_batch_on_keys_of_every_sort_ends_as_its_events_one_by_one(
    store: RedisStore, redis_client: redis.Redis, seed: int
) -> None:
    chance = random.Random(seed)
    keys = [f"k{number}" for number in range(300)]
    sorts = chance.choice(
        [KINDS, ("",), ("json",), ("long",), (*KINDS, "", "gone", "list", "long")]
    )

    def prepare() -> None:
        chance = random.Random(seed)
        redis_client.flushdb()
        for key in keys:
            sort = chance.choice(sorts)
            row = '{"a":"%s"}' % ("x" * 20_000) if sort == "long" else '{"a":"x"}'
            if sort in KINDS or sort == "long":
                store.apply([event(5, row, key=key, kind=sort if sort in KINDS else "json")])
            elif sort == "gone":
                store.apply([delete(5, key=key)])
            elif sort == "list":
                redis_client.rpush(key, "1")

    kinds, expiries = chance.choice([KINDS, ("json",)]), chance.choice([("",), ("", "1000")])
    events = [
        event(
            chance.choice([0, 4, 5, 6, 7]),
            chance.choice(["", '{"a":"y"}', "{}", "{ }"]),
            key=chance.choice(keys),
            kind=chance.choice(kinds),
            expiry=chance.choice(expiries),
        )
        for _ in range(500)
    ]
    prepare()
    alone = [store.apply([one]) for one in events]
    expected = everything(redis_client)
    prepare()
    outcome = store.apply(events)
    assert outcome.stale == [i for i, one in enumerate(alone) if one.stale]
    assert sorted(outcome.refused) == [i for i, one in enumerate(alone) if one.refused]
    assert everything(redis_client) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_expiry_is_set_and_taken_off_again(
    store: RedisStore, redis_client: redis.Redis, kind: str
) -> None:
    store.apply([event(1, kind=kind, expiry="3600")])
    assert 3_500 < redis_client.ttl("k") <= 3_600
    store.apply([event(2, kind=kind)])
    assert redis_client.ttl("k") == -1


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(KINDS, 2)))
def test_a_key_changes_its_kind_and_keeps_its_version(
    store: RedisStore, redis_client: redis.Redis, before: str, after: str
) -> None:
    types = {"json": b"string", "hash": b"hash", "redisjson": b"ReJSON-RL"}
    store.apply([event(5, kind=before, expiry="3600")])
    assert store.apply([event(4, kind=after)]).stale == [0]
    assert redis_client.type("k") == types[before]
    assert store.apply([event(6, kind=after)]) == ([], {}, {})
    assert redis_client.type("k") == types[after]
    assert redis_client.ttl("k") == -1


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_without_version_replaces_a_key_of_any_kind(
    store: RedisStore, redis_client: redis.Redis, kind: str
) -> None:
    redis_client.rpush("k", "1")
    assert store.apply([event(0, kind=kind)]) == ([], {}, {})
    assert redis_client.type("k") != b"list"
    assert store.apply([delete(0, kind=kind)]) == ([], {}, {})
    assert not redis_client.exists("k")


def test_a_document_is_a_row_with_its_version_and_what_is_no_json_is_refused_alone(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    row = '{"id":1,"big":18446744073709551615,"tags":[{"ü":"€😀"}],"none":null}'
    batch = [event(7, row, kind="redisjson"), event(8, "{oops}", key="l", kind="redisjson")]
    outcome = store.apply([*batch, event(9, "{}", key="m", kind="redisjson")])
    assert text(redis_client) == (row[:-1] + ',"_v":7}').encode()
    assert text(redis_client, "m") == b'{"_v":9}'
    assert list(outcome.refused) == [1]
    assert not redis_client.exists("l")


def test_without_the_module_documents_are_kept_and_nothing_is_touched(
    own_redis: RedisServer,
) -> None:
    config = settings(own_redis)
    store = RedisStore(config.redis, config.events)
    store.apply([event(1), event(1, key="l")])
    batch = [event(2, kind="redisjson"), event(2, key="l"), event(2, key="m", kind="redisjson")]
    outcome = store.apply(batch)
    assert list(outcome.kept) == [0, 2]
    assert "needs the module RedisJSON" in outcome.kept[0]
    with own_redis.client() as client:
        assert client.get("k") == b'{"a":"x","_v":1}'
        assert client.get("l") == b'{"a":"x","_v":2}'
        assert not client.exists("m")
    store.close()


def test_a_table_of_documents_needs_the_module_from_the_start(
    store: RedisStore, own_redis: RedisServer
) -> None:
    tables = [SyncedTable("shop.a"), SyncedTable("shop.b", kind="redisjson")]
    store.check(tables)
    config = settings(own_redis)
    without = RedisStore(config.redis, config.events)
    without.check(tables[:1])
    with pytest.raises(
        ConfigError, match=r'shop\.b: kind = "redisjson" needs the module'
    ) as caught:
        without.check(tables)
    assert "loadmodule" in str(caught.value)
    without.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_another_type_is_refused_and_the_rest_goes_on(
    store: RedisStore, redis_client: redis.Redis, kind: str
) -> None:
    redis_client.rpush("list", "1")
    batch = [event(1, key="a", kind=kind), event(1, key="list", kind=kind), event(1, key="b")]
    outcome = store.apply(batch)
    assert outcome.stale == []
    assert outcome.kept == {}
    assert list(outcome.refused) == [1]
    assert "WRONGTYPE" in outcome.refused[1]
    assert redis_client.exists("a", "b") == 2
    assert redis_client.lrange("list", 0, -1) == [b"1"]


def test_a_hash_row_that_is_no_json_is_refused_and_the_rest_goes_on(
    store: RedisStore, redis_client: redis.Redis
) -> None:
    outcome = store.apply([event(1, "{oops}", kind="hash"), event(1, key="b")])
    assert list(outcome.refused) == [0]
    assert redis_client.exists("b")


def test_the_version_members_name_may_hold_any_character(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    config = settings(redis_server, SYNC_WORKER_EVENTS_VERSION_MEMBER='%v-"1/2".+')
    store = RedisStore(config.redis, config.events)
    for kind in ("json", "redisjson"):
        redis_client.delete("k")
        assert store.apply([event(v, kind=kind) for v in (5, 5, 6)]).stale == [1]
        assert store.apply([event(v, kind=kind) for v in (5, 7)]).stale == [0]
        assert json.loads(text(redis_client) or "") == {"a": "x", '%v-"1/2".+': 7}
    store.close()


def test_a_cluster_is_written_slot_by_slot(own_redis: RedisServer) -> None:
    own_redis.stop()
    # Without a port for its bus a cluster node takes its own port plus 10,000, if there is one.
    own_redis.arguments = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    own_redis.start()
    with own_redis.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
            pass
        config = settings(own_redis, SYNC_WORKER_REDIS_CLUSTER="true")
        store = RedisStore(config.redis, config.events)
        with pytest.raises(ConfigError, match="needs the module"):
            store.check([SyncedTable("shop.b", kind="redisjson")])
        keys = ["a", "b", "tag:{x}", "c"]
        assert store.apply([event(2, key=key) for key in keys]) == ([], {}, {})
        assert store.apply([event(1, key=key) for key in keys]).stale == [0, 1, 2, 3]
        assert store.apply([delete(3, key=key) for key in keys]) == ([], {}, {})
        assert store.apply([event(2, key=key) for key in keys]).stale == [0, 1, 2, 3]
        assert store.set_rows([b"1", b"x", b"2", b"y"]) == ([], {}, {})
        store.close()
