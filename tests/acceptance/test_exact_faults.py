"""Faults under load: after each, everything committed is in Redis, and nothing else ever was."""

import contextlib
import json
import os
import signal
import threading
import time

import pytest
from load.stack import Stack
from load.under import under_load
from running_instance import wait_for

from sync_worker.mysql.session import GROUP_CONCAT_BYTES
from sync_worker.relay.table import lock_name

FUNCTION = "syncToRedis"


@pytest.fixture
def stack(tmp_path, own_sql_server, gearmand, own_redis):
    """The load's tables on servers of this test alone; what is committed survives a kill."""
    with Stack(tmp_path, own_sql_server(flush=1), gearmand, own_redis).create() as made:
        yield made


def signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill(part):
    """SIGKILL for a `sync-worker run` and all its processes, as when their host dies."""
    signal_all([part.process.pid, *part.children()], signal.SIGKILL)
    part.process.wait()


def leads(part):
    """Whether it has begun to lead some outbox."""
    return "Leading." in part.text()


@pytest.mark.parametrize("relay_too", [False, True], ids=["alone", "with_the_relay"])
def test_the_job_server_killed_with_a_full_queue(stack, gearmand, relay_too):
    relay = stack.relay(at_once=0)
    with under_load(stack) as load:
        wait_for(lambda: gearmand.queued(FUNCTION) >= 4, "jobs of every outbox wait")
        gearmand.kill()
        if relay_too:
            kill(relay)
        load.await_depth(500)
        gearmand.restart()
        if relay_too:
            stack.relay(at_once=0)
        stack.workers(2)
        load.await_in_step()


def test_the_job_server_frozen(stack, gearmand):
    stack.workers(2)
    stack.relay(at_once=0)
    with under_load(stack) as load:
        load.await_in_step()
        gearmand.freeze()
        load.await_depth(500)  # so writers go on
        gearmand.thaw()
        load.await_in_step()


def test_a_frozen_worker_goes_on_when_others_have_done_its_work(stack, gearmand):
    frozen = stack.workers(1)
    relay = stack.relay(at_once=0)

    def caught():
        signal_all(frozen.children(), signal.SIGSTOP)
        time.sleep(0.3)
        if any(row.startswith(FUNCTION) and row.split("\t")[2] != "0" for row in status()):
            return True
        signal_all(frozen.children(), signal.SIGCONT)
        return False

    def status():
        return gearmand.admin("status").splitlines()

    with under_load(stack, connections=8) as load:
        wait_for(caught, "the worker is frozen with jobs in hand")
        stack.workers(2)
        kill(relay)  # its successor sends what was under way again, to the other workers
        stack.relay(at_once=0)
        load.await_in_step()
        signal_all(frozen.children(), signal.SIGCONT)
        wait_for(lambda: frozen.total("stale"), "its late writes are refused")


def test_the_leading_relay_killed_and_the_standby_takes_over(stack):
    stack.workers(2)
    first = stack.relay()
    wait_for(lambda: leads(first), "the first relay leads")
    standby = stack.relay()
    with under_load(stack) as load:
        load.await_in_step()
        assert not leads(standby)
        kill(first)
        wait_for(lambda: standby.text().count("Leading.") == len(stack.tables), "it leads all")
        load.await_in_step()


def test_the_leading_relay_frozen_and_the_standby_takes_over(stack):
    stack.workers(2)
    first = stack.relay()
    wait_for(lambda: leads(first), "the first relay leads")
    standby = stack.relay()
    with under_load(stack) as load:
        load.await_in_step()
        signal_all([first.process.pid, *first.children()], signal.SIGSTOP)
        wait_for(lambda: standby.text().count("Leading.") == len(stack.tables), "it leads all")
        load.await_in_step()
        signal_all([first.process.pid, *first.children()], signal.SIGCONT)
        wait_for(lambda: "cannot be relayed" in first.text(), "the first sees that it was deposed")
        load.await_in_step()


@pytest.mark.matrix
def test_the_leaders_database_connection_cut_while_it_lives(stack):
    stack.workers(2)
    stack.relay()
    stack.relay()
    locks = [lock_name_of(stack, table) for table in stack.tables]

    def leader(name):
        return stack.sql.execute("SELECT IS_USED_LOCK(%s)", (name,))[0][0]

    with under_load(stack) as load:
        for name in locks:
            wait_for(lambda name=name: leader(name), "a relay leads")
            cut = leader(name)
            with contextlib.suppress(Exception):
                stack.sql.execute(f"KILL {cut}")
            wait_for(lambda name=name, cut=cut: leader(name) not in (None, cut), "another leads")
        load.await_in_step()


def lock_name_of(stack, table):
    class Named:
        schema = stack.settings["relay"]["schema"]
        name = table["name"]

    return lock_name(Named)


@pytest.mark.parametrize(("leave", "return_"), [("kill", "restart"), ("freeze", "thaw")])
def test_redis_killed_and_restarted_with_its_file_or_frozen(stack, own_redis, leave, return_):
    stack.workers(2)
    stack.relay()
    with under_load(stack) as load:
        load.await_in_step()
        getattr(own_redis, leave)()
        load.await_depth(500)
        getattr(own_redis, return_)()
        load.await_in_step()


def test_redis_turned_into_a_replica_and_back(stack, own_redis):
    stack.workers(2)
    stack.relay()
    with under_load(stack) as load, own_redis.client() as client:
        load.await_in_step()
        client.replicaof("127.0.0.1", "1")  # read-only, and what it holds stays
        load.await_depth(500)
        client.replicaof("NO", "ONE")
        load.await_in_step()


def test_redis_emptied(stack):
    stack.workers(2)
    stack.relay()
    with under_load(stack) as load:
        load.await_in_step()
        load.empty_redis()
        with stack.client() as client:
            epochs = [f"sync-worker:epoch:{table['name']}" for table in stack.tables]
            wait_for(lambda: client.exists(*epochs) == len(epochs), "all tables are backfilled")
        load.await_in_step()


@pytest.mark.matrix
def test_the_database_server_killed_before_and_after_a_commit(stack):
    stack.workers(1)
    relay = stack.relay()
    sql = stack.sql
    update = "INSERT INTO shop.item (id, price, stamp) VALUES (%s, 1, 1)"
    for number in (1, 3):
        stack.await_empty()
        signal_all(relay.children(), signal.SIGSTOP)
        before, after = (sql.connect(autocommit=False) for _ in range(2))
        cursors = [connection.cursor() for connection in (before, after)]
        cursors[0].execute(update, (number,))  # takes the lower id, and is never committed
        cursors[1].execute(update, (number + 1,))
        after.commit()
        sql.kill()
        sql.restart()
        signal_all(relay.children(), signal.SIGCONT)
        assert not stack.judge()
    assert sql.execute("SELECT id FROM shop.item ORDER BY id") == [(2,), (4,)]
    with stack.client() as client:
        first = version(client, "item:4")
        sql.execute("UPDATE shop.item SET qty = 5 WHERE id = 4")
        assert not stack.judge()
        assert version(client, "item:4") > first


def version(client, key):
    return json.loads(client.get(key))["_v"]


@pytest.mark.matrix
def test_a_transaction_open_for_long_holds_nobody_up_and_arrives_when_it_is_committed(stack):
    stack.workers(1)
    stack.relay()
    slow = stack.sql.connect(autocommit=False)
    cursor = slow.cursor()
    insert = "INSERT INTO shop.item (id, price) VALUES (%s, %s)"
    cursor.execute(insert, (1, "1.00"))  # takes an id, below those of all that follow
    with stack.client() as client:
        end = time.monotonic() + 5.0
        number = 100
        while time.monotonic() < end:
            number += 1
            stack.sql.execute(insert, (number, "2.00"))
            wait_for(lambda key=f"item:{number}": client.exists(key), "others pass")
            time.sleep(0.1)
        assert not client.exists("item:1")
        slow.commit()
        wait_for(lambda: client.exists("item:1"), "it arrives")
    slow.close()
    assert not stack.judge()


def test_an_event_that_always_fails_becomes_a_dead_letter_and_the_rest_of_its_batch_passes(stack):
    with stack.client() as client:
        client.lpush("item:7", "of another application")
        rows = ",".join(f"({n}, 1)" for n in range(1, 101))
        stack.sql.execute(f"INSERT INTO shop.item (id, price) VALUES {rows}")
        stack.workers(1)
        relay = stack.relay()
        stack.await_empty()
        [found] = stack.judge(1.0)
        assert found.startswith("I1 'item:7' is None")
        letters = client.xrange(stack.dead_letters)
        assert letters
        assert all(b"item:7" in letter[b"workload"] for _, letter in letters)
        client.delete("item:7")
        stack.sql.execute("UPDATE shop.item SET price = 2 WHERE id = 7")
        assert not stack.judge(), relay.text()


@pytest.mark.matrix
def test_a_column_added_under_load_appears_without_an_install(
    tmp_path, own_sql_server, gearmand, own_redis
):
    tables = [{"name": "shop.thing", "key": "thing:{id}"}]
    sql = own_sql_server()
    stopping = threading.Event()
    done = [0, 0]

    def change(number):
        with contextlib.closing(sql.connect()) as connection:
            cursor = connection.cursor()
            while not stopping.is_set():
                cursor.execute(
                    "UPDATE shop.thing SET n = n + 1 WHERE id IN (%s, %s)",
                    (done[number] % 500, (done[number] * 7 + number) % 500),
                )
                done[number] += 1

    with Stack(tmp_path, sql, gearmand, own_redis, tables) as stack, stack.client() as client:
        stack.create("CREATE TABLE shop.thing (id INT PRIMARY KEY, n INT NOT NULL)")
        rows = ",".join(f"({n}, 0)" for n in range(500))
        sql.execute(f"INSERT INTO shop.thing VALUES {rows}")
        stack.workers(2)
        stack.relay()
        stack.relay()
        threads = [threading.Thread(target=change, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        wait_for(lambda: sum(done) > 200, "the load has begun")
        sql.execute("ALTER TABLE shop.thing ADD COLUMN colour VARCHAR(9) NOT NULL DEFAULT 'red'")
        altered = sum(done)
        wait_for(lambda: sum(done) > altered + 200, "the load goes on")
        keys = [f"thing:{n}" for n in range(500)]
        wait_for(
            lambda: all(b'"colour":"red"' in value for value in client.mget(keys)),
            "the new column is in every row",
        )
        stopping.set()
        for thread in threads:
            thread.join()
        stack.await_empty()
        held = [json.loads(value) for value in client.mget(keys)]
        assert [(row["id"], row["n"], row["colour"]) for row in held] == sql.execute(
            "SELECT id, n, colour FROM shop.thing ORDER BY id"
        )


@pytest.mark.matrix
def test_rows_of_megabytes_arrive_whole_beside_small_ones(
    tmp_path, own_sql_server, gearmand, own_redis
):
    tables = [{"name": "shop.page", "key": "page:{id}"}]
    sql = own_sql_server()
    text = '"é"' + "x" * 50_000  # MySQL 5.6 is slow to escape many characters of a long text
    pages = {n: 130 if n % 10 == 0 else 0 for n in range(1, 41)}  # 6.5 MB
    with Stack(tmp_path, sql, gearmand, own_redis, tables) as stack, stack.client() as client:
        stack.create("CREATE TABLE shop.page (id INT PRIMARY KEY, body LONGTEXT)")
        for number, times in pages.items():
            insert = "INSERT INTO shop.page VALUES (%s, REPEAT(%s, %s))"
            sql.execute(insert, (number, text, times))
        stack.workers(2)
        stack.relay()
        stack.await_empty()
        wait_for(lambda: client.exists("page:40"), "the newest is there")
        for number, times in pages.items():
            assert json.loads(client.get(f"page:{number}"))["body"] == text * times
        assert client.xlen(stack.dead_letters) == 0


@pytest.mark.matrix
def test_a_row_that_the_server_cannot_send_becomes_one_dead_letter(
    tmp_path, own_sql_server, gearmand, own_redis
):
    tables = [{"name": "shop.page", "key": "page:{id}"}]
    sql = own_sql_server("--max-allowed-packet=1M")
    with Stack(tmp_path, sql, gearmand, own_redis, tables) as stack, stack.client() as client:
        stack.create("CREATE TABLE shop.page (id INT PRIMARY KEY, body LONGTEXT)")
        stack.workers(1)
        stack.relay()
        epoch = "sync-worker:epoch:shop.page"
        wait_for(lambda: client.exists(epoch), "the first backfill is over")
        insert = "INSERT INTO shop.page VALUES (%s, CONCAT(REPEAT('x', %s), REPEAT('x', %s)))"
        sql.execute(insert, (1, 1_000_000, 48_570))  # as JSON a little more than the limit
        sql.execute(insert, (2, 10, 10))
        stack.await_empty()
        wait_for(lambda: client.exists("page:2"), "the next row is there")
        assert not client.exists("page:1")
        letters = client.xrange(stack.dead_letters)
        assert len(letters) == 1, (letters, stack.said())
        [(_, letter)] = letters
        assert b"larger than max_allowed_packet" in letter[b"reason"]
        sql.execute("UPDATE shop.page SET body = 'small' WHERE id = 1")
        wait_for(lambda: client.exists("page:1"), "the key is mended by the next change")


def test_a_batch_whose_last_line_the_server_cuts_is_read_again(
    tmp_path, own_sql_server, gearmand, own_redis
):
    tables = [{"name": "shop.page", "key": "page:{id}"}]
    sql = own_sql_server()
    # The first thousand lines read as one text are a little longer than the text may be, and it is
    # cut where a whole line could end.
    size = GROUP_CONCAT_BYTES // 1000 + 8 - len('1795205000000000\t"page:1000"\tjson\t\t')
    body = "}" * (size - len('{"id":1000,"body":""}'))
    with Stack(tmp_path, sql, gearmand, own_redis, tables) as stack, stack.client() as client:
        stack.create("CREATE TABLE shop.page (id INT PRIMARY KEY, body TEXT)")
        stack.workers(1)
        relay = stack.relay()
        wait_for(lambda: client.exists("sync-worker:epoch:shop.page"), "the backfill is over")
        assert relay.stop() == 0
        for start in range(1000, 2100, 100):
            rows = ",".join(f"({n}, '{body}')" for n in range(start, start + 100))
            sql.execute(f"INSERT INTO shop.page VALUES {rows}")
        stack.relay()
        stack.await_empty()
        wait_for(lambda: client.exists("page:2099"), "the newest is there")
        for number in range(1000, 2100):
            assert json.loads(client.get(f"page:{number}"))["body"] == body
        assert client.xlen(stack.dead_letters) == 0
