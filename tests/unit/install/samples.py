"""A table and its mapping, as if read from a server."""

from __future__ import annotations

import re
from typing import Any

from sync_worker.config import SyncedTable
from sync_worker.mysql.mapping import compile_mapping
from sync_worker.mysql.outbox import Outbox
from sync_worker.mysql.schema import Column, Server, Table

MARIADB = Server("mariadb", (10, 11, 6))
MYSQL56 = Server("mysql", (5, 6, 24))


def column(name: str, full_type: str, **more: Any) -> Column:
    kind = re.match(r"\w+", full_type)[0]
    text = {"charset": "utf8mb4", "collation": "utf8mb4_general_ci"} if "char" in kind else {}
    values = {"nullable": False, "charset": None, "collation": None, **text, **more}
    return Column(name, kind, full_type, **values)


def product(server: Server = MARIADB, **entry: Any) -> Outbox:
    """The outbox of shop.product, with an integer primary key `id` and a `name`."""
    table = Table(
        "shop",
        "product",
        (column("id", "int(11)"), column("name", "varchar(100)")),
        ("id",),
        (("name",),),
    )
    entry = {"key": "product:{id}", **entry}
    config = SyncedTable(name="shop.product", **entry)
    return Outbox("sync_worker", compile_mapping(config, table, server, "_v"))
