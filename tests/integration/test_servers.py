"""The fixtures that every other test stands on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from servers import Gearmand, RedisServer, ServerFailed, SqlServer, base
from servers.fixtures import StartSqlServer
from servers.script import statements
from servers.sockets import free_port

TESTS = Path(__file__).resolve().parents[1]
DEADLINE = 30.0  # seconds; for conditions that come true almost at once


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} still runs")


def test_a_job_server_starts_empty_and_answers(gearmand: Gearmand) -> None:
    assert gearmand.alive
    assert gearmand.admin("status") == ""
    assert gearmand.queued("anything") == 0


def test_a_killed_server_comes_back_on_the_same_port(gearmand: Gearmand) -> None:
    port, pid = gearmand.port, gearmand.pid
    gearmand.kill()
    assert not gearmand.alive
    with pytest.raises(OSError), socket.create_connection((gearmand.host, port), 1):
        pass
    gearmand.restart()
    assert gearmand.port == port
    assert gearmand.pid != pid
    assert gearmand.admin("version").startswith("OK")


def test_a_frozen_server_accepts_but_does_not_answer_until_it_is_thawed(
    own_redis: RedisServer,
) -> None:
    own_redis.freeze()
    impatient = own_redis.client(socket_timeout=0.2, retry=None)
    with impatient as client, pytest.raises(redis.TimeoutError):
        client.ping()
    own_redis.thaw()
    with own_redis.client(socket_timeout=DEADLINE) as client:
        assert client.ping()


def test_a_frozen_server_can_be_stopped(gearmand: Gearmand) -> None:
    gearmand.freeze()
    gearmand.stop()
    assert not gearmand.alive


def test_a_redis_of_its_own_keeps_its_data_when_it_is_killed(own_redis: RedisServer) -> None:
    with own_redis.client() as client:
        client.set("key", "value")
    own_redis.kill()
    own_redis.restart()
    with own_redis.client() as client:
        assert client.get("key") == b"value"


@pytest.mark.parametrize("turn", [1, 2])
def test_the_shared_redis_is_empty_for_every_test(redis_client: redis.Redis, turn: int) -> None:
    assert redis_client.dbsize() == 0
    redis_client.set(f"key{turn}", "value")


def test_a_server_that_cannot_start_says_so_with_the_end_of_its_log() -> None:
    with pytest.raises(ServerFailed, match=r"ended with exit code(.|\n)*no-such-option"):
        Gearmand("--no-such-option").start()


def test_a_port_that_is_taken_is_given_up_for_another(
    gearmand: Gearmand, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [gearmand.port, own_redis.port]
    monkeypatch.setattr(base, "free_port", lambda: taken.pop(0) if taken else free_port())
    with Gearmand() as second:
        assert second.port != gearmand.port
    with RedisServer() as second_redis:
        assert second_redis.port != own_redis.port


def test_servers_end_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from servers import Gearmand, RedisServer\n"
        "servers = [Gearmand().start(), RedisServer().start()]\n"
        "print(*(server.pid for server in servers), flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "TMPDIR": str(tmp_path)}
    arguments = [sys.executable, "-c", program]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
    assert len(pids) == 2
    for pid in pids:
        wait_until_gone(pid)


def test_a_temporary_directory_is_removed_and_a_given_one_is_kept(tmp_path: Path) -> None:
    with Gearmand() as temporary, Gearmand(directory=tmp_path / "kept") as kept:
        assert temporary.directory.is_dir()
    assert not temporary.directory.exists()
    assert kept.log.is_file()


@pytest.mark.matrix
def test_every_test_has_a_schema_of_its_own(db: Any, sql_server: SqlServer, sql_kind: str) -> None:
    assert sql_server.kind == sql_kind
    with db.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20)) ENGINE=InnoDB")
        cursor.execute("INSERT INTO t VALUES (1, %s)", ("zwölf \N{GRINNING FACE}",))
        cursor.execute("SELECT name, @@autocommit, DATABASE() FROM t")
        assert cursor.fetchone() == ("zwölf \N{GRINNING FACE}", 1, db.database)


@pytest.mark.matrix
def test_a_database_keeps_what_was_committed_over_a_kill(own_sql_server: StartSqlServer) -> None:
    server = own_sql_server("--max-connections=17")
    assert server.execute("SELECT @@max_connections") == [(17,)]
    server.execute("CREATE DATABASE kept")
    server.execute("CREATE TABLE kept.t (id INT PRIMARY KEY) ENGINE=InnoDB")
    server.execute("INSERT INTO kept.t VALUES (7)")
    port = server.port
    server.kill()
    assert server.restart().port == port
    assert server.execute("SELECT id FROM kept.t") == [(7,)]


@pytest.mark.matrix
def test_a_script_runs_with_delimiters_quotes_and_comments(
    sql_server: SqlServer, db: Any, tmp_path: Path
) -> None:
    script = tmp_path / "script.sql"
    script.write_text(
        "-- a comment; with a semicolon\n"
        "CREATE TABLE t (a VARCHAR(20)) ENGINE=InnoDB;\n"
        "DELIMITER //\n"
        "CREATE TRIGGER t_ai BEFORE INSERT ON t FOR EACH ROW BEGIN\n"
        "  SET NEW.a = CONCAT(NEW.a, ';');\n"
        "END//\n"
        "DELIMITER ;\n"
        "INSERT INTO t VALUES ('it''s'); # the last\n"
    )
    sql_server.run_script(script, database=db.database)
    assert sql_server.execute(f"SELECT a FROM {db.database}.t") == [("it's;",)]


def test_a_script_is_split_where_its_delimiter_stands_in_code() -> None:
    text = "/* a; */ SELECT ';' ; # b;\nSELECT `;` -- c;\n;\n/*!50000 SET @a=1 */;\n-- end"
    assert list(statements(text)) == [
        "/* a; */ SELECT ';'",
        "# b;\nSELECT `;` -- c;",
        "/*!50000 SET @a=1 */",
    ]


def test_the_library_is_installed_under_its_own_and_the_classic_names(
    sql_server: SqlServer, udf_library: Path
) -> None:
    for name in ("gman_udf.so", "libgearman_mysql_udf.so", "lib_mysqludf_json.so"):
        assert (sql_server.plugin_dir / name).read_bytes() == udf_library.read_bytes()
