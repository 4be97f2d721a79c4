"""Every file of sql/ on the servers that it says it is for."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mysql.connector
import pytest
import redis
from running_instance import Instance, wait_for
from servers import Gearmand, RedisServer, SqlServer
from servers.fixtures import StartSqlServer

pytestmark = pytest.mark.matrix

SQL = Path(__file__).resolve().parents[2] / "sql"
FILES = sorted(path.name for path in SQL.glob("*.sql"))
INSTALL = {
    "mariadb": "install-mariadb.sql",
    "mysql97": "install-mysql.sql",
    "mysql56": "install-mysql-5.6.sql",
}
GEARMAN = {
    *("gman_servers_set", "gman_do", "gman_do_high", "gman_do_low", "gman_do_background"),
    *("gman_do_high_background", "gman_do_low_background", "gman_sum"),
}
NEW = {"gman_post", "gman_version", "gman_status"}
CLASSIC_JSON = {"json_object", "json_array"}
JSON = {"json_members", "json_values", "lib_mysqludf_json_info"}
UDF_JSON = {"udf_json_object", "udf_json_array"}

NATIVE_NAME = 1585
FUNCTION_EXISTS = 1125
ACCESS_DENIED = {1044, 1142, 1227, 1370}
NO_SUPER_AND_BINLOG = 1419


def functions(server: SqlServer, library: str = "%") -> set[str]:
    """Return the names of the loadable functions of a library."""
    text = "SELECT name FROM mysql.func WHERE dl LIKE %s"
    return {_text(name) for (name,) in server.execute(text, (library,))}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else bytes(value).decode()


@contextlib.contextmanager
def already_exists() -> Iterator[None]:
    """Expect the error that stops a second installation on servers without IF NOT EXISTS."""
    with pytest.raises(mysql.connector.Error) as caught:
        yield
    assert caught.value.errno == FUNCTION_EXISTS
    assert "gman_servers_set" in str(caught.value.msg)


@pytest.fixture
def server(own_sql_server: StartSqlServer, gearmand: Gearmand) -> SqlServer:
    """A database server of this test alone, whose settings name the job server."""
    started = own_sql_server(udf_conf=f"servers = {gearmand.address}\n")
    started.execute("CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4")
    return started


@pytest.mark.parametrize("name", FILES)
def test_every_file_says_what_it_needs_touches_and_how_to_run_it(name: str) -> None:
    header = (SQL / name).read_text().split("\n\n", 1)[0]
    assert all(line.startswith("--") for line in header.splitlines())
    for field in ("Needs:", "Touches:", "Run:", "Undo:"):
        assert f"-- {field}" in header, field


def test_install_twice_and_uninstall_twice(server: SqlServer) -> None:
    install, uninstall = SQL / INSTALL[server.kind], SQL / f"un{INSTALL[server.kind]}"
    expected = GEARMAN | NEW | JSON | UDF_JSON
    if server.kind == "mysql56":
        expected |= CLASSIC_JSON
    for _ in range(2):
        server.run_script(install)
        if server.kind == "mysql56":
            with already_exists():
                server.run_script(install)
        else:
            server.run_script(install)
        assert functions(server, "gman_udf.so") == functions(server) == expected
        assert server.execute("SELECT udf_json_object(1 AS a)") == [(b'{"a":1}',)]
        for _ in range(2):
            server.run_script(uninstall)
            assert functions(server) == set()


def test_the_classic_file_names_serve_where_json_object_can_be_created(server: SqlServer) -> None:
    path = SQL / "install-classic-names.sql"
    if server.kind != "mysql56":
        for name in ("install-classic-names.sql", "install-mysql-5.6.sql"):
            with pytest.raises(mysql.connector.Error) as caught:
                server.run_script(SQL / name)
            assert caught.value.errno == NATIVE_NAME
            assert "json_object" in str(caught.value.msg).lower()
            server.run_script(SQL / f"un{INSTALL[server.kind]}")
            assert functions(server) == set()
        return
    server.run_script(path)
    for again in (path, SQL / INSTALL[server.kind]):
        with already_exists():
            server.run_script(again)
        assert functions(server, "libgearman_mysql_udf.so") == GEARMAN
        assert functions(server, "lib_mysqludf_json.so") == CLASSIC_JSON | JSON
    assert server.execute("SELECT json_object(1 AS a)") == [(b'{"a":1}',)]
    assert server.execute("SELECT gman_do_background('f', '') IS NOT NULL") == [(1,)]
    server.run_script(SQL / "uninstall-mysql-5.6.sql")
    assert functions(server) == set()


@pytest.fixture
def granted(server: SqlServer) -> SqlServer:
    """The server after grants.sql was run for three new accounts without passwords."""
    for user in ("sync_install", "sync_trigger", "shop_app"):
        server.execute(f"CREATE USER '{user}'@'localhost' IDENTIFIED BY ''")
    for _ in range(2):
        server.run_script(SQL / "grants.sql")
    return server


def as_user(server: SqlServer, user: str) -> dict[str, Any]:
    """Return the options of a connection over the server's socket, which makes it localhost."""
    return {"user": user, "unix_socket": str(server.socket), "host": None}


@contextlib.contextmanager
def denied() -> Iterator[None]:
    with pytest.raises(mysql.connector.Error) as caught:
        yield
    assert caught.value.errno in ACCESS_DENIED, caught.value


def test_the_grants_are_enough_for_the_accounts_and_no_more(
    granted: SqlServer, gearmand: Gearmand
) -> None:
    server = granted
    installer, trigger, app = (
        as_user(server, user) for user in ("sync_install", "sync_trigger", "shop_app")
    )
    server.run_script(SQL / INSTALL[server.kind], **installer)
    server.execute("SELECT gman_version()", **installer)
    server.run_script(SQL / f"un{INSTALL[server.kind]}", **installer)
    server.run_script(SQL / INSTALL[server.kind], **installer)
    with denied():
        server.execute("SELECT COUNT(*) FROM mysql.func", **installer)

    schema = {**trigger, "database": "shop"}
    with denied():
        server.run_script(SQL / INSTALL[server.kind], **trigger)
    create_as_trigger_account(server, schema)
    server.execute("SELECT gman_servers_set(%s)", (gearmand.address,))  # the recipe has set its own

    schema = {**app, "database": "shop"}
    with denied():
        server.run_script(SQL / INSTALL[server.kind], **app)
    with denied():
        server.execute("DROP TRIGGER product_to_redis_update", **schema)
    server.execute(
        "INSERT INTO product (name, price, volume) VALUES ('a', 1.5, 1), ('b', 2.5, 2)", **schema
    )
    server.execute("UPDATE product SET volume = 3", **schema)
    server.execute("DELETE FROM product", **schema)
    assert gearmand.queued("syncToRedis") == 6


def create_as_trigger_account(server: SqlServer, options: dict[str, Any]) -> None:
    """Run the reference triggers and the recipe as the account that may create triggers."""
    for _ in range(2):
        server.run_script(SQL / "triggers-reference.sql", **options)
    if server.kind != "mysql56":  # there the recipe installs functions as well
        server.run_script(SQL / "classic-recipe.sql", **options)


def test_with_the_binary_log_on_creating_a_trigger_needs_the_server_to_trust_it(
    own_sql_server: StartSqlServer,
) -> None:
    server = own_sql_server("--log-bin=binlog", "--server-id=1", "--binlog-format=ROW")
    server.execute("SET GLOBAL log_bin_trust_function_creators = 0")
    server.execute("CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4")
    server.run_script(SQL / INSTALL[server.kind])
    for user in ("sync_install", "sync_trigger", "shop_app"):
        server.execute(f"CREATE USER '{user}'@'localhost' IDENTIFIED BY ''")
    server.run_script(SQL / "grants.sql")
    options = {**as_user(server, "sync_trigger"), "database": "shop"}
    with pytest.raises(mysql.connector.Error) as caught:
        create_as_trigger_account(server, options)
    assert caught.value.errno == NO_SUPER_AND_BINLOG
    server.execute("SET GLOBAL log_bin_trust_function_creators = 1")
    create_as_trigger_account(server, options)


def test_the_reference_triggers_keep_every_row_in_redis(
    server: SqlServer,
    gearmand: Gearmand,
    redis_server: RedisServer,
    redis_client: redis.Redis,
    tmp_path: Path,
) -> None:
    server.run_script(SQL / INSTALL[server.kind])
    server.run_script(SQL / "triggers-reference.sql", database="shop")
    connection = server.connect(database="shop")
    with (
        contextlib.closing(connection),
        contextlib.closing(connection.cursor()) as cursor,
        Instance(tmp_path, gearmand, redis_server) as worker,
    ):
        worker.start()

        def run(statement: str) -> None:
            cursor.execute(statement)
            cursor.execute(
                "SELECT id, name, price, volume, UNIX_TIMESTAMP(updated) FROM product ORDER BY id"
            )
            rows = {
                b"%d" % number: {
                    "id": number,
                    "name": name,
                    "price": str(price),
                    "volume": volume,
                    "updated": _utc(at),
                }
                for number, name, price, volume, at in cursor.fetchall()
            }
            wait_for(lambda: _rows(redis_client) == rows, f"Redis holds {rows} after {statement}")

        run("SET time_zone = '+00:00'")
        run(
            "INSERT INTO product (id, name, price, volume, updated) VALUES"
            " (1, 'zwölf \N{GRINNING FACE} \"quoted\"', 12.50, -1, '2026-01-02 03:04:05'),"
            " (2, '', 0, 0, '2038-01-19 03:14:07'), (3, 'tab\\t', 99999999.99, 1, NOW())"
        )
        run("UPDATE product SET volume = volume + 1")
        run("SET time_zone = '+09:30'")  # the same row reads the same from every session
        run("UPDATE product SET price = 2, updated = updated WHERE id = 1")
        run("UPDATE product SET id = 30 WHERE id = 3")
        run("DELETE FROM product WHERE id = 2")
        run("INSERT INTO product (id, name, price, volume) VALUES (2, 'again', 1, 1)")
        run("REPLACE INTO product (id, name, price, volume) VALUES (2, 'replaced', 1, 1)")
        run("DELETE FROM product")
        assert worker.stop() == 0


def _utc(seconds: Any) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S")


def _rows(client: redis.Redis) -> dict[bytes, Any]:
    """Return every key of Redis with its row; numbers with a fraction as their text."""
    keys: list[bytes] = client.keys()
    values = client.mget(keys) if keys else []
    return {
        key: json.loads(value, parse_float=str)
        for key, value in zip(keys, values, strict=True)
        if value is not None
    }
