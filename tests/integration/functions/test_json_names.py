"""Names of members, and the nesting of one JSON function's text in another's."""

from __future__ import annotations

import json

import pytest

from functions.sql import Sql

pytestmark = pytest.mark.matrix

# What stands between the brackets of udf_json_object, and the object.
OBJECTS = [
    ("", "{}"),
    ("1 AS a", '{"a":1}'),
    ("1 a", '{"a":1}'),
    ("1 AS `a`", '{"a":1}'),
    ("1 AS 'a b'", '{"a b":1}'),
    ("id", '{"id":7}'),
    ("t.id", '{"id":7}'),
    ("`id`", '{"id":7}'),
    ("`t`.`id`", '{"id":7}'),
    ("t.`id`", '{"id":7}'),
    ("`my col`", '{"my col":8}'),
    ("t.`my col`", '{"my col":8}'),
    ("`back``tick`", '{"back`tick":9}'),
    ("größe", '{"größe":10}'),
    ("größe AS `Größe`", '{"Größe":10}'),
    ('id AS `quote " in it`', '{"quote \\" in it":7}'),
    ("id AS `t.id`", '{"id":7}'),
    ("1+1", '{"1+1":2}'),
    ("1.5", '{"1.5":1.5}'),
    ("'text'", None),
    ("id, id AS b, NULL AS c", '{"id":7,"b":7,"c":null}'),
    ("id AS a, id AS a", '{"a":7,"a":7}'),
]

# What goes in as it is: an SQL expression, and its value.
NESTED = [
    ("udf_json_object(1 AS a, udf_json_object(2 AS b) AS json_x)", '{"a":1,{"b":2}}'),
    ("udf_json_object(json_members('a', udf_json_array(1, 2)))", '{"a":[1,2]}'),
    ("udf_json_object(id, json_members('v', 2, 'u', 'l')) FROM t", '{"id":7,"v":2,"u":"l"}'),
    ("udf_json_array(udf_json_array(), udf_json_object())", "[[],{}]"),
    ("udf_json_array(1, UDF_JSON_ARRAY(2, Udf_Json_Array(3)))", "[1,[2,[3]]]"),
    ("udf_json_array('[1,2]' AS json_list)", "[[1,2]]"),
    ("udf_json_array('[1,2]' AS JSON_LIST)", "[[1,2]]"),
    ("udf_json_array('[1,2]' AS list)", '["[1,2]"]'),
    ("udf_json_array(json_doc) FROM t", '[{"k": 1}]'),
    ("udf_json_object(json_doc AS doc) FROM t", r'{"doc":"{\"k\": 1}"}'),
    ("udf_json_array(3 AS json_number)", "[3]"),
    ("udf_json_array(NULL AS json_null)", "[null]"),
    ("udf_json_array('' AS json_empty)", "[null]"),
    ("udf_json_object(NULL AS json_null, '' AS json_empty, 1 AS a)", '{"a":1}'),
    ("json_members()", ""),
    ("json_members('a', 1)", '"a":1'),
    ("json_members('a', NULL, 'b', 'c')", '"a":null,"b":"c"'),
    ("json_members(1, 1, 2.5, 2)", '"1":1,"2.5":2'),
    ("json_members('quote \"', 1)", r'"quote \"":1'),
    ("json_members(NULL, 1)", None),
    ("json_values()", ""),
    ("json_values(1, 'a', NULL)", '1"a"null'),
]


@pytest.fixture
def table(sql: Sql) -> Sql:
    """A connection with a table t of one row."""
    sql.run(
        "CREATE TABLE t (id INT, `my col` INT, `back``tick` INT, `größe` INT, json_doc TEXT)",
        """INSERT INTO t VALUES (7, 8, 9, 10, '{"k": 1}')""",
    )
    return sql


def text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def test_a_member_is_called_as_its_alias_or_its_text_without_qualifier(table: Sql) -> None:
    cases = [(arguments, expected) for arguments, expected in OBJECTS if expected is not None]
    found = [
        (arguments, text(table.value(f"udf_json_object({arguments}) FROM t")))
        for arguments, _ in cases
    ]
    assert found == cases


def test_an_object_of_a_bare_literal_is_still_an_object(table: Sql) -> None:
    assert json.loads(table.value("udf_json_object('text')")).popitem()[1] == "text"


def test_nested_text_goes_in_as_it_is(table: Sql) -> None:
    found = [(expression, text(table.value(expression))) for expression, _ in NESTED]
    assert found == NESTED


def test_members_in_a_trigger_are_named_after_the_columns(table: Sql) -> None:
    table.run(
        "CREATE TABLE seen (text TEXT)",
        "CREATE TRIGGER t_bu AFTER UPDATE ON t FOR EACH ROW INSERT INTO seen VALUES"
        " (udf_json_object(NEW.id, OLD.`my col`, `new`.`back``tick` , NEW.größe AS g))",
        "UPDATE t SET id = id + 1",
    )
    assert text(table.value("text FROM seen")) == '{"id":8,"my col":8,"back`tick":9,"g":10}'


def test_an_odd_number_of_members_is_an_error(table: Sql) -> None:
    assert "takes pairs of name and value" in table.refusal("json_members('a')")
    assert "takes pairs of name and value" in table.refusal("json_members('a', 1, 'b')")


def test_values_change_from_row_to_row(table: Sql) -> None:
    table.run("INSERT INTO t (id, json_doc) VALUES (1, NULL), (2, '[]')")
    rows = table.rows("SELECT udf_json_object(id, json_doc, 'k' AS k) FROM t ORDER BY id")
    assert [text(value) for (value,) in rows] == [
        '{"id":1,"k":"k"}',
        '{"id":2,[],"k":"k"}',
        '{"id":7,{"k": 1},"k":"k"}',
    ]


def test_the_library_says_its_name_and_version(table: Sql) -> None:
    name, _, version = table.value("lib_mysqludf_json_info()").partition(b" version ")
    assert name == b"gman_udf"
    assert version.decode() == table.status()["version"]


def test_the_classic_names_are_the_same_functions_where_they_can_be_created(
    table: Sql, sql_kind: str
) -> None:
    if sql_kind == "mysql56":
        assert table.value("json_object(NEW.id) FROM t AS NEW") == b'{"id":7}'
        assert table.value("json_array(1, json_object(2 AS a), 'b')") == b'[1,{"a":2},"b"]'
    else:  # the built-in functions, which know no alias
        assert json.loads(table.value("json_object('id', 7)")) == {"id": 7}
