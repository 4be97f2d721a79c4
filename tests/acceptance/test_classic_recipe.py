"""The classic recipe from its own files: UPDATE a row, find it in Redis under its id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
from running_instance import Instance, wait_for
from servers import Gearmand, RedisServer, SqlServer
from servers.fixtures import StartSqlServer

pytestmark = pytest.mark.matrix

SQL = Path(__file__).resolve().parents[2] / "sql"
SET_SERVERS = "gman_servers_set('127.0.0.1:4730')"  # as the files have it

# What people have in their databases today. It must be in the file as it stands here.
CLASSIC = [
    "CREATE FUNCTION gman_servers_set RETURNS STRING SONAME 'libgearman_mysql_udf.so';",
    "CREATE FUNCTION gman_do_background RETURNS STRING SONAME 'libgearman_mysql_udf.so';",
    "CREATE FUNCTION json_object RETURNS STRING SONAME 'lib_mysqludf_json.so';",
    "AFTER UPDATE ON stock FOR EACH ROW",
    "SET @ret = gman_do_background('syncToRedis',"
    " json_object(NEW.id as `id`, NEW.volume as `volume`));",
]


def run(server: SqlServer, path: Path, address: str, directory: Path, **options: Any) -> None:
    """Run a file of sql/ after changing the one line that its header says to change."""
    copy = directory / path.name
    text = path.read_text()
    assert SET_SERVERS in text
    copy.write_text(text.replace(SET_SERVERS, f"gman_servers_set('{address}')"))
    server.run_script(copy, **options)


def test_an_update_lands_in_redis_under_the_bare_id_and_still_does_after_a_restart(
    own_sql_server: StartSqlServer,
    gearmand: Gearmand,
    redis_server: RedisServer,
    redis_client: redis.Redis,
    tmp_path: Path,
) -> None:
    server = own_sql_server()
    server.execute("CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4")
    if server.kind == "mysql56":
        recipe = SQL / "classic-recipe-5.6.sql"
        assert all(line in recipe.read_text() for line in CLASSIC)
    else:
        install = {"mariadb": "install-mariadb.sql", "mysql97": "install-mysql.sql"}
        server.run_script(SQL / install[server.kind])
        recipe = SQL / "classic-recipe.sql"
    run(server, recipe, gearmand.address, tmp_path, database="shop")

    with Instance(tmp_path, gearmand, redis_server) as worker:
        worker.start()
        server.execute("INSERT INTO shop.stock VALUES (1, 10), (2, 20), (-3, 30)")
        server.execute("UPDATE shop.stock SET volume = volume + 1")
        expect(redis_client, {1: 11, 2: 21, -3: 31})

        run(server, recipe, gearmand.address, tmp_path, database="shop")  # a second time
        server.execute("UPDATE shop.stock SET volume = 12 WHERE id = 1")
        expect(redis_client, {1: 12, 2: 21, -3: 31})

        server.udf_conf.write_text(f"servers = {gearmand.address}\n")
        server.restart()
        server.execute("UPDATE shop.stock SET volume = 13 WHERE id = 1")
        expect(redis_client, {1: 13, 2: 21, -3: 31})
        server.execute("UPDATE shop.stock SET id = 4 WHERE id = 2")
        expect(redis_client, {1: 13, 2: 21, -3: 31, 4: 21})  # the recipe knows no deletes
        assert worker.stop() == 0


def expect(client: redis.Redis, volumes: dict[int, int]) -> None:
    """Wait until Redis holds exactly these rows, byte for byte."""
    rows = {b"%d" % n: b'{"id":%d,"volume":%d}' % (n, volume) for n, volume in volumes.items()}

    def found() -> bool:
        keys: list[bytes] = client.keys()
        return dict(zip(keys, client.mget(keys), strict=True)) == rows if keys else False

    wait_for(found, f"Redis holds {rows}")
