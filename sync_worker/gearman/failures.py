"""The package's errors, with what a client of Gearman wants to know of each."""

from __future__ import annotations

from ..errors import GearmanError, JobFailed, JobServerError


class RequestRefused(JobServerError):
    """The job server answered a request with an ERROR packet.

    `code` is the name gearmand gives it, such as JOB_QUEUE_FULL; `text` is its explanation.
    """

    def __init__(self, address: str, code: bytes, text: bytes) -> None:
        self.code = code.decode("utf-8", "replace")
        self.text = text.decode("utf-8", "replace")
        super().__init__(f"The job server {address} refused the request: {self.code}: {self.text}")


class WorkFailed(JobFailed):
    """A worker answered WORK_FAIL or WORK_EXCEPTION; `data` is what it said with the latter."""

    def __init__(self, function: bytes, handle: bytes, data: bytes | None) -> None:
        self.data = data
        job = f"The worker of {_text(function)} that had the job {_text(handle)}"
        super().__init__(
            f"{job} reported failure."
            if data is None
            else f"{job} reported an exception: {_text(data[:200])}"
        )


class JobTimedOut(GearmanError, TimeoutError):
    """No result came in time; the job is still queued or running."""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
