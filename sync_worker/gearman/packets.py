"""The packets of the Gearman protocol, as a table.

A packet is a twelve-byte header (magic, packet number, length of the body; 32 bits each,
big-endian) and a body: the arguments, with one NUL between each and the next. The last argument
runs to the end of the body, so it alone may hold NUL bytes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

REQUEST_MAGIC = b"\0REQ"
RESPONSE_MAGIC = b"\0RES"

HEADER_BYTES = 12

#: What the arguments before the last may take together, their NULs counted. gearmand parses header
#: and arguments in a buffer of 8 KiB.
MAX_ARGUMENT_BYTES = 8192 - HEADER_BYTES

#: A unique of 64 bytes is taken by gearmand but never matched.
MAX_UNIQUE_BYTES = 63

#: The longest function name that every part of this project takes.
MAX_FUNCTION_BYTES = 255


class Packet(IntEnum):
    """The packet numbers, by the names of the protocol description."""

    CAN_DO = 1
    CANT_DO = 2
    RESET_ABILITIES = 3
    PRE_SLEEP = 4
    NOOP = 6
    SUBMIT_JOB = 7
    JOB_CREATED = 8
    GRAB_JOB = 9
    NO_JOB = 10
    JOB_ASSIGN = 11
    WORK_STATUS = 12
    WORK_COMPLETE = 13
    WORK_FAIL = 14
    GET_STATUS = 15
    ECHO_REQ = 16
    ECHO_RES = 17
    SUBMIT_JOB_BG = 18
    ERROR = 19
    STATUS_RES = 20
    SUBMIT_JOB_HIGH = 21
    SET_CLIENT_ID = 22
    CAN_DO_TIMEOUT = 23
    ALL_YOURS = 24
    WORK_EXCEPTION = 25
    OPTION_REQ = 26
    OPTION_RES = 27
    WORK_DATA = 28
    WORK_WARNING = 29
    GRAB_JOB_UNIQ = 30
    JOB_ASSIGN_UNIQ = 31
    SUBMIT_JOB_HIGH_BG = 32
    SUBMIT_JOB_LOW = 33
    SUBMIT_JOB_LOW_BG = 34
    SUBMIT_JOB_SCHED = 35
    SUBMIT_JOB_EPOCH = 36
    SUBMIT_REDUCE_JOB = 37
    SUBMIT_REDUCE_JOB_BACKGROUND = 38
    GRAB_JOB_ALL = 39
    JOB_ASSIGN_ALL = 40
    GET_STATUS_UNIQUE = 41
    STATUS_RES_UNIQUE = 42


class Layout(NamedTuple):
    """What one packet number carries."""

    packet: Packet
    arguments: tuple[str, ...]


_SUBMIT = "function unique workload"
_STATUS = "known running numerator denominator"

_ARGUMENTS: dict[Packet, str] = {
    Packet.CAN_DO: "function",
    Packet.CANT_DO: "function",
    Packet.RESET_ABILITIES: "",
    Packet.PRE_SLEEP: "",
    Packet.NOOP: "",
    Packet.SUBMIT_JOB: _SUBMIT,
    Packet.JOB_CREATED: "handle",
    Packet.GRAB_JOB: "",
    Packet.NO_JOB: "",
    Packet.JOB_ASSIGN: "handle function workload",
    Packet.WORK_STATUS: "handle numerator denominator",
    Packet.WORK_COMPLETE: "handle data",
    Packet.WORK_FAIL: "handle",
    Packet.GET_STATUS: "handle",
    Packet.ECHO_REQ: "data",
    Packet.ECHO_RES: "data",
    Packet.SUBMIT_JOB_BG: _SUBMIT,
    Packet.ERROR: "code text",
    Packet.STATUS_RES: f"handle {_STATUS}",
    Packet.SUBMIT_JOB_HIGH: _SUBMIT,
    Packet.SET_CLIENT_ID: "client_id",
    Packet.CAN_DO_TIMEOUT: "function timeout",
    Packet.ALL_YOURS: "",
    Packet.WORK_EXCEPTION: "handle data",
    Packet.OPTION_REQ: "option",
    Packet.OPTION_RES: "option",
    Packet.WORK_DATA: "handle data",
    Packet.WORK_WARNING: "handle data",
    Packet.GRAB_JOB_UNIQ: "",
    Packet.JOB_ASSIGN_UNIQ: "handle function unique workload",
    Packet.SUBMIT_JOB_HIGH_BG: _SUBMIT,
    Packet.SUBMIT_JOB_LOW: _SUBMIT,
    Packet.SUBMIT_JOB_LOW_BG: _SUBMIT,
    Packet.SUBMIT_JOB_SCHED: "function unique minute hour mday month wday workload",
    Packet.SUBMIT_JOB_EPOCH: "function unique epoch workload",
    Packet.SUBMIT_REDUCE_JOB: "function unique reducer workload",
    Packet.SUBMIT_REDUCE_JOB_BACKGROUND: "function unique reducer workload",
    Packet.GRAB_JOB_ALL: "",
    Packet.JOB_ASSIGN_ALL: "handle function unique reducer workload",
    Packet.GET_STATUS_UNIQUE: "unique",
    Packet.STATUS_RES_UNIQUE: f"unique {_STATUS} waiting_clients",
}

#: Every packet and its arguments, by number.
PACKETS: dict[int, Layout] = {
    packet: Layout(packet, tuple(names.split())) for packet, names in _ARGUMENTS.items()
}
