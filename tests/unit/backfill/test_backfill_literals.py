"""Identity texts, and the predicates made of them."""

from __future__ import annotations

import re

import pytest

from sync_worker.config import SyncedTable
from sync_worker.mysql.chunks import Chunks, nowait
from sync_worker.mysql.keytext import literal, shape
from sync_worker.mysql.literals import split
from sync_worker.mysql.mapping import compile_mapping
from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.schema import Column, Server, Table
from sync_worker.verify.keyspace import KeySpace

SERVER = Server("mariadb", (10, 11, 0))


def column(name: str, full_type: str = "int(11)", charset: str | None = None) -> Column:
    collation = f"{charset}_bin" if charset else None
    return Column(name, re.match(r"\w+", full_type)[0], full_type, False, charset, collation)


def outbox(key: str, *columns: Column, primary: tuple[str, ...]) -> Outbox:
    config = SyncedTable(name="shop.t", key=key)
    table = Table("shop", "t", columns, primary)
    return Outbox("o", compile_mapping(config, table, SERVER, "_v"))


TWO = outbox("{a}:{b}", column("b", "varchar(9)", "latin1"), column("a"), primary=("a", "b"))


def test_literals_are_told_apart_and_anything_else_is_refused() -> None:
    text = b"-5,1.5e-7,_latin1 x'27',_binary x'','2020-01-01 00:00:00'"
    assert split(text) == text.split(b",")
    for bad in (b"", b"1;", b"1,x", b"'a''b'", b"_latin1 x'2'g'", b"1) OR (1"):
        with pytest.raises(ValueError, match="is no literal"):
            split(bad)


def test_a_walk_goes_on_after_the_last_row_in_the_order_of_the_key() -> None:
    chunks = Chunks(TWO)
    assert chunks.after(None) == "1"
    assert chunks.after(b"_latin1 x'61',7") == (
        "`t`.`a`>=7 AND (`t`.`a`>7 OR (`t`.`a`=7 AND (`t`.`b`>_latin1 x'61')))"
    )
    assert chunks.among([b"_latin1 x'61',7"]) == "(`t`.`a`=7 AND `t`.`b`=_latin1 x'61')"
    one = Chunks(outbox("{a}", column("a"), primary=("a",)))
    assert one.after(b"7") == "(`t`.`a`>7)"
    assert one.among([b"7", b"8"]) == "`t`.`a` IN (7,8)"


def test_events_are_inserted_with_values_so_that_the_counter_is_not_locked() -> None:
    statement = Chunks(TWO).insert([b"_latin1 x'61',7", b"_latin1 x'',8"])
    assert statement == (
        "INSERT INTO `o`.`shop.t` (`sync$1`,`sync$2`) VALUES (_latin1 x'61',7),(_latin1 x'',8)"
    )


@pytest.mark.parametrize(
    ("server", "clause"),
    [
        (Server("mysql", (9, 7, 0)), "FOR SHARE NOWAIT"),
        (Server("mysql", (5, 6, 24)), ""),
        (Server("mariadb", (10, 11, 0)), "LOCK IN SHARE MODE NOWAIT"),
        (Server("mariadb", (10, 2, 0)), ""),
    ],
)
def test_nowait_is_written_as_the_server_wants_it(server: Server, clause: str) -> None:
    assert nowait(server) == clause


@pytest.mark.parametrize(
    ("full_type", "charset", "text", "expected"),
    [
        ("tinyint(4)", None, "127", "127"),
        ("tinyint(4)", None, "128", None),
        ("tinyint(3) unsigned", None, "255", "255"),
        ("bigint(20) unsigned", None, str(2**64 - 1), str(2**64 - 1)),
        ("int(11)", None, "-2147483649", None),
        ("varchar(2)", "utf8mb4", "abc", None),
        ("varchar(9)", "latin1", "ж", None),
        ("varbinary(3)", None, "AAAA", "_binary x'000000'"),
        ("varbinary(2)", None, "AAAA", None),
        ("varbinary(9)", None, "AAA", None),
        ("date", None, "2020-01-01", "'2020-01-01'"),
    ],
)
def test_only_texts_of_possible_values_are_read_back(
    full_type: str, charset: str | None, text: str, expected: str | None
) -> None:
    assert literal(column("c", full_type, charset), text) == expected


def test_there_is_no_way_back_from_a_set() -> None:
    assert shape(column("c", "set('a','b')", "utf8mb4")) is None
    assert shape(column("c")) is not None


def test_keys_are_read_back_to_columns_and_others_are_not_ours() -> None:
    space = KeySpace(
        outbox(
            "p*[{a}]:{b}", column("a"), column("b", "varchar(9)", "utf8mb4"), primary=("a", "b")
        ).mapping
    )
    assert space.pattern == r"p\*\[*\]:*"
    [[a, b]] = space.read(b"p*[5]:x]:y")
    assert (a, b) == ("5", "CONVERT(_utf8mb4 x'785d3a79' USING utf8mb4) COLLATE utf8mb4_bin")
    for other in (b"p*[05]:x", b"p*[5]x", b"p*[]:x", b"q[5]:x", b"\xff", b"sync-worker:epoch:t"):
        assert space.read(other) == []
