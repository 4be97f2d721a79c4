"""Split a file of SQL into statements, with the mysql client's DELIMITER command."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A quoted text, an identifier or a comment: nothing in them ends a statement.
OPAQUE = re.compile(
    r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*`
      | /\*.*?\*/ | --(?=\s|$)[^\n]* | \#[^\n]*""",
    re.VERBOSE | re.DOTALL,
)
DELIMITER = re.compile(r"[ \t]*DELIMITER[ \t]+(\S+)[ \t]*(?:\n|$)", re.IGNORECASE)


def statements(text: str) -> Iterator[str]:
    """Yield each statement of a script, without its delimiter; comments alone are none."""
    delimiter = ";"
    start = at = 0
    while at < len(text):
        at_line_start = at == 0 or text[at - 1] == "\n"
        command = DELIMITER.match(text, at) if at_line_start else None
        if command and not _code(text[start:at]):
            delimiter = command.group(1)
            start = at = command.end()
        elif text.startswith(delimiter, at):
            if _code(text[start:at]):
                yield text[start:at].strip()
            at += len(delimiter)
            start = at
        else:
            opaque = OPAQUE.match(text, at)
            at = opaque.end() if opaque else at + 1
    if _code(text[start:]):
        yield text[start:].strip()


def _code(text: str) -> str:
    """Return what remains of a text without its comments (but /*! … */ is code)."""

    def keep(match: re.Match[str]) -> str:
        found = match.group()
        is_comment = found.startswith(("--", "#")) or (
            found.startswith("/*") and not found.startswith("/*!")
        )
        return "" if is_comment else found

    return OPAQUE.sub(keep, text).strip()
