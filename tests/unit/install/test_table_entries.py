"""[[table]] in the documents, the example, `check-config` and `init`."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from sync_worker import init
from sync_worker.cli.check_config import as_toml
from sync_worker.config import SyncedTable, load
from sync_worker.config.toml import toml
from sync_worker.errors import ConfigError
from sync_worker.init import quoted
from sync_worker.mysql.schema import Column, Table

ROOT = Path(__file__).resolve().parents[3]
FULL = """
[[table]]
name = "shop.product"
delivery = "direct"
key = "product:{id}"
kind = "hash"
columns = ["id", "name", "a \\"quoted\\" one"]
exclude = ["notes"]
rename = { "odd name" = "new.name", id = "number" }
where = "active = 1 AND name <> 'x'"
expire = "90s"
versions = false

[[table]]
name = "`a.b`.`c ``d```"
expire = "column:ttl"
"""


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(SyncedTable)])
def test_every_field_is_documented_and_in_the_example(field):
    text = (ROOT / "docs" / "configuration.md").read_text()
    doc = next(f.metadata["doc"] for f in dataclasses.fields(SyncedTable) if f.name == field)
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{field}` |")]
    assert doc.partition(";")[0].partition(" default")[0].rstrip(".") in row
    assert f"\n#{field} = " in (ROOT / "examples" / "sync-worker.toml").read_text()


def test_the_entry_of_the_example_is_one(tmp_path):
    text = (ROOT / "examples" / "sync-worker.toml").read_text()
    entry = text[text.index("#[[table]]") :].replace("\n#", "\n").removeprefix("#")
    path = tmp_path / "c.toml"
    path.write_text(entry)
    (table,) = load(path, {}).tables
    assert table.rename == (("price", "cost"),)
    assert table.expire == 3600


def test_check_config_prints_entries_that_mean_the_same(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(FULL)
    config = load(path, {})
    again = tmp_path / "again.toml"
    again.write_text(as_toml(config))
    assert load(again, {}).tables == config.tables
    assert "# where is not set\n" in again.read_text()


@pytest.mark.parametrize(
    "value", ["plain", 'a "b" \\ c', "tab\tline\n", "\x7f\x00", "\N{SNOWMAN}", 5, 1.5, True, ["a"]]
)
def test_a_value_is_read_back_as_it_was(value):
    assert tomllib.loads(f"x = {toml(value)}") == {"x": value}
    assert tomllib.loads(f"x = {toml({'a b': value})}") == {"x": {"a b": value}}


@pytest.mark.parametrize(
    ("schema", "table", "name"),
    [("a", "b", "a.b"), ("a.b", "c d", "`a.b`.c d"), ("a", "b`c", "a.`b``c`")],
)
def test_a_name_is_quoted_where_it_must_be(schema, table, name):
    entry = SyncedTable(name=quoted(schema, table))
    assert entry.name == name
    assert (entry.schema, entry.table) == (schema, table)


def _column(name: str, kind: str) -> Column:
    text = kind == "varchar"
    return Column(
        name, kind, kind, False, "utf8mb4" if text else None, "utf8mb4_bin" if text else None
    )


def test_the_key_proposed_is_one_that_tells_rows_apart():
    columns = (_column("a", "varchar"), _column("b", "varchar"), _column("n", "int"))
    assert 'key = "t:{a}:{n}"' in init._entry(Table("s", "t", columns, ("a", "n")))
    both = Table("s", "t", columns, ("a", "b"), (("n",),))
    assert 'key = "t:{n}"' in init._entry(both)
    with pytest.raises(ConfigError, match=r"s\.t: no key can be made of its primary key \(a, b\)"):
        init._entry(Table("s", "t", columns, ("a", "b")))
