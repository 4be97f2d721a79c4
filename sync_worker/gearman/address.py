"""The address of a job server, as people write it: `host[:port]`."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import ConfigError

#: The port that IANA assigned to Gearman.
DEFAULT_PORT = 4730

_MAX_PORT = 65535


class Address(NamedTuple):
    """Where a job server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read `host`, `host:port`, `[ipv6]`, `[ipv6]:port` or a bare IPv6 address.

    Raises ConfigError when the text names no host or no valid port.
    """
    stripped = text.strip()
    if stripped.startswith("["):
        host, bracket, rest = stripped[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigError(f"Job server {text!r}: write an IPv6 address as [::1]:4730.")
        port = rest[1:] if rest else str(DEFAULT_PORT)
    elif stripped.count(":") > 1:
        host, port = stripped, str(DEFAULT_PORT)
    else:
        host, colon, port = stripped.partition(":")
        port = port if colon else str(DEFAULT_PORT)
    if not host or any(c.isspace() or c in "[]/," for c in host):
        raise ConfigError(f"Job server {text!r}: there is no host name; write host:port.")
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) <= _MAX_PORT:
        raise ConfigError(f"Job server {text!r}: the port must be 1 to {_MAX_PORT}.")
    return Address(host, int(port))
