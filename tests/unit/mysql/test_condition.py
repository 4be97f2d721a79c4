"""A user's `where`, rewritten and refused."""

import pytest

from sync_worker.errors import ConfigError
from sync_worker.mysql.condition import parse

NAMES = (
    "id active name date day end order status count user värde left value unknown in a b created x"
)
COLUMNS = {name: name for name in NAMES.split()} | {"it`s": "it`s", "mixed": "Mixed"}


def sql(expression):
    condition = parse(expression, COLUMNS, ("shop", "product"))
    return condition.sql(lambda column: f"<{column}>")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("active = 1", "<active> = 1"),
        ("ACTIVE=1\n AND\tMIXED", "<active>=1 AND <Mixed>"),
        ("`order` = 1 AND order = 2", "<order> = 1 AND <order> = 2"),
        ("`it``s` IN (1,2)", "<it`s> IN (1,2)"),
        ("`in`=1 and a in (1)", "<in>=1 and <a> in (1)"),
        ("värde = 1", "<värde> = 1"),
        ("count > COUNT (1)", "<count> > COUNT (1)"),
        ("left(name, 1) = left", "left(<name>, 1) = <left>"),
        ("user = 1", "<user> = 1"),
        ("NOT active", "NOT <active>"),
        ("unknown IS UNKNOWN", "<unknown> IS UNKNOWN"),
        ("product.a = shop.product.`b`", "<a> = <b>"),
        ("shop.f(a)", "shop.f(<a>)"),
        ("other = 1", "other = 1"),
        ("a-b - -1", "<a>-<b> - -1"),
        ("a=1.5e3 OR b=.5 OR x=0x4a", "<a>=1.5e3 OR <b>=.5 OR <x>=0x4a"),
        # Where a word cannot be a column.
        ("created + INTERVAL day DAY > a", "<created> + INTERVAL <day> DAY > <a>"),
        ("EXTRACT(DAY FROM created) = day", "EXTRACT(DAY FROM <created>) = <day>"),
        ("TIMESTAMPDIFF(day, a, b) = day", "TIMESTAMPDIFF(day, <a>, <b>) = <day>"),
        ("CAST(date AS DATE) = DATE '2026-01-01'", "CAST(<date> AS DATE) = DATE'2026-01-01'"),
        ("CASE a WHEN 1 THEN b END = end", "CASE <a> WHEN 1 THEN <b> END = <end>"),
        ("name COLLATE value = 'x'", "<name> COLLATE value = 'x'"),
        ("x = x'41' AND name = _latin1'a'", "<x> = x'41' AND <name> = _latin1'a'"),
        ("value->'$.a' = 1", "<value>->'$.a' = 1"),
        # Text, independent of sql_mode.
        ("name = 'plain'", "<name> = 'plain'"),
        ("name = \"plain\"", "<name> = 'plain'"),
        ("name = 'it''s'", "<name> = _utf8mb4 0x69742773"),
        (r"name = 'it\'s'", "<name> = _utf8mb4 0x69742773"),
        ('name = "a""b"', "<name> = 'a\"b'"),
        (r"name = '\n\0\q'", "<name> = _utf8mb4 0x0a0071"),
        ("name = 'a' \"b\"  'ä'", "<name> = _utf8mb4 0x6162c3a4"),
        ("name = 'active; -- # /*'", "<name> = 'active; -- # /*'"),
        (r"name LIKE 'a\%'", r"<name> LIKE _utf8mb4 0x615c25 ESCAPE _utf8mb4 0x5c"),
        (r"name LIKE 'a\%' ESCAPE '|'", "<name> LIKE _utf8mb4 0x615c25 ESCAPE '|'"),
    ],
)  # fmt: skip
def test_columns_are_qualified_and_nothing_else(expression, expected):
    assert sql(expression) == expected


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "no condition"), ("  \n", "no condition"),
        ("a=1) OR (1=1", "a bracket is closed"), ("(a=1", "a bracket is not closed"),
        ("name='x", "a quote is not closed"), ('name="x', "a quote is not closed"),
        (r"name='x\'", "a quote is not closed"), ("`a=1", "a backtick is not closed"),
        ("a=1; DROP TABLE t", "not several statements"),
        ("a=1 -- ", "comments"), ("a=1 --", "comments"), ("a=1 #", "comments"),
        ("a /*! = 1 */", "comments"), ("a*/", "comments"),
        ("a || b", "sql_mode"), ("@a = 1", "variables"), ("@@sql_mode = ''", "variables"),
        ("a = ?", "not possible"), ("a = {d '2026-01-01'}", "not possible"),
        ("a \\ b", "only within text"), ("a\0", "not possible"), ("a = \N{GRINNING FACE}", "not p"),
        ("a IN (SELECT 1)", "another table"), ("EXISTS (SELECT 1)", "another table"),
        ("a IN (TABLE t)", "another table"), ("(WITH x AS (SELECT 1) TABLE x)", "another table"),
        ("created < NOW()", "until it is changed"), ("created < now ()", "until it is changed"),
        ("a < CURRENT_TIMESTAMP", "until it is changed"), ("RAND() < 0.5", "until it is changed"),
        ("UNIX_TIMESTAMP() > a", "until it is changed"), ("USER() = name", "until it is changed"),
        ("other.a = 1", "other.a is no column"), ("shop.other.a = 1", "is no column"),
        ("product.nothing = 1", "is no column"), ("shop . product.a", "white space"),
        ("name = _latin1'ä'", "must be plain"),
    ],
)  # fmt: skip
def test_what_could_mean_something_else_is_refused(expression, words):
    with pytest.raises(ConfigError, match=words) as caught:
        sql(expression)
    assert f"where = {expression!r}: " in str(caught.value)


def test_a_condition_tells_its_columns_and_functions():
    found = parse("UNIX_TIMESTAMP(created) > a AND `count` = 1", COLUMNS, ("s", "t"))
    assert found.columns == {"created", "a", "count"}
    assert "unix_timestamp" in found.functions
