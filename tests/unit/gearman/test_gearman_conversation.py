"""Which answer belongs to which request of a client."""

import pytest

from sync_worker.errors import JobFailed, JobServerError, LocalProtocolError, RemoteProtocolError
from sync_worker.gearman import RequestRefused, Result, Task, WorkFailed
from sync_worker.gearman.conversation import Conversation, encode_task
from sync_worker.gearman.packets import REQUEST_MAGIC, Packet
from sync_worker.gearman.protocol import Decoder


def told(*packets):
    return [(int(number), b"\0".join(arguments)) for number, *arguments in packets]


def test_each_priority_and_kind_has_its_packet():
    found = {
        (priority, background): Decoder(magic=REQUEST_MAGIC).feed(
            encode_task(Task(b"f", b"w", b"u", priority, background))
        )
        for priority in ("high", "normal", "low")
        for background in (False, True)
    }
    assert found == {
        ("high", False): [(Packet.SUBMIT_JOB_HIGH, b"f\0u\0w")],
        ("high", True): [(Packet.SUBMIT_JOB_HIGH_BG, b"f\0u\0w")],
        ("normal", False): [(Packet.SUBMIT_JOB, b"f\0u\0w")],
        ("normal", True): [(Packet.SUBMIT_JOB_BG, b"f\0u\0w")],
        ("low", False): [(Packet.SUBMIT_JOB_LOW, b"f\0u\0w")],
        ("low", True): [(Packet.SUBMIT_JOB_LOW_BG, b"f\0u\0w")],
    }


@pytest.mark.parametrize(
    "task",
    [
        Task(b""),
        Task(b"f", unique=b"u" * 64),
        Task(b"f", unique=b"a\0b"),
        Task(b"f", priority="urgent"),
    ],
)
def test_a_task_that_cannot_be_sent_is_refused_and_leaves_no_trace(task):
    conversation = Conversation("h:1")
    with pytest.raises(LocalProtocolError):
        conversation.submit(1, task)
    assert conversation.outstanding == conversation.unacknowledged == 0


def test_a_background_job_ends_with_its_handle():
    conversation = Conversation("h:1")
    conversation.submit(1, Task(b"f", background=True))
    results = conversation.receive(told((Packet.JOB_CREATED, b"H:1")))
    assert results == [(1, Result(handle=b"H:1"))]
    assert conversation.outstanding == 0


def test_results_come_in_any_order_and_data_pieces_before_them():
    conversation = Conversation("h:1")
    for token in (1, 2):
        conversation.submit(token, Task(b"f"))
    results = conversation.receive(
        told(
            (Packet.JOB_CREATED, b"H:1"),
            (Packet.JOB_CREATED, b"H:2"),
            (Packet.WORK_DATA, b"H:1", b"a\0"),
            (Packet.WORK_STATUS, b"H:1", b"1", b"2"),
            (Packet.WORK_WARNING, b"H:1", b"careful"),
            (Packet.WORK_COMPLETE, b"H:2", b"two"),
            (Packet.WORK_DATA, b"H:1", b"b"),
            (Packet.WORK_COMPLETE, b"H:1", b"c"),
        )
    )
    assert results == [(2, Result(b"two", b"H:2")), (1, Result(b"a\0bc", b"H:1"))]


def test_an_error_is_the_answer_to_the_oldest_request():
    conversation = Conversation("h:1")
    for token in (1, 2, 3):
        conversation.submit(token, Task(b"f", background=True))
    results = conversation.receive(
        told((Packet.JOB_CREATED, b"H:1"), (Packet.ERROR, b"FULL", b"no room"))
    )
    assert [token for token, _ in results] == [1, 2]
    error = results[1][1].error
    assert isinstance(error, RequestRefused)
    assert isinstance(error, JobServerError)
    assert (error.code, error.text) == ("FULL", "no room")
    assert conversation.unanswered == [3]


def test_failure_and_exception_are_told_apart():
    conversation = Conversation("h:1")
    for token in (1, 2):
        conversation.submit(token, Task(b"f"))
    failed, raised = conversation.receive(
        told(
            (Packet.JOB_CREATED, b"H:1"),
            (Packet.JOB_CREATED, b"H:2"),
            (Packet.WORK_FAIL, b"H:1"),
            (Packet.WORK_EXCEPTION, b"H:2", b"boom"),
            (Packet.WORK_FAIL, b"H:2"),
        )
    )
    assert isinstance(failed[1].error, WorkFailed)
    assert failed[1].error.data is None
    assert isinstance(raised[1].error, JobFailed)
    assert raised[1].error.data == b"boom"
    assert conversation.outstanding == 0


def test_two_tasks_with_one_unique_share_the_job_and_each_gets_the_result_once():
    conversation = Conversation("h:1")
    for token in (1, 2):
        conversation.submit(token, Task(b"f", unique=b"u"))
    results = conversation.receive(
        told(
            (Packet.JOB_CREATED, b"H:1"),
            (Packet.JOB_CREATED, b"H:1"),
            (Packet.WORK_DATA, b"H:1", b"a"),
            (Packet.WORK_DATA, b"H:1", b"a"),
            (Packet.WORK_DATA, b"H:1", b"b"),
            (Packet.WORK_DATA, b"H:1", b"b"),
            (Packet.WORK_COMPLETE, b"H:1", b"c"),
            (Packet.WORK_COMPLETE, b"H:1", b"c"),
        )
    )
    assert results == [(1, Result(b"abc", b"H:1")), (2, Result(b"abc", b"H:1"))]


def test_everything_without_a_result_is_known_when_the_connection_is_lost():
    conversation = Conversation("h:1")
    for token in (1, 2):
        conversation.submit(token, Task(b"f"))
    conversation.echo(3, b"x")
    conversation.receive(told((Packet.JOB_CREATED, b"H:1")))
    assert sorted(conversation.unanswered) == [1, 2, 3]
    assert conversation.acknowledged(1)
    assert not conversation.acknowledged(2)
    assert (conversation.outstanding, conversation.unacknowledged) == (3, 2)


@pytest.mark.parametrize(
    "packet",
    [
        (Packet.JOB_CREATED, b"H:1"),
        (Packet.ECHO_RES, b"x"),
        (Packet.ERROR, b"c", b"t"),
        (Packet.JOB_ASSIGN, b"H:1", b"f", b"w"),
        (Packet.NOOP,),
    ],
)
def test_an_answer_to_nothing_is_refused(packet):
    with pytest.raises(RemoteProtocolError):
        Conversation("h:1").receive(told(packet))


def test_an_answer_of_the_wrong_kind_is_refused():
    conversation = Conversation("h:1")
    conversation.submit(1, Task(b"f"))
    with pytest.raises(RemoteProtocolError, match="ECHO_RES"):
        conversation.receive(told((Packet.ECHO_RES, b"x")))
