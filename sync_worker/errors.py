"""The exceptions of the package. Modules add their own below these, beside the code that raises
them: an instance that already runs, an install that was undone, a command that failed.

::

    SyncWorkerError
    ├── ConfigError            bad configuration; fatal, exit code 2
    ├── GearmanError
    │   ├── LocalProtocolError   we tried to send something the protocol cannot carry
    │   ├── RemoteProtocolError  the peer sent something that is no Gearman; drop the connection
    │   ├── JobServerError       the job server answered with an ERROR packet (RequestRefused)
    │   ├── JobServerUnavailable no job server could be reached; retried
    │   └── JobFailed            a worker answered WORK_FAIL or WORK_EXCEPTION (WorkFailed)
    ├── DatabaseUnavailable    the database server is away; retried
    ├── StoreUnavailable       Redis is away, full, loading or read-only; kept and retried
    └── BadEvent               the data of one job or event is at fault; goes to the dead letters
"""

from __future__ import annotations


class SyncWorkerError(Exception):
    """Base of all errors of this package."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").split("\n", maxsplit=1)[0])


class ConfigError(SyncWorkerError):
    """The configuration cannot be used; correct the field named and start again."""


class GearmanError(SyncWorkerError):
    """Something went wrong between us and a job server."""


class LocalProtocolError(GearmanError):
    """A packet cannot be encoded: an argument before the last holds NUL or is too long."""


class RemoteProtocolError(GearmanError):
    """The peer sent bytes that are no Gearman packet; check the address and port."""


class JobServerError(GearmanError):
    """The job server refused a request."""


class JobServerUnavailable(GearmanError):
    """No job server could be reached; check that gearmand runs and its address."""


class JobFailed(GearmanError):
    """The worker that had the job reported failure."""


class DatabaseUnavailable(SyncWorkerError):
    """The database server cannot be reached; events wait in their outbox."""


class StoreUnavailable(SyncWorkerError):
    """Redis cannot take writes now; the jobs in hand are kept and tried again."""


class BadEvent(SyncWorkerError):
    """A job cannot be applied because of what it says; it becomes a dead letter."""
