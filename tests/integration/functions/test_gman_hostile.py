"""Job servers that answer nothing, garbage, or half a packet: no statement fails or hangs."""

from __future__ import annotations

import time

import pytest
from servers import Gearmand

from functions import hostile
from functions.answering import Answering
from functions.hostile import HANDLE, JOB_CREATED, WORK_COMPLETE, HostileJobServer, response
from functions.sql import Sql, eventually

pytestmark = pytest.mark.matrix

MOST = 15.0  # seconds for one call; its deadline is 0.5 s, the rest is for a slow machine
CREATED = response(JOB_CREATED, HANDLE)
FALSE_HANDLE = response(WORK_COMPLETE, b"H:fake:2\0not yours")

ON_SUBMIT = {
    "closes at once": hostile.closes_at_once,
    "resets": hostile.resets,
    "takes all and says nothing": hostile.never_answers,
    "answers echoes only": hostile.answers(then_close=False),
    "closes instead of an answer": hostile.answers(),
    "half a header, then closes": hostile.answers(CREATED[:6]),
    "half a header, then silence": hostile.answers(CREATED[:6], then_close=False),
    "half a packet, then closes": hostile.answers(CREATED[:-2]),
    "half a packet, then silence": hostile.answers(CREATED[:-2], then_close=False),
    "garbage": hostile.garbage,
    "an answer of 4 GiB": hostile.answers(response(JOB_CREATED, HANDLE, 0xFFFFFFFF)),
    "a handle of 64 KiB": hostile.answers(response(JOB_CREATED, b"H" * 65536)),
    "an empty handle": hostile.answers(response(JOB_CREATED)),
    "a request where an answer belongs": hostile.answers(b"\0REQ" + CREATED[4:]),
    "an unknown packet": hostile.answers(response(999, HANDLE)),
    "the wrong answer": hostile.answers(response(hostile.ECHO_RES, HANDLE)),
    "an error": hostile.answers(response(hostile.ERROR, b"QUEUE_FULL\0no more")),
    "an error without text": hostile.answers(response(hostile.ERROR)),
    "harmless packets for ever": hostile.talks_without_end,
    "one byte at a time": hostile.dribbles,
}
ON_RESULT = {
    "closes": hostile.answers(CREATED),
    "half a result, then closes": hostile.answers(
        CREATED, response(WORK_COMPLETE, HANDLE + b"\0half", 1000)
    ),
    "half a result, then silence": hostile.answers(
        CREATED, response(WORK_COMPLETE, HANDLE + b"\0half", 1000), then_close=False
    ),
    "a result of 4 GiB": hostile.answers(
        CREATED, response(WORK_COMPLETE, HANDLE + b"\0x", 0xFFFFFFFF)
    ),
    "another job's result": hostile.answers(CREATED, FALSE_HANDLE),
    "no handle": hostile.answers(CREATED, response(WORK_COMPLETE, b"")),
    "garbage": hostile.answers(CREATED, b"\xff" * 4096),
}


@pytest.mark.parametrize("fault", ON_SUBMIT)
@pytest.mark.parametrize("name", ["gman_do_background", "gman_do", "gman_sum"])
def test_a_submit_that_meets_nonsense_is_null_in_time_and_counted(
    hasty_sql: Sql, function: str, name: str, fault: str, shared_gearmand: Gearmand
) -> None:
    sql = hasty_sql
    with HostileJobServer(ON_SUBMIT[fault]) as peer:
        sql.serve(peer.address, function)
        before = sql.status()["failed"]
        start = time.monotonic()
        assert sql.value(f"{name}(%s, 'w')", function) is None
        assert time.monotonic() - start < MOST
        status = sql.status()
        assert status["failed"] == before + 1
        if name == "gman_sum":  # a group may have several job servers
            assert status["last_error"].startswith("gman_sum: ")
        else:
            assert peer.address in status["last_error"]
        sql.serve(f"{peer.address},{shared_gearmand.address}", function)
        assert sql.value("gman_do_background(%s, 'w')", function), "the second server has it"


@pytest.mark.parametrize("fault", ON_RESULT)
@pytest.mark.parametrize("name", ["gman_do", "gman_sum"])
def test_a_result_that_is_nonsense_is_null_and_counted(
    hasty_sql: Sql, function: str, name: str, fault: str
) -> None:
    sql = hasty_sql
    with HostileJobServer(ON_RESULT[fault]) as peer:
        sql.serve(peer.address, function)
        before = sql.status()["failed"]
        start = time.monotonic()
        assert sql.value(f"{name}(%s, 'w')", function) is None
        assert time.monotonic() - start < MOST
        assert sql.status()["failed"] == before + 1


@pytest.mark.parametrize("fault", ON_SUBMIT)
def test_posts_outlast_a_job_server_that_talks_nonsense(
    hasty_sql: Sql, function: str, fault: str, shared_gearmand: Gearmand
) -> None:
    sql = hasty_sql
    with HostileJobServer(ON_SUBMIT[fault]) as peer:
        sql.serve(peer.address, function)
        assert sql.value("gman_post(%s, 'first')", function) == 1
        assert sql.value("gman_post(%s, 'second')", function) == 1
        sql.serve(shared_gearmand.address, function)
        if fault.startswith("an error"):
            return  # the job server has said no: that is an answer, and counted
        # At least once, whatever has become of the first try.
        with Answering(shared_gearmand.address, {function: lambda workload: b""}) as worker:
            eventually(lambda: {b"first", b"second"} <= set(worker.workloads), "both posts")


@pytest.mark.parametrize("fault", ["garbage", "half a packet, then silence", "resets"])
def test_an_update_of_many_rows_meets_nonsense_once_and_not_for_every_row(
    sql: Sql, function: str, fault: str
) -> None:
    with HostileJobServer(ON_SUBMIT[fault]) as peer:
        sql.serve(peer.address, function)
        start = time.monotonic()
        rows = sql.rows(f"SELECT gman_do_background(%s, n) FROM {sql.numbers(2000)}", function)
        assert time.monotonic() - start < MOST
    assert rows == [(None,)] * 2000
