"""gman_status: one JSON object for people and monitoring."""

from __future__ import annotations

import json
import time

import pytest
from servers import Gearmand
from servers.sockets import free_port

from functions.sql import Sql

pytestmark = pytest.mark.matrix


def test_status_has_every_member_and_is_json(sql: Sql, shared_gearmand: Gearmand) -> None:
    sql.value("gman_do_background('status_test', '')")
    status = sql.status()
    assert set(status) >= {
        *("version", "servers", "settings", "submitted", "failed", "posted", "dropped"),
        *("coalesced", "queue_length", "last_error", "last_error_at"),
    }
    [server] = [one for one in status["servers"] if "function" not in one]
    assert server["address"] == shared_gearmand.address
    assert server["state"] == "up"
    assert status["settings"]["locked"] is False


def test_submitted_and_failed_count_calls(sql: Sql, function: str) -> None:
    before = sql.status()
    sql.rows(f"SELECT gman_do_background(%s, n) FROM {sql.numbers(10)}", function)
    sql.serve(f"127.0.0.1:{free_port()}", function)
    sql.rows("SELECT gman_do_background(%s, n) FROM numbers", function)
    after = sql.status()
    assert after["submitted"] - before["submitted"] == 10
    assert after["failed"] - before["failed"] == 10


def test_the_last_error_names_the_job_server_and_the_moment(sql: Sql, function: str) -> None:
    dead = f"127.0.0.1:{free_port()}"
    sql.serve(dead, function)
    before = time.time_ns() // 1000
    assert sql.value("gman_do_background(%s, '')", function) is None
    status = sql.status()
    assert dead in status["last_error"]
    assert before <= status["last_error_at"] <= time.time_ns() // 1000
    [server] = [one for one in status["servers"] if one.get("function") == function]
    assert server["state"] == "down"
    assert server["last_error"]


def test_a_function_name_with_any_characters_leaves_the_status_valid_json(sql: Sql) -> None:
    name = 'quote " backslash \\ tab \t emoji \N{GRINNING FACE}'
    sql.serve("127.0.0.1:1", name)
    functions = [server.get("function") for server in sql.status()["servers"]]
    assert name in functions


def test_any_user_can_read_it_without_a_grant(sql: Sql) -> None:
    sql.run("CREATE USER status_reader@'127.0.0.1' IDENTIFIED BY ''")
    try:
        [(status,)] = sql.server.execute("SELECT gman_status()", user="status_reader")
    finally:
        sql.run("DROP USER status_reader@'127.0.0.1'")
    assert "servers" in json.loads(status)
