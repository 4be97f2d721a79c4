"""What the relay stands on: ids of a key's events are in the order of the commits."""

from __future__ import annotations

import contextlib
import threading
from random import Random

import pytest
from mysql.connector import DatabaseError, errorcode

from sync_worker.config import load
from sync_worker.mysql.install import install
from sync_worker.mysql.outboxes import compile_outbox
from sync_worker.mysql.session import Session
from sync_worker.mysql.uninstall import uninstall

pytestmark = pytest.mark.matrix
WRITERS = 8
ROWS = 20
TRANSACTIONS = 60  # of each writer
LOST = (errorcode.ER_LOCK_DEADLOCK, errorcode.ER_LOCK_WAIT_TIMEOUT)


@pytest.fixture
def outbox_of(sql_server, db, tmp_path):
    """Return a function that creates table t and its triggers.

    It gives the outbox, a session, and the id of the newest event so far.
    """
    path = tmp_path / "sync-worker.toml"
    with contextlib.ExitStack() as stack:

        def make(columns, key):
            db.cmd_query(f"CREATE TABLE t ({columns}) ENGINE=InnoDB")
            path.write_text(f"""
[mysql]
port = {sql_server.port}
user = "root"
[relay]
schema = "{db.database}_sync"
[[table]]
name = "{db.database}.t"
key = "{key}"
""")
            config = load(path, {})
            install(config, functions="no")
            stack.callback(uninstall, config, force=True)
            session = stack.enter_context(contextlib.closing(Session(config.mysql)))
            outbox = compile_outbox(session, config, config.tables[0])
            # MySQL 5.6 has an event from the start, which keeps the place of AUTO_INCREMENT.
            (first,) = session.row(f"SELECT COALESCE(MAX(`sync$id`), 0) FROM {outbox.sql}")
            return outbox, session, int(first)

        yield make


def write(connection, number, failures):
    """Count up rows, several a statement, in random order; roll a third of it back."""
    random = Random(number)
    cursor = connection.cursor()
    try:
        for _ in range(TRANSACTIONS):
            try:
                for _ in range(random.randint(1, 3)):
                    ids = random.sample(range(1, ROWS + 1), random.randint(1, 6))
                    chosen = ",".join(map(str, ids))
                    cursor.execute(f"UPDATE t SET counter = counter + 1 WHERE id IN ({chosen})")
                connection.rollback() if random.random() < 1 / 3 else connection.commit()
            except DatabaseError as error:
                if error.errno not in LOST:
                    raise
                connection.rollback()
    except BaseException as error:
        failures.append(error)
    finally:
        connection.close()


def test_for_one_key_the_order_of_ids_is_the_order_of_commits(sql_server, db, outbox_of):
    # The counter is in the key template, so every event carries it: before and after.
    outbox, session, last_id = outbox_of(
        "id INT PRIMARY KEY, counter INT NOT NULL", "t:{id}:{counter}"
    )
    rows = ",".join(f"({n},0)" for n in range(1, ROWS + 1))
    db.cmd_query(f"INSERT INTO t VALUES {rows}")
    failures = []
    threads = [
        threading.Thread(
            target=write,
            args=(sql_server.connect(database=db.database, autocommit=False), number, failures),
        )
        for number in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    id, counter = outbox.columns
    events = session.rows(
        f"SELECT {id},{counter} FROM {outbox.sql} WHERE `sync$id` > {last_id} ORDER BY `sync$id`"
    )
    counters = {n: [0] for n in range(1, ROWS + 1)}
    for row, count in events[ROWS:]:
        counters[int(row)].append(int(count))
    for row, last in session.rows("SELECT id, counter FROM " + f"`{db.database}`.t"):
        expected = [n for count in range(int(last)) for n in (count, count + 1)]
        assert counters[int(row)][1:] == expected
    assert len(events) > ROWS + WRITERS * TRANSACTIONS


def test_an_event_shows_the_row_that_has_its_key_now_though_another_had_it_then(db, outbox_of):
    columns = "id INT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(9) NOT NULL UNIQUE, n INT"
    outbox, session, last_id = outbox_of(columns, "t:{code}")
    db.cmd_query("INSERT INTO t (code, n) VALUES ('A', 1), ('B', 2)")
    db.cmd_query("REPLACE INTO t (code, n) VALUES ('A', 3)")
    db.cmd_query("UPDATE t SET code = 'C' WHERE code = 'B'")
    lines = [line for _, line in session.rows(outbox.read_few(last_id, 2))]
    assert [line.split(b"\t", 1)[1] for line in lines] == [
        b'"t:A"\tjson\t\t{"id":3,"code":"A","n":3}',
        b'"t:B"\tjson\t\t',
    ]
