"""The worker against a scripted job server at the other end of a socket pair."""

import os
import socket

import pytest

from sync_worker.errors import ConfigError, LocalProtocolError
from sync_worker.gearman import Worker
from sync_worker.gearman.connection import Connection
from sync_worker.gearman.packets import REQUEST_MAGIC, RESPONSE_MAGIC, Packet
from sync_worker.gearman.protocol import Decoder, encode, split

NO_JOB = encode(Packet.NO_JOB, magic=RESPONSE_MAGIC)
NOOP = encode(Packet.NOOP, magic=RESPONSE_MAGIC)


def assign(number, workload=b"w"):
    return encode(Packet.JOB_ASSIGN, b"H:%d" % number, b"f", workload, magic=RESPONSE_MAGIC)


class PairedConnection(Connection):
    """A connection whose peer is in the test's hands."""

    def _begin(self, failure):
        ours, self.peer = socket.socketpair()
        ours.setblocking(False)
        self.peer.setblocking(False)
        self.decoder = Decoder(magic=REQUEST_MAGIC)
        return ours

    def requests(self):
        """Return what the worker has sent since the last call, as (name, arguments)."""
        found = []
        while True:
            try:
                data = self.peer.recv(1 << 20)
            except BlockingIOError:
                return found
            if not data:
                return found
            found += [(Packet(n).name, *split(n, body)) for n, body in self.decoder.feed(data)]

    def close(self):
        super().close()
        # The peer stays open: the test may still look at what was sent.


class Scene:
    """A worker, the connections it has made, what it said, and its clock."""

    def __init__(self, servers=("127.0.0.1:1",), **options):
        self.now = 1000.0
        self.connections = []
        self.events = []
        self.refuse = False
        self.worker = Worker(
            servers,
            ["f"],
            clock=lambda: self.now,
            on_event=lambda *event: self.events.append(event),
            connect=self._connect,
            **options,
        )

    def _connect(self, address, **options):
        if self.refuse:
            raise ConnectionRefusedError(111, "Connection refused")
        self.connections.append(PairedConnection(address, **options))
        return self.connections[-1]

    @property
    def server(self):
        return self.connections[-1]

    def turn(self, answers=b""):
        if answers:
            self.server.peer.send(answers)
        return self.worker.jobs(0)

    def connected(self):
        """Connect, and return what the worker says first."""
        self.turn()
        self.turn()
        return self.server.requests()


@pytest.fixture
def scene():
    made = Scene()
    yield made
    made.worker.close()


def names(requests):
    return [request[0] for request in requests]


def handles(jobs):
    return [job.handle for job in jobs]


def test_a_worker_says_who_it_is_and_what_it_can_do_then_asks_for_a_few_jobs():
    scene = Scene(client_id="host:12")
    assert scene.connected() == [
        ("SET_CLIENT_ID", b"host:12"),
        ("CAN_DO", b"f"),
        *[("GRAB_JOB",)] * 4,
    ]


def test_jobs_come_in_order_and_the_number_of_grabs_doubles(scene):
    scene.connected()
    jobs = scene.turn(b"".join(assign(n) for n in range(4)))
    assert handles(jobs) == [b"H:0", b"H:1", b"H:2", b"H:3"]
    assert jobs[0][1:] == (b"H:0", b"f", b"w")
    assert names(scene.server.requests()) == ["GRAB_JOB"] * 8


def test_an_empty_queue_puts_the_worker_to_sleep_and_a_noop_wakes_it(scene):
    scene.connected()
    assert scene.turn(assign(1) + NO_JOB * 3) != []
    assert scene.turn() == []
    assert names(scene.server.requests()) == ["PRE_SLEEP"]
    assert scene.turn() == []
    assert scene.server.requests() == []
    scene.turn(NOOP)
    assert names(scene.server.requests()) == ["GRAB_JOB"] * 4


def test_a_job_that_comes_alone_is_handed_out_before_anything_else_is_sent(scene):
    scene.connected()
    [job] = scene.turn(assign(1))
    assert scene.server.requests() == []
    scene.worker.complete([job])
    assert scene.turn() == []
    assert names(scene.server.requests()) == ["WORK_COMPLETE"] + ["GRAB_JOB"] * 2


def test_who_wants_to_know_is_told_of_a_noop_once_the_jobs_are_asked_for():
    said = []
    scene = Scene(on_wake=lambda: said.append(names(scene.server.requests())))
    scene.connected()
    scene.turn(NO_JOB * 4)
    scene.turn()
    scene.server.requests()
    scene.server.peer.send(NOOP)
    assert scene.worker.jobs(60) == []  # returns at once
    assert said == [["GRAB_JOB"] * 4]
    scene.worker.close()


def test_a_noop_between_other_packets_does_no_harm(scene):
    scene.connected()
    jobs = scene.turn(assign(1) + NOOP + assign(2) + NO_JOB + NOOP + NO_JOB)
    assert handles(jobs) == [b"H:1", b"H:2"]
    assert names(scene.server.requests()) == ["PRE_SLEEP"]


def test_jobs_are_completed_failed_and_excepted_by_handle(scene):
    scene.connected()
    jobs = scene.turn(b"".join(assign(n) for n in range(4)))
    scene.server.requests()
    scene.worker.complete(jobs[:2], b"1 0 0")
    scene.worker.complete(jobs[2:3], [b"own"])
    scene.worker.data(jobs[3], b"piece")
    scene.worker.fail(jobs[3])
    scene.worker.exception(jobs[3], b"why\0")
    assert scene.worker.flush(1)
    assert scene.server.requests() == [
        ("WORK_COMPLETE", b"H:0", b"1 0 0"),
        ("WORK_COMPLETE", b"H:1", b"1 0 0"),
        ("WORK_COMPLETE", b"H:2", b"own"),
        ("WORK_DATA", b"H:3", b"piece"),
        ("WORK_FAIL", b"H:3"),
        ("WORK_EXCEPTION", b"H:3", b"why\0"),
    ]


def test_one_result_for_each_job_is_demanded(scene):
    scene.connected()
    jobs = scene.turn(assign(1) + assign(2))
    with pytest.raises(ValueError, match="shorter"):
        scene.worker.complete(jobs, [b"only one"])


def test_stopping_sends_no_grab_and_returns_what_is_assigned_until_all_is_answered(scene):
    scene.connected()
    scene.worker.stop_grabbing()
    assert not scene.worker.idle
    assert handles(scene.turn(assign(1) + assign(2))) == [b"H:1", b"H:2"]
    assert not scene.worker.idle
    assert handles(scene.turn(assign(3) + NO_JOB)) == [b"H:3"]
    assert scene.worker.idle
    assert scene.worker.jobs(None) == []
    assert "GRAB_JOB" not in names(scene.server.requests())


def test_a_stopped_worker_does_not_connect_again(scene):
    scene.connected()
    scene.worker.stop_grabbing()
    scene.server.peer.close()
    assert scene.worker.jobs(None) == []
    scene.now += 60
    assert scene.worker.jobs(None) == []
    assert len(scene.connections) == 1


def test_reading_stops_at_the_byte_limit_and_goes_on_after_the_jobs_are_handed_out():
    scene = Scene(batch_bytes=400_000, in_flight=50)
    scene.connected()
    scene.server.peer.setblocking(True)
    seen = []
    for number in range(0, 40, 4):
        for each in range(number, number + 4):
            scene.server.peer.send(assign(each, bytes(20_000)))
        seen += handles(scene.turn())
    while more := scene.turn():
        assert sum(len(job.workload) for job in more) < 400_000 + 300_000
        seen += handles(more)
    assert seen == [b"H:%d" % n for n in range(40)]


def test_no_more_jobs_than_in_flight_are_handed_out_at_once():
    scene = Scene(("127.0.0.1:1", "127.0.0.1:2"), in_flight=3)
    scene.connected()
    for number, connection in enumerate(scene.connections):
        connection.peer.send(b"".join(assign(10 * number + each) for each in range(3)))
    assert handles(scene.turn()) == [b"H:0", b"H:1", b"H:2"]
    assert handles(scene.turn()) == [b"H:10", b"H:11", b"H:12"]


def test_jobs_of_a_lost_connection_are_forgotten_and_answers_to_them_dropped(scene):
    scene.connected()
    jobs = scene.turn(assign(1) + assign(2))
    assert scene.worker.held(jobs[0])
    assert scene.worker.connected == ["127.0.0.1:1"]
    first = scene.server
    first.requests()
    first.peer.shutdown(socket.SHUT_WR)
    scene.turn()
    assert not scene.worker.held(jobs[0])
    assert scene.worker.connected == []
    scene.now += 1
    scene.connected()
    scene.worker.complete(jobs, b"x")
    scene.worker.complete(jobs, [b"x", b"y"])
    scene.worker.fail(jobs[0])
    assert scene.worker.flush(1)
    assert "WORK_COMPLETE" not in names(first.requests() + scene.server.requests())
    assert [event[0] for event in scene.events] == ["connected", "lost"]
    assert "closed the connection; trying again in" in scene.events[1][2]


@pytest.mark.parametrize(
    "bytes_of_the_peer",
    [b"HTTP/1.1 400 Bad", assign(1) * 5, encode(Packet.JOB_CREATED, b"H:1", magic=RESPONSE_MAGIC)],
)
def test_a_peer_that_breaks_the_protocol_is_left(scene, bytes_of_the_peer):
    scene.connected()
    assert scene.turn(bytes_of_the_peer) == []
    assert scene.connections[0].closed
    assert scene.events[-1][:2] == ("unreachable", "127.0.0.1:1")


def test_an_assignment_without_a_workload_is_a_broken_peer(scene):
    scene.connected()
    scene.turn(encode(Packet.WORK_FAIL, b"H:1", magic=RESPONSE_MAGIC).replace(b"\x0e", b"\x0b", 1))
    assert "JOB_ASSIGN came without function, workload" in scene.events[-1][2]


def test_a_refused_connection_is_tried_again_after_a_delay_that_doubles_to_five_seconds(scene):
    scene.refuse = True
    delays = []
    for _ in range(10):
        scene.turn()
        before = scene.now
        while len(scene.events) == len(delays) + 1:
            scene.now += 0.01
            scene.turn()
        delays.append(scene.now - before)
    wanted = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5]
    assert all(w / 2 - 0.02 <= d <= w + 0.02 for w, d in zip(wanted, delays, strict=True)), delays
    scene.refuse = False
    scene.now += 10
    assert "CAN_DO" in names(scene.connected())


def test_a_job_server_that_leaves_grabs_unanswered_is_left(scene):
    scene.connected()
    scene.now += 29
    scene.turn()
    assert scene.events == []
    scene.now += 2
    scene.turn()
    assert "not answered for 30 seconds" in scene.events[0][2]


def test_a_caller_that_was_long_away_finds_its_jobs_and_not_a_lost_server(scene):
    scene.connected()
    scene.server.peer.send(assign(1))
    scene.now += 3600
    assert handles(scene.turn()) == [b"H:1"]
    assert [event[0] for event in scene.events] == ["connected"]


def test_a_sleeping_job_server_may_be_silent_for_ever(scene):
    scene.connected()
    scene.turn(NO_JOB * 4)
    scene.now += 1_000_000
    scene.turn()
    assert [event[0] for event in scene.events] == ["connected"]


def test_a_job_server_that_takes_no_bytes_is_left(scene):
    scene.connected()
    jobs = scene.turn(assign(1) + NO_JOB * 3)
    scene.worker.complete(jobs, bytes(8 * 1024 * 1024))
    assert not scene.worker.flush(0)
    scene.now += 29
    assert not scene.worker.flush(0)
    scene.turn()
    assert [event[0] for event in scene.events] == ["connected"]
    scene.now += 2
    scene.turn()
    assert "taken no bytes for 30 seconds" in scene.events[-1][2]


def test_an_error_packet_is_told_and_the_work_goes_on(scene):
    scene.connected()
    error = encode(Packet.ERROR, b"JOB_NOT_FOUND", b"Job+given", magic=RESPONSE_MAGIC)
    assert handles(scene.turn(error + assign(1))) == [b"H:1"]
    assert "JOB_NOT_FOUND" in scene.events[0][2]


def test_a_watched_descriptor_wakes_the_worker(scene):
    read, write = os.pipe()
    scene.worker.watch(read)
    scene.connected()
    scene.turn(NO_JOB * 4)
    os.write(write, b"!")
    assert scene.worker.jobs(None) == []
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(
    ("servers", "functions", "options", "error"),
    [
        ([], ["f"], {}, LocalProtocolError),
        (["h"], [], {}, LocalProtocolError),
        (["h"], [""], {}, LocalProtocolError),
        (["h"], ["f"], {"client_id": "two words"}, LocalProtocolError),
        (["h"], ["f"], {"in_flight": 0}, LocalProtocolError),
        (["h:x"], ["f"], {}, ConfigError),
    ],
)
def test_a_worker_that_cannot_work_is_refused(servers, functions, options, error):
    with pytest.raises(error):
        Worker(servers, functions, **options)
