"""Configuration and schema compiled: the SQL of lines, the fingerprint, and what is refused."""

import pytest
from mapping_samples import MARIADB, MYSQL56, MYSQL97, column, mapping

from sync_worker.errors import ConfigError
from sync_worker.mysql.mapping import Mapping

NAME = column("varchar(9)", "name", null=True)
PRICE = column("decimal(5,2)", "price")
TTL = column("int", "ttl", null=True)
DAY = column("date", "day")
INT = "CONVERT(CAST({} AS CHAR) USING utf8mb4)"


def test_the_sql_of_a_line():
    config = {"exclude": ("ttl",), "where": "ttl > 0", "expire": "ttl"}
    found = mapping(NAME, TTL, template='é"{id}', **config)
    key = f"CONCAT('\"',_utf8mb4 0xc3a95c22,{INT.format('NEW.`id`')},'\"')"
    expiry = (
        "CASE WHEN NEW.`ttl` IS NULL THEN '' WHEN NEW.`ttl`<1 THEN '1' WHEN NEW.`ttl`>999999999 "
        f"THEN '999999999' ELSE {INT.format('NEW.`ttl`')} END"
    )
    row = (
        f"CONCAT('{{\"id\":',{INT.format('NEW.`id`')},',\"name\":',IF(NEW.`name` IS NULL,'null',"
        "JSON_QUOTE(CONVERT(NEW.`name` USING utf8mb4))),'}')"
    )
    assert found.matches("NEW") == "((NEW.`ttl` > 0) IS TRUE)"
    assert found.key({"id": "NEW.`id`"}) == key
    assert found.expiry("NEW") == expiry
    assert found.row("NEW") == row
    assert found.line("'7'", "NEW", {"id": "NEW.`id`"}, "p") == (
        f"CONCAT('7',_utf8mb4 0x09,{key},_utf8mb4 0x096a736f6e09,"
        f"IF(p,CONCAT({expiry},_utf8mb4 0x09,{row}),_utf8mb4 0x09))"
    )


def test_no_filter_matches_every_row_and_no_expiry_is_empty():
    assert mapping().matches("t") == "1"
    assert mapping().expiry("t") == "''"
    assert mapping(expire=60).expiry("t") == "'60'"


def test_a_key_with_free_text_is_quoted_as_a_whole():
    found = mapping(NAME, column("varchar(9)", "k"), template="{id}:{k}")
    columns = {"id": "o.`a`", "k": "o.`b`"}
    assert found.key(columns) == f"JSON_QUOTE({found.key_text(columns)})"
    assert [c.name for c in found.identity] == ["id", "k"]


def test_identities_are_compared_by_value_and_text_by_bytes_too():
    found = mapping(column("varchar(9)", "k"), template="{id}:{k}")
    assert found.same_identity({"id": "a", "k": "b"}, {"id": "c", "k": "d"}) == (
        "a=c AND b=d AND CAST(b AS BINARY)=CAST(d AS BINARY)"
    )


def test_columns_are_chosen_left_out_renamed_and_keep_their_order():
    hidden = column("int", "hidden", invisible=True)

    def members(**config):
        return [member for member, _ in mapping(NAME, PRICE, hidden, **config).members]

    assert members() == ["id", "name", "price"]
    assert members(columns=("hidden", "NAME")) == ["name", "hidden"]
    assert members(exclude=("Name",)) == ["id", "price"]
    assert members(rename=(("PRICE", "cost"),)) == ["id", "name", "cost"]


@pytest.mark.parametrize("server", [MARIADB, MYSQL97, MYSQL56])
def test_no_sql_holds_a_backslash_a_newline_or_text_in_double_quotes(server):
    columns = [NAME, PRICE, column("json", "j", is_json=True), column("blob", "b")]
    found = mapping(*columns, server=server, where=r"name = 'it\'s'", template="\\ {id}'")
    sql = found.line("v", "t", {"id": "o.`x`"}, found.matches("t"))
    assert not set("\\\n\t") & set(sql)


def changed(before: Mapping, after: Mapping) -> bool:
    return before.fingerprint != after.fingerprint


@pytest.mark.parametrize(
    "after",
    [
        mapping(NAME, PRICE, kind="hash"), mapping(NAME, PRICE, template="p:{id}"),
        mapping(NAME, PRICE, exclude=("name",)), mapping(NAME, PRICE, TTL),
        mapping(NAME, PRICE, rename=(("name", "n"),)), mapping(NAME, PRICE, where="price > 1"),
        mapping(NAME, PRICE, expire=60), mapping(NAME, PRICE, versions=False),
        mapping(NAME, PRICE, member="version"), mapping(NAME, column("decimal(5,3)", "price")),
        mapping(PRICE, NAME),
    ],
)  # fmt: skip
def test_the_fingerprint_changes_when_the_rendering_does(after):
    assert changed(mapping(NAME, PRICE), after)


@pytest.mark.parametrize(
    "after",
    [
        mapping(NAME, PRICE, server=MARIADB), mapping(NAME, PRICE, delivery="direct"),
        mapping(column("text", "name"), PRICE), mapping(NAME, column("decimal(9,2)", "price")),
        mapping(NAME, PRICE, TTL, exclude=("ttl",)), mapping(NAME, PRICE, unique=[("price",)]),
        mapping(NAME, PRICE, columns=("price", "id", "name")),
    ],
)  # fmt: skip
def test_the_fingerprint_does_not_change_when_the_rendering_does_not(after):
    assert not changed(mapping(NAME, PRICE), after)


def test_the_fingerprint_knows_the_order_of_columns_in_the_key():
    columns, keys = [column("int", "n")], {"key": ("id", "n")}
    one = mapping(*columns, template="{id}:{n}", **keys)
    assert changed(one, mapping(*columns, template="{n}:{id}", **keys))


@pytest.mark.parametrize(
    ("columns", "config", "words"),
    [
        ([], {"key": ()}, "has no primary key"),
        ([], {"template": "{no}"}, "key = '{no}' names no column: 'no'"),
        ([], {"columns": ("no",)}, "columns names no column: 'no'"),
        ([], {"exclude": ("no",)}, "exclude names no column: 'no'"),
        ([], {"rename": (("no", "x"),)}, "rename names no column: 'no'"),
        ([], {"expire": "no"}, "expire names no column: 'no'"),
        ([], {"exclude": ("id",)}, "columns and exclude leave no column"),
        ([DAY], {"template": "{day}"}, r"is not unique: .* use the primary key \(id\)"),
        ([DAY], {"template": "{day}-{id}", "key": ("id", "day")}, "what stands between two"),
        ([NAME], {"template": "{name}", "unique": [("name",)]}, "name, which may be NULL"),
        ([column("float", "f")], {"template": "{id}:{f}"}, "column f of type float"),
        ([column("json", "j", is_json=True)], {"template": "{id}:{j}"}, "not fit for a key"),
        ([column("xml", "x")], {}, "column x has type xml"),
        ([column("int", "_v")], {}, "a member is called '_v', which holds the version"),
        ([NAME], {"rename": (("name", "_v"),)}, "a member is called '_v'"),
        ([NAME], {"rename": (("name", "id"),)}, "rename gives two columns the same name: 'id'"),
        ([NAME], {"rename": (("name", "n"),), "exclude": ("name",)}, "name, which is left out"),
        ([DAY], {"expire": "day"}, "expire names column day of type date"),
        ([NAME], {"where": "name = 'x"}, "where = \"name = 'x\": a quote is not closed"),
    ],
)  # fmt: skip
def test_what_does_not_fit_names_the_table_and_the_field(columns, config, words):
    with pytest.raises(ConfigError, match=words) as caught:
        mapping(*columns, **config)
    assert str(caught.value).startswith("table shop.product: ")


def test_an_unused_column_without_rendering_is_no_fault():
    assert mapping(column("xml", "x"), exclude=("x",)).members
    assert mapping(column("int", "_v"), versions=False).members
