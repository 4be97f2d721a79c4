"""Gearman: a worker, a client and the admin commands, over a protocol core without I/O."""

from .address import DEFAULT_PORT, Address, parse_address
from .admin import Admin, FunctionStatus, JobInfo, PriorityStatus, WorkerInfo
from .client import Client
from .conversation import Priority, Result, Task
from .failures import JobTimedOut, RequestRefused, WorkFailed
from .link import Job
from .packets import PACKETS, Packet
from .protocol import Decoder, encode
from .worker import Worker

__all__ = [
    "DEFAULT_PORT",
    "PACKETS",
    "Address",
    "Admin",
    "Client",
    "Decoder",
    "FunctionStatus",
    "Job",
    "JobInfo",
    "JobTimedOut",
    "Packet",
    "Priority",
    "PriorityStatus",
    "RequestRefused",
    "Result",
    "Task",
    "WorkFailed",
    "Worker",
    "WorkerInfo",
    "encode",
    "parse_address",
]
