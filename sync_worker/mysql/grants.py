"""What an account may do, read from SHOW GRANTS."""

from __future__ import annotations

import re
from dataclasses import dataclass

import mysql.connector

from sync_worker.errors import ConfigError

from .quoting import name
from .session import Session

_GRANT = re.compile(
    r"GRANT (?P<what>.+?) ON (?:TABLE )?"
    r"(?P<schema>\*|`(?:[^`]|``)+`)\.(?P<table>\*|`(?:[^`]|``)+`) TO ",
    re.DOTALL,
)
_COLUMNS = re.compile(r"\s*\([^)]*\)")


@dataclass(frozen=True)
class Grants:
    """Privileges of one account. A privilege on some columns counts as one on the table."""

    entries: tuple[tuple[frozenset[str], str, str], ...]  # privileges, schema pattern, table

    def allow(self, privilege: str, schema: str = "*", table: str = "*") -> bool:
        """Whether the account has a privilege on a table, on all of a schema, or on everything."""
        for privileges, pattern, only in self.entries:
            if not {privilege, "ALL PRIVILEGES"} & privileges:
                continue
            if pattern == "*" or (_matches(pattern, schema) and only in ("*", table)):
                return True
        return False


def parse(lines: list[str]) -> Grants:
    """Read the lines of SHOW GRANTS."""
    entries = []
    for line in lines:
        match = _GRANT.match(line)
        if match:
            what = _COLUMNS.sub("", match["what"])
            privileges = frozenset(part.strip().upper() for part in what.split(","))
            entries.append((privileges, _plain(match["schema"]), _plain(match["table"])))
    return Grants(tuple(entries))


def own(session: Session) -> Grants:
    """What this session may do, the roles that are active included."""
    return _show(session, "SHOW GRANTS")


def of(session: Session, account: str) -> Grants | None:
    """What `account` (user@host) may do; None if this session may not know, or there is none."""
    try:
        return _show(session, f"SHOW GRANTS FOR {quote_account(account)}")
    except (mysql.connector.Error, ConfigError):
        return None


def quote_account(account: str) -> str:
    """user@host as SQL."""
    user, _, host = account.rpartition("@")
    return f"{name(user)}@{name(host)}"


def _show(session: Session, statement: str) -> Grants:
    return parse([row[0].decode() for row in session.rows(statement)])


def _plain(part: str) -> str:
    return part if part == "*" else part[1:-1].replace("``", "`")


def _matches(pattern: str, schema: str) -> bool:
    """A schema in GRANT is a pattern: % and _ stand for anything, with \\ for themselves."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    text = "".join(wild.get(p) or re.escape(p[-1]) for p in parts)
    return re.fullmatch(text, schema, re.DOTALL | re.IGNORECASE) is not None
