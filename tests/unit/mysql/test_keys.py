"""Which templates can give two rows, or two tables, one key."""

import pytest
from mapping_samples import column, mapping

from sync_worker.errors import ConfigError
from sync_worker.mysql.checks import check_key_spaces
from sync_worker.mysql.keys import readable

INT, UNSIGNED = column("int(11)", "i"), column("int unsigned", "u")
TEXT, OTHER = column("varchar(9)", "t"), column("text", "o")
DATE, BINARY = column("date", "d"), column("binary(4)", "b")
STAMP, ENUM = column("timestamp", "s"), column("enum('x','y')", "e")


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ([INT], "i"), (["p:", INT], "i"), ([TEXT], "t"), ([TEXT, ":x"], "t"),
        ([INT, UNSIGNED], ""), ([INT, ":", UNSIGNED], "iu"), ([UNSIGNED, "-", INT], "iu"),
        ([INT, ":", TEXT], "it"), ([TEXT, ":", INT], "it"), ([TEXT, "-", INT], ""),
        ([TEXT, ":", OTHER], ""), ([INT, ":", TEXT, ":", OTHER], "i"),
        ([INT, ":", TEXT, ":", UNSIGNED], "itu"), ([TEXT, UNSIGNED], ""),
        ([DATE, "-", INT], ""), ([DATE, "_", INT], "di"), ([DATE, ":", TEXT], "dt"),
        ([BINARY, "+", TEXT], ""), ([BINARY, ":", TEXT], "bt"),
        ([STAMP, ":", INT], "si"), ([STAMP, ":", TEXT], ""),
        ([ENUM, ":", TEXT], "et"), ([INT, ":", INT], "i"),
    ],
)  # fmt: skip
def test_which_columns_can_be_read_back_from_a_key(template, found):
    assert readable(template) == set(found)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a:{id}", "b:{id}", False), ("a:{id}", "a:{id}", True), ("{id}", "{id}", True),
        ("a:{id}", "a:{id}:x", False), ("a:{id}", "{name}", True), ("a:{name}", "b:{name}", False),
        ("a:{id}", "{id}:a", False), ("a:{name}", "a:{id}:{day}", True),
        ("a:{id}", "a:{day}", True),
        ("p{id}", "p:{id}", False), ("p:{id}:{day}", "p:{id}", False), ("x{raw}", "x{id}", True),
        ("{id}:{name}", "{name}:{id}", True), ("a{id}", "A{id}", False), ("1{id}", "{id}", True),
    ],
)  # fmt: skip
def test_two_tables_may_not_share_a_key_space(one, other, meet):
    columns = [column("varchar(9)", "name"), column("date", "day"), column("binary(4)", "raw")]

    def compiled(template, name):
        keys = [("name",), ("day",), ("raw",)]
        return mapping(*columns, template=template, name=name, unique=keys)

    mappings = [compiled(one, "shop.one"), compiled(other, "shop.two")]
    if meet:
        with pytest.raises(ConfigError) as caught:
            check_key_spaces(mappings)
        assert "tables shop.one and shop.two share one key space" in str(caught.value)
        assert repr(one) in str(caught.value) and repr(other) in str(caught.value)
    else:
        check_key_spaces(mappings)
