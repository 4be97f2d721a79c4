"""Packets into bytes and back, however the bytes are split."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.errors import LocalProtocolError, RemoteProtocolError
from sync_worker.gearman.packets import (
    MAX_ARGUMENT_BYTES,
    PACKETS,
    REQUEST_MAGIC,
    RESPONSE_MAGIC,
    Packet,
)
from sync_worker.gearman.protocol import Decoder, check_function, encode, split

STREAM = b"".join(
    [
        encode(Packet.NO_JOB, magic=RESPONSE_MAGIC),
        encode(Packet.JOB_ASSIGN, b"H:x:1", b"f", b"a\0b", magic=RESPONSE_MAGIC),
        encode(Packet.NOOP, magic=RESPONSE_MAGIC),
        encode(Packet.WORK_COMPLETE, b"H:x:2", b"", magic=RESPONSE_MAGIC),
    ]
)
DECODED = [(10, b""), (11, b"H:x:1\0f\0a\0b"), (6, b""), (13, b"H:x:2\0")]

no_nul = st.binary(max_size=40).filter(lambda value: b"\0" not in value)


@st.composite
def packets(draw):
    layout = PACKETS[draw(st.sampled_from(sorted(PACKETS)))]
    if not layout.arguments:
        return layout.packet, []
    arguments = [draw(no_nul) for _ in layout.arguments[:-1]]
    return layout.packet, [*arguments, draw(st.binary(max_size=200))]


@pytest.mark.parametrize("packet", list(Packet), ids=lambda packet: packet.name)
def test_every_packet_of_the_table_goes_there_and_back(packet):
    names = PACKETS[packet].arguments
    arguments = [name.encode() for name in names[:-1]] + [b"last\0one"] * bool(names)
    data = encode(packet, *arguments)
    assert data[:4] == REQUEST_MAGIC
    assert data[4:12] == bytes([0, 0, 0, packet]) + (len(data) - 12).to_bytes(4, "big")
    [(number, body)] = Decoder(magic=REQUEST_MAGIC).feed(data)
    assert number == packet
    assert split(number, body) == arguments


def test_the_table_holds_every_packet_once():
    assert sorted(PACKETS) == sorted(Packet)
    assert all(number == layout.packet for number, layout in PACKETS.items())


def test_a_submit_looks_as_the_protocol_says():
    assert encode(Packet.SUBMIT_JOB_BG, b"f", b"u", b"w") == b"\0REQ\0\0\0\x12\0\0\0\x05f\0u\0w"


def test_the_stream_may_be_cut_anywhere():
    for cut in range(len(STREAM) + 1):
        decoder = Decoder()
        assert decoder.feed(STREAM[:cut]) + decoder.feed(STREAM[cut:]) == DECODED
        assert decoder.held == 0


def test_the_stream_may_come_byte_by_byte():
    decoder = Decoder()
    found = [packet for byte in STREAM for packet in decoder.feed(bytes([byte]))]
    assert found == DECODED


@settings(deadline=None, max_examples=150)
@given(st.lists(packets(), max_size=8), st.lists(st.integers(1, 60), max_size=40))
def test_any_packets_survive_any_splitting(sent, sizes):
    stream = b"".join(encode(packet, *arguments) for packet, arguments in sent)
    decoder = Decoder(magic=REQUEST_MAGIC)
    got = []
    for size in sizes:
        got += decoder.feed(stream[:size])
        stream = stream[size:]
    got += decoder.feed(stream)
    assert [(number, split(number, body)) for number, body in got] == sent


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=60))
def test_any_bytes_are_packets_or_a_remote_protocol_error(data):
    try:
        for number, body in Decoder().feed(data):
            split(number, body)
    except RemoteProtocolError:
        pass


def test_a_large_packet_in_many_pieces_arrives_whole():
    workload = bytes(range(256)) * 65536  # 16 MiB with NUL bytes
    data = encode(Packet.WORK_COMPLETE, b"H:x:1", workload, magic=RESPONSE_MAGIC)
    decoder = Decoder()
    pieces = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    [(number, body)] = [packet for piece in pieces for packet in decoder.feed(piece)]
    assert split(number, body) == [b"H:x:1", workload]


@pytest.mark.parametrize("packet", [p for p in Packet if len(PACKETS[p].arguments) > 1])
def test_nul_is_refused_in_every_argument_but_the_last(packet):
    names = PACKETS[packet].arguments
    for index in range(len(names) - 1):
        arguments = [b"x"] * len(names)
        arguments[index] = b"a\0b"
        with pytest.raises(LocalProtocolError, match=names[index]):
            encode(packet, *arguments)


def test_arguments_that_gearmand_cannot_hold_are_refused():
    fits = b"u" * (MAX_ARGUMENT_BYTES - 3)
    assert encode(Packet.SUBMIT_JOB, b"f", fits, b"w" * 100_000)
    with pytest.raises(LocalProtocolError, match="gearmand takes"):
        encode(Packet.SUBMIT_JOB, b"f", fits + b"u", b"")


def test_a_wrong_number_of_arguments_is_refused():
    with pytest.raises(LocalProtocolError, match="SUBMIT_JOB takes 3 arguments, 2"):
        encode(Packet.SUBMIT_JOB, b"f", b"u")
    with pytest.raises(LocalProtocolError, match="number 99"):
        encode(99)


@pytest.mark.parametrize("name", [b"", b"a\0b", b"x" * 256])
def test_a_function_needs_a_name_that_can_be_sent(name):
    with pytest.raises(LocalProtocolError):
        check_function(name)


def test_bytes_that_are_no_gearman_are_refused_at_the_first_wrong_byte():
    for garbage in (b"HTTP/1.1 400 Bad Request\r\n", b"\0REQ" + bytes(8), b"\0RX", b"x"):
        with pytest.raises(RemoteProtocolError, match="no Gearman packet"):
            Decoder().feed(garbage)


def test_garbage_after_good_packets_is_refused():
    decoder = Decoder()
    assert decoder.feed(STREAM + b"\0R") == DECODED
    with pytest.raises(RemoteProtocolError):
        decoder.feed(b"oops")


def test_an_unknown_packet_number_is_refused():
    with pytest.raises(RemoteProtocolError, match="unknown number 77"):
        Decoder().feed(RESPONSE_MAGIC + (77).to_bytes(4, "big") + bytes(4))


def test_an_absurd_length_is_refused_before_its_bytes_come():
    head = RESPONSE_MAGIC + (13).to_bytes(4, "big") + b"\xff\xff\xff\xff"
    with pytest.raises(RemoteProtocolError, match="WORK_COMPLETE of 4294967295 bytes"):
        Decoder().feed(head)


def test_the_size_limit_can_be_set():
    data = encode(Packet.ECHO_RES, b"12345", magic=RESPONSE_MAGIC)
    assert Decoder(max_body_bytes=5).feed(data) == [(17, b"12345")]
    with pytest.raises(RemoteProtocolError, match="the limit is 4"):
        Decoder(max_body_bytes=4).feed(data)


def test_missing_arguments_are_named():
    with pytest.raises(RemoteProtocolError, match="JOB_ASSIGN came without function, workload"):
        split(Packet.JOB_ASSIGN, b"H:x:1")
