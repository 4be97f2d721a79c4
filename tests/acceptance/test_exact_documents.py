"""`kind = "redisjson"` as one meets it: with the module, and the errors without it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_instance import Instance, install_product, wait_for
from servers import Gearmand, RedisServer, SqlServer

pytestmark = pytest.mark.matrix

WHY = 'kind = "redisjson" needs the module RedisJSON'
NewInstance = Callable[[RedisServer], Instance]


@pytest.fixture
def instance(
    tmp_path: Path, gearmand: Gearmand, sql_server: SqlServer, db: Any
) -> Iterator[NewInstance]:
    """A function that installs a table of documents for a Redis; nothing runs yet."""
    schema = str(db.database)
    db.cmd_query("CREATE TABLE product (id INT NOT NULL PRIMARY KEY, price DECIMAL(9,2))")

    def make(redis: RedisServer) -> Instance:
        instance = Instance(tmp_path, gearmand, redis)
        install_product(instance, sql_server, schema, 'kind = "redisjson"')
        return instance

    yield make
    sql_server.execute(f"DROP DATABASE IF EXISTS outbox_{schema}")


def test_rows_are_documents_and_stay_in_step(
    instance: NewInstance, documents_redis: RedisServer, db: Any
) -> None:
    db.cmd_query("INSERT INTO product VALUES (1, 12.50), (2, 3)")
    with instance(documents_redis) as made, documents_redis.client() as client:
        made.start()

        def document(key: str) -> Any:
            text = client.execute_command("JSON.GET", key, "$")
            return json.loads(text)[0] if text else None

        wait_for(lambda: document("product:2"), "the backfill has come")
        db.cmd_query("UPDATE product SET price = 13.75 WHERE id = 1")
        db.cmd_query("DELETE FROM product WHERE id = 2")
        wait_for(lambda: document("product:1")["price"] == 13.75, "the update is there")
        wait_for(lambda: document("product:2") is None, "the deleted row is gone")
        verified = made.cli("verify", "--json")
        assert verified.returncode == 0, verified.stdout
        assert WHY not in made.cli("doctor").stdout


def test_without_the_module_run_ends_with_an_error_and_doctor_says_what_to_do(
    instance: NewInstance, redis_server: RedisServer, db: Any
) -> None:
    with instance(redis_server) as made:
        ended = made.cli("run")
        assert ended.returncode == 2, ended
        assert f"{db.database}.product: {WHY}" in ended.stderr
        assert "loadmodule" in ended.stderr
        examined = made.cli("doctor")
        assert examined.returncode != 0
        assert WHY in " ".join(examined.stdout.split())
