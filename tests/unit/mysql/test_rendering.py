"""The exact SQL of every column type."""

import pytest
from mapping_samples import MARIADB, MYSQL56, MYSQL97, column

from sync_worker.errors import ConfigError
from sync_worker.mysql import rendering

NUMBER = "CONVERT(CAST(v AS CHAR) USING utf8mb4)"
ADDED = "CONVERT(CAST(v+0 AS CHAR) USING utf8mb4)"
FLOAT = "CONVERT(CAST(v*1e0 AS CHAR) USING utf8mb4)"
FLOAT_JSON = "CONVERT(TRIM(TRAILING '.0' FROM CAST(CAST(v*1e0 AS JSON) AS CHAR)) USING utf8mb4)"
BASE64 = "REPLACE(CONVERT(TO_BASE64(v) USING utf8mb4),_utf8mb4 0x0a,'')"
TEXT = "CONVERT(v USING utf8mb4)"
MENDED = (
    "IF(INSTR(CAST(v AS BINARY),0xed),CONVERT(CONVERT(v USING utf16) USING utf8mb4),"
    "CONVERT(v USING utf8mb4))"
)
UTC = (
    "CONVERT(IF(IFNULL(UNIX_TIMESTAMP(v),0)=0,CAST(v AS CHAR),CAST(CAST(DATE_ADD("
    "'1970-01-01 00:00:00', INTERVAL UNIX_TIMESTAMP(v) SECOND) AS {}) AS CHAR)) USING utf8mb4)"
)


@pytest.mark.parametrize(
    ("type_", "server", "sql"),
    [
        ("int(11)", MYSQL97, NUMBER), ("bigint unsigned", MYSQL97, NUMBER),
        ("int(8) unsigned zerofill", MYSQL97, ADDED), ("bit(64)", MYSQL97, ADDED),
        ("year(4)", MYSQL97, ADDED), ("decimal(65,30)", MYSQL97, NUMBER),
        ("decimal(8,2) unsigned zerofill", MARIADB, ADDED),
        ("double", MYSQL97, NUMBER), ("double(10,2)", MYSQL97, NUMBER),
        ("double unsigned zerofill", MARIADB, FLOAT),
        ("float", MARIADB, FLOAT), ("float", MYSQL56, FLOAT), ("float", MYSQL97, FLOAT_JSON),
        ("date", MYSQL97, NUMBER), ("time(3)", MYSQL97, NUMBER), ("datetime(6)", MYSQL97, NUMBER),
        ("timestamp", MYSQL97, UTC.format("DATETIME")),
        ("timestamp(3)", MARIADB, UTC.format("DATETIME(3)")),
        ("uuid", MARIADB, NUMBER), ("inet6", MARIADB, NUMBER),
        ("varchar(9)", MYSQL97, TEXT), ("varchar(9)", MARIADB, MENDED),
        ("varchar(9)", MYSQL56, MENDED), ("enum('a')", MARIADB, TEXT),
        ("binary(4)", MYSQL97, BASE64), ("longblob", MARIADB, BASE64),
        ("vector(3)", MYSQL97, BASE64),
        ("point", MYSQL97, "CONVERT(ST_AsText(v) USING utf8mb4)"), ("json", MYSQL97, TEXT),
    ],
)  # fmt: skip
def test_the_text_of_each_type(type_, server, sql):
    given = column(type_, is_json=type_ == "json")
    assert rendering.text(given, "v", server) == sql


def test_text_of_another_character_set_needs_no_mending_and_binary_is_base64():
    assert rendering.text(column("text", charset="latin1"), "v", MARIADB) == TEXT
    assert rendering.text(column("enum('a')", charset="binary"), "v", MARIADB) == BASE64


@pytest.mark.parametrize(
    ("type_", "json", "hash_"),
    [
        ("int", NUMBER, f"CONCAT('\"',{NUMBER},'\"')"),
        ("date", f"CONCAT('\"',{NUMBER},'\"')", f"CONCAT('\"',{NUMBER},'\"')"),
        ("varchar(9)", f"JSON_QUOTE({TEXT})", f"JSON_QUOTE({TEXT})"),
        ("json", TEXT, f"JSON_QUOTE({TEXT})"),
        ("blob", f"CONCAT('\"',{BASE64},'\"')", f"CONCAT('\"',{BASE64},'\"')"),
    ],
)
def test_json_shows_numbers_and_documents_as_such_and_a_hash_shows_text(type_, json, hash_):
    given = column(type_, is_json=type_ == "json")
    assert rendering.json(given, "v", MYSQL97) == json
    assert rendering.json_text(given, "v", MYSQL97) == hash_


def test_only_a_nullable_column_asks_for_null():
    given = column("int", null=True)
    assert rendering.json(given, "v", MYSQL97) == f"IF(v IS NULL,'null',{NUMBER})"
    assert rendering.json_text(given, "v", MYSQL97).startswith("IF(v IS NULL,'null',CONCAT(")


def test_a_document_of_mariadb_loses_its_white_space():
    given = column("longtext", charset="latin1", is_json=True)
    assert rendering.json(given, "v", MARIADB) == f"IFNULL(JSON_COMPACT({TEXT}),JSON_QUOTE({TEXT}))"


def test_without_json_quote_every_control_character_is_replaced():
    sql = rendering.quote("v", MYSQL56)
    assert sql.startswith("CONCAT('\"',REPLACE(") and sql.count("REPLACE(") == 34
    assert "_utf8mb4 0x0a,_utf8mb4 0x5c6e" in sql  # newline by \n
    assert "_utf8mb4 0x1f,_utf8mb4 0x5c7530303166" in sql
    assert "\\" not in sql


def test_an_unknown_type_is_refused_by_name():
    with pytest.raises(ConfigError, match="column c has type xmltype, which has no rendering"):
        rendering.check(column("xmltype"), "shop.product")


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("int(11)", "bigint unsigned", True), ("float", "double", True), ("char(3)", "text", True),
        ("blob", "binary(9)", True), ("decimal(5,2)", "decimal(9,2)", True),
        ("decimal(5,2)", "decimal(5,3)", False), ("timestamp", "timestamp(3)", False),
        ("datetime", "timestamp", False), ("int", "decimal(10,0)", False), ("text", "blob", False),
        ("double", "double(10,2)", False),
    ],
)  # fmt: skip
def test_the_style_changes_when_and_only_when_the_text_would(before, after, same):
    assert (rendering.style(column(before)) == rendering.style(column(after))) is same
