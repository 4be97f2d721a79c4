"""What `doctor` finds, one line each."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL = "OK", "WARN", "FAIL"


@dataclass(frozen=True)
class Finding:
    """`state` is OK, WARN or FAIL; `cure` says what to try for the last two."""

    state: str
    text: str
    cure: str = ""


def ok(text: str) -> Finding:
    """Nothing to do."""
    return Finding(OK, text)


def warn(text: str, cure: str) -> Finding:
    """It works, and something should be known or done."""
    return Finding(WARN, text, cure)


def fail(text: str, cure: str) -> Finding:
    """It does not work, or what Redis holds can be wrong."""
    return Finding(FAIL, text, cure)
