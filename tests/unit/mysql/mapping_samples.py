"""Columns, tables and servers for tests of the mapping."""

from sync_worker.config import SyncedTable
from sync_worker.mysql.mapping import compile_mapping
from sync_worker.mysql.schema import Column, Server, Table

MARIADB = Server("mariadb", (10, 11, 6))
MYSQL97 = Server("mysql", (9, 7, 0))
MYSQL56 = Server("mysql", (5, 6, 24))


def column(definition: str, name: str = "c", *, null: bool = False, **more) -> Column:
    """A column of an SQL type; text types are utf8mb4 unless charset says otherwise."""
    kind = definition.split("(", maxsplit=1)[0].split(" ", maxsplit=1)[0].lower()
    if kind in ("char", "varchar", "text", "longtext", "enum", "set"):
        more.setdefault("charset", "utf8mb4")
    charset = more.pop("charset", None)
    return Column(name, kind, definition.lower(), null, charset, charset, **more)


def table(*columns: Column, key=("id",), unique=()) -> Table:
    """shop.product, with `id` in front unless a column is called so."""
    if not any(c.name == "id" for c in columns):
        columns = (column("int(11)", "id"), *columns)
    return Table("shop", "product", columns, tuple(key), tuple(unique))


def mapping(*columns: Column, server=MYSQL97, key=("id",), unique=(), member="_v", **config):
    """A compiled mapping; its key template is product:{id} unless `template` is given."""
    template = config.pop("template", "product:{id}")
    name = config.pop("name", "shop.product")
    synced = SyncedTable(name=name, key=template, **config)
    return compile_mapping(synced, table(*columns, key=key, unique=unique), server, member)
