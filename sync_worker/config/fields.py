"""Parsers of single settings: a TOML value or a variable's text in, a checked value out.

Each raises ValueError with a sentence that says what is expected; load.py adds field, value, file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Parser = Callable[[Any], Any]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:,\[\]\x00-\x1f\x7f]+)(?::(\d{1,5}))?", re.ASCII)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_FUNCTION_BYTES = 255  # the loadable functions refuse longer names


class HiddenValueError(ValueError):
    """A value is refused that may hold a secret, so it must not be shown."""


def setting(parser: Parser, default: Any, doc: str, *, secret: bool = False) -> Any:
    """A dataclass field with its parser, its default and one sentence of documentation."""
    return field(
        default=default, repr=not secret, metadata={"parser": parser, "doc": doc, "secret": secret}
    )


def duration(value: Any) -> float:
    """Seconds, from a number of seconds or text such as "500ms", "30s", "5m", "1h", "1d"."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", value.strip())
        if match:
            return float(match[1]) * _UNITS[match[2] or "s"]
    elif isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    raise ValueError('expected a duration such as "500ms", "30s", "5m", "1h" or "1d"')


def positive_duration(value: Any) -> float:
    """A duration above zero, in seconds."""
    seconds = duration(value)
    if seconds <= 0:
        raise ValueError('expected a duration above zero, such as "30s"')
    return seconds


def size(value: Any) -> int:
    """Bytes, from a whole number or text such as "512KiB" or "4MiB"."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+)\s*(B|KiB|MiB|GiB)?", value.strip())
        if match and int(match[1]) > 0:
            return int(match[1]) * _SIZES[match[2] or ""]
    elif isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError('expected a size such as 65536, "512KiB" or "4MiB"')


def whole(low: int, high: int) -> Parser:
    """A whole number from low to high."""

    def parse(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value.strip()):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise ValueError(f"expected a whole number from {low} to {high}")

    return parse


def text(value: Any) -> str:
    """Text, not empty, without control characters."""
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise ValueError("expected text, not empty, without control characters")


def optional_text(value: Any) -> str:
    """Text; empty means not set."""
    return "" if value == "" else text(value)


def one_of(*choices: str) -> Parser:
    """One of the choices, in any case."""

    def parse(value: Any) -> str:
        if isinstance(value, str) and value.lower() in choices:
            return value.lower()
        raise ValueError("expected one of " + ", ".join(choices))

    return parse


def path(value: Any) -> Path | None:
    """An absolute path; empty means not set."""
    if value == "":
        return None
    if isinstance(value, str) and "\0" not in value and Path(value).is_absolute():
        return Path(value)
    raise ValueError("expected an absolute path")


def address(value: Any) -> str:
    """ "host:port", "host" or "[::1]:port"."""
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match and (match[1] is None or 0 < int(match[1]) < 65536):
        return str(value)
    raise ValueError('expected "host", "host:port" or "[::1]:port"')


def optional_address(value: Any) -> str:
    """An address; empty means not set."""
    return "" if value == "" else address(value)


def addresses(value: Any) -> tuple[str, ...]:
    """A list of addresses, or one text with commas between them."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list) or not value:
        raise ValueError('expected a list of addresses such as ["127.0.0.1:4730"]')
    return tuple(dict.fromkeys(address(part) for part in value))


def function_name(value: Any) -> str:
    """A Gearman function's name: 1 to 255 bytes, no control characters."""
    name = text(value)
    if len(name.encode()) > _FUNCTION_BYTES:
        raise ValueError(f"expected a function name of at most {_FUNCTION_BYTES} bytes")
    return name


def redis_url(value: Any) -> str:
    """redis://, rediss:// or unix://, without a password."""
    expected = 'expected a URL such as "redis://127.0.0.1:6379/0" or "unix:///run/redis.sock"'
    if not isinstance(value, str) or not value.isprintable():
        raise HiddenValueError(expected)
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises when it is no number
    except ValueError:
        raise HiddenValueError(expected) from None
    if parts.password is not None or "password" in parse_qs(parts.query):
        raise HiddenValueError(
            "a password does not belong in the URL; use redis.password_file or "
            "SYNC_WORKER_REDIS_PASSWORD"
        )
    if parts.scheme in ("redis", "rediss") and parts.hostname:
        return value
    if parts.scheme == "unix" and parts.path:
        return value
    raise ValueError(expected)


def key_template(value: Any) -> str:
    """Text with at least one {member}; literal braces are not possible."""
    template = text(value)
    names = _PLACEHOLDER.findall(template)
    rest = _PLACEHOLDER.sub("", template)
    if not names or not all(names) or "{" in rest or "}" in rest:
        raise ValueError('expected a key template such as "{id}" or "product:{id}"')
    return template
