"""The library's life in a server: created and dropped under load, shut down with a full queue."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path

import mysql.connector
import pytest
from servers import Gearmand

from functions.answering import Answering
from functions.conftest import StartSql
from functions.sql import INSTALL, Sql, at_once, eventually, uninstall

pytestmark = pytest.mark.matrix

GONE = {1122, 1127, 1128, 1305, 1370, 1584}  # what a trigger meets between DROP and CREATE
# A function dropped in use is called * inside the server until its last use. A trigger compiled
# before goes on looking for *, may find another dropped one, and is refused for its arguments: the
# server's doing, until the trigger is compiled again.
WRONG = "Can't initialize function '*'"
TURNS = 15
CRASH = re.compile(r"got signal|Assertion|mysqld_stack|stack trace|Sanitizer|double free|corrupt")


def clean_log(sql: Sql) -> None:
    """Fail when the server's log tells of a crash."""
    log = sql.server.log.read_text(errors="replace")
    assert not CRASH.search(log), sql.server.log_tail(80)


def writer(sql: Sql, function: str) -> Callable[[Sql, int], None]:
    """Return what a connection does under load: calls in triggers, on 9.7 in plain statements.

    MySQL 9.7 also crashes when a trigger runs whose functions were dropped: docs/limitations.md.
    """
    calls = {
        "BEFORE INSERT": f"gman_do_background('{function}', udf_json_object(NEW.id AS id))",
        "AFTER INSERT": f"gman_post('{function}', NEW.id, NEW.id)",
        "BEFORE UPDATE": f"gman_do('{function}', gman_version())",
    }
    if sql.server.kind == "mysql97":
        text = ", ".join(calls.values()).replace("NEW.id", "7")
        return lambda own, n: own.run(f"SELECT {text}")
    sql.run("CREATE TABLE t (id INT PRIMARY KEY, volume INT NOT NULL) ENGINE=InnoDB")
    for number, (event, call) in enumerate(calls.items()):
        sql.run(f"CREATE TRIGGER t_{number} {event} ON t FOR EACH ROW SET @ret = {call}")
    return lambda own, n: own.run(
        f"REPLACE INTO t VALUES ({n}, 0)", f"UPDATE t SET volume = volume + 1 WHERE id = {n}"
    )


def test_functions_are_dropped_and_created_while_others_call_them(
    own_sql: StartSql, gearmand: Gearmand, function: str
) -> None:
    sql = own_sql(udf_conf=f"servers = {gearmand.address}\n")
    write = writer(sql, function)
    done = threading.Event()
    # MySQL 9.7 crashes, or forgets a function, when DROP FUNCTION meets a call of it, also with a
    # library whose functions do nothing (docs/limitations.md): there each DROP waits for a pause.
    gate = threading.Lock if sql.server.kind == "mysql97" else nullcontext
    calling = [gate() for _ in range(4)]

    def load(connection: int) -> int:
        good = 0
        with sql.another() as own:
            while not done.is_set():
                try:
                    with calling[connection]:
                        write(own, connection)
                    good += 1
                except mysql.connector.Error as error:
                    assert error.errno in GONE or WRONG in str(error), error
        return good

    def replace() -> int:
        try:
            for _ in range(TURNS):
                time.sleep(0.02)  # let the writers in
                with ExitStack() as pause:
                    for one in calling:
                        pause.enter_context(one)
                    uninstall(sql.server)
                sql.server.run_script(INSTALL[sql.server.kind])
        finally:
            done.set()
        return TURNS

    with Answering(gearmand.address, {function: lambda workload: workload}):
        counts = at_once([*(lambda n=n: load(n) for n in range(4)), replace])  # type: ignore[misc]
        sql.run("FLUSH TABLES")
        write(sql, 1)
    assert all(counts)
    assert sql.server.alive, sql.server.log_tail()
    clean_log(sql)


def test_a_call_in_progress_outlives_the_drop_of_its_function(
    own_sql: StartSql, gearmand: Gearmand, function: str
) -> None:
    sql = own_sql(udf_conf=f"servers = {gearmand.address}\n")
    taken, dropped = threading.Event(), threading.Event()

    def answer(workload: bytes) -> bytes:
        taken.set()
        assert dropped.wait(20)
        return b"late"

    def drop() -> None:
        assert taken.wait(20)
        uninstall(sql.server)
        dropped.set()

    def call() -> object:
        with sql.another() as own:
            return own.value("gman_do(%s, '')", function)

    with Answering(gearmand.address, {function: answer}):
        assert at_once([call, drop])[0] == b"late"
    assert sql.server.alive, sql.server.log_tail()
    clean_log(sql)


@pytest.mark.parametrize("state", ["frozen", "killed", "well"])
def test_a_server_with_a_full_posting_queue_shuts_down_in_time(
    own_sql: StartSql, gearmand: Gearmand, function: str, state: str
) -> None:
    sql = own_sql(udf_conf=f"servers = {gearmand.address}\nqueue_bytes = 1048576\n")
    assert sql.value("gman_post(%s, 'first')", function) == 1
    eventually(lambda: gearmand.queued(function) == 1, "the first post")
    if state == "frozen":
        gearmand.freeze()
    elif state == "killed":
        gearmand.kill()
    dropped = sql.value(
        f"COUNT(*) - SUM(gman_post(%s, REPEAT('x', 5000))) FROM {sql.numbers(2000)}", function
    )
    if state != "well":
        assert dropped > 0  # the queue is full
    sql.connection.close()
    sql.server.stop()
    gearmand.kill()  # it need not digest the posts
    log = sql.server.log.read_text(errors="replace")
    assert "hutdown complete" in log, sql.server.log_tail()  # so it was not ended by force
    clean_log(sql)
    assert Path(sql.server.directory).exists()
