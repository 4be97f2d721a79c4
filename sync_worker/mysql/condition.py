"""A user's `where`: read, checked and rewritten, so that it means the same wherever it stands.

Columns get the row's qualifier, text loses its dependence on sql_mode, and what could give another
answer for the same row, or change the statement around the condition, is refused. It is no SQL
parser: what it does not know it leaves to the server (see checks.check_condition).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sync_worker.errors import ConfigError

from .quoting import text as literal

_TOKEN = re.compile(
    r"""
    (?P<text>'(?:[^'\\]|''|\\.)*' | "(?:[^"\\]|""|\\.)*")
  | (?P<quoted>`(?:[^`]|``)+`)
  | (?P<number>(?:0[xX][0-9a-fA-F]+|0b[01]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
               (?![\w$\u0080-\uffff]))
  | (?P<name>[0-9A-Za-z_$\u0080-\uffff]+)
  | (?P<space>\s+)
  | (?P<refused>--|/\*|\*/|\|\||:=|[^()+\-*/%<>=!&|^~,.])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def _set(words: str) -> set[str]:
    return set(words.split())


# Words that never are columns unless they are quoted.
_OPERATORS = _set(
    "and or xor not is in like rlike regexp between div mod case when then else interval binary "
    "collate using as from for both leading trailing distinct"
)
_VALUES = {"null", "true", "false", "default"}
_SUBQUERY = {"select", "table", "with", "values", "exists", "union", "into", "procedure"}
_LITERAL_PREFIX = {"date", "time", "timestamp", "x", "b", "n"}
_UNIT_FIRST = {"extract", "timestampdiff", "timestampadd", "get_format"}
_NAMES_FOLLOW = {"collate", "using", "as"}  # a collation, a character set, a type

# These answer by the time, the session or chance, not by the row.
_CHANGING = _set(
    "now sysdate curdate curtime current_date current_time current_timestamp localtime "
    "localtimestamp utc_date utc_time utc_timestamp rand uuid uuid_short user current_user "
    "session_user system_user current_role connection_id last_insert_id found_rows row_count "
    "database schema sleep benchmark get_lock release_lock release_all_locks is_free_lock "
    "is_used_lock load_file"
)
_BARE_CHANGING = _set(  # reserved words, called without brackets too
    "current_date current_time current_timestamp current_user localtime localtimestamp "
    "utc_date utc_time utc_timestamp"
)

_RESERVED = _OPERATORS | _VALUES | _SUBQUERY | _BARE_CHANGING

_REASONS = {
    "--": "comments are not possible; write - (-1) for a double negation",
    "/*": "comments are not possible",
    "*/": "comments are not possible",
    "#": "comments are not possible",
    ";": "it is one condition, not several statements",
    "||": "its meaning depends on sql_mode; write OR, or CONCAT()",
    "@": "variables differ from session to session",
    ":=": "variables differ from session to session",
    "'": "a quote is not closed",
    '"': "a quote is not closed",
    "`": "a backtick is not closed",
    "\\": "a backslash stands only within text",
}
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}


@dataclass(frozen=True)
class Condition:
    """A checked condition. `parts` are SQL text and, in tuples of one, columns of the row."""

    parts: tuple[str | tuple[str], ...]
    functions: frozenset[str]

    @property
    def columns(self) -> set[str]:
        """The columns that it looks at."""
        return {part[0] for part in self.parts if isinstance(part, tuple)}

    def sql(self, qualified: Callable[[str], str]) -> str:
        """The condition with each column as `qualified` gives it."""
        return "".join(qualified(p[0]) if isinstance(p, tuple) else p for p in self.parts)


def parse(expression: str, columns: dict[str, str], own: tuple[str, str]) -> Condition:
    """Read a condition. `columns`: lower-case name to own spelling; `own`: schema and table.

    Raises ConfigError, which says what cannot be; the caller names the table.
    """
    return _Reader(expression, columns, own).read()


class _Reader:
    """One pass over the tokens. `operand`: the last of them completes a value.

    After a value no column can stand, so a word there is an operator, a unit or END.
    """

    def __init__(self, expression: str, columns: dict[str, str], own: tuple[str, str]) -> None:
        self._expression = expression
        self._columns = columns
        self._own = own
        self._tokens = _tokens(expression)
        self._parts: list[str | tuple[str]] = []
        self._functions: set[str] = set()
        self._operand = False
        self._words: list[str] = []  # the significant tokens so far, in lower case

    def read(self) -> Condition:
        i = 0
        while i < len(self._tokens):
            kind, piece = self._tokens[i]
            if kind in ("name", "quoted"):
                i += self._name(i)
                continue
            if piece == ".":
                self._refuse("a dot joins names without white space around it")
            self._parts.append(self._text(i) if kind == "text" else piece)
            if kind != "space":
                self._words.append(piece)
                self._operand = kind in ("text", "number") or piece == ")"
            i += 1
        return Condition(tuple(self._parts), frozenset(self._functions))

    def _text(self, i: int) -> str:
        value = _decoded(self._tokens[i][1])
        following = [piece.lower() for kind, piece in self._tokens[i + 1 :] if kind != "space"]
        if self._words[-1:] == ["like"] and "\\" in value and following[:1] != ["escape"]:
            # Under NO_BACKSLASH_ESCAPES the backslash is no escape in a pattern either.
            return f"{literal(value)} ESCAPE {literal(chr(92))}"
        return literal(value)

    def _name(self, i: int) -> int:
        """Take a name, with what is dotted to it; return the number of tokens taken."""
        path = [i]
        while self._kind(path[-1] + 1) == "." and self._kind(path[-1] + 2) in ("name", "quoted"):
            path.append(path[-1] + 2)
        after = self._significant(path[-1] + 1)
        kind, piece = self._tokens[i]
        word = piece.lower() if kind == "name" else ""
        if len(path) > 1:
            self._dotted(path, call=after[:1] == ["("])
        elif word and self._prefixes_text(i, word):
            return self._prefixed(i)
        elif word and (self._operand or after[:1] == ["("] or word in _RESERVED):
            self._word(piece, after)
        elif self._is_no_column():
            self._take(piece, word, operand=True)
        else:
            self._column(_plain(piece), piece)
        return path[-1] - i + 1

    def _word(self, piece: str, after: list[str]) -> None:
        """An operator, a constant or a function."""
        word = piece.lower()
        call = after[:1] == ["("]
        if word in _SUBQUERY:
            self._refuse(f"{piece}: a change of another table would not be noticed")
        if not self._operand and (
            word in _BARE_CHANGING
            or (call and word in _CHANGING)
            or (word == "unix_timestamp" and after == ["(", ")"])
        ):
            self._refuse(
                f"{piece} answers by time, session or chance; a row must match, or not, until "
                "it is changed"
            )
        if call:
            self._functions.add(word)
        self._take(piece, word, operand=word in _VALUES or word == "end")

    def _column(self, plain: str, piece: str) -> None:
        word = plain.lower()
        if word in self._columns:
            self._parts.append((self._columns[word],))
            self._words.append(word)
            self._operand = True
        else:
            self._take(piece, word, operand=True)

    def _dotted(self, path: list[int], *, call: bool) -> None:
        parts = [_plain(self._tokens[k][1]) for k in path]
        shown = ".".join(parts)
        if call:  # a stored function
            self._take("".join(self._tokens[k][1] for k in range(path[0], path[-1] + 1)), shown)
            return
        column = self._columns.get(parts[-1].lower())
        if tuple(parts[:-1]) not in ((self._own[1],), self._own) or column is None:
            self._refuse(f"{shown} is no column of the table")
        self._parts.append((str(column),))
        self._words.append(shown)
        self._operand = True

    def _prefixes_text(self, i: int, word: str) -> bool:
        if word not in _LITERAL_PREFIX and not word.startswith("_"):
            return False
        after = i + 1
        if word not in ("x", "b", "n") and self._kind(after) == "space":
            after += 1
        return self._kind(after) == "text"

    def _prefixed(self, i: int) -> int:
        """DATE '2026-01-01', x'41', _latin1'a': kept as they are."""
        end = i + 1 + (self._kind(i + 1) == "space")
        piece = self._tokens[end][1]
        if literal(_decoded(piece)) != piece:
            self._refuse(f"{piece} after {self._tokens[i][1]} must be plain, in single quotes")
        self._take(self._tokens[i][1] + piece, piece, operand=True)
        return end - i + 1

    def _is_no_column(self) -> bool:
        last = self._words[-1] if self._words else ""
        unit = last == "(" and len(self._words) > 1 and self._words[-2] in _UNIT_FIRST
        truth = last == "is" or self._words[-2:] == ["is", "not"]
        return unit or truth or last in _NAMES_FOLLOW

    def _take(self, piece: str, word: str, *, operand: bool = False) -> None:
        self._parts.append(piece)
        self._words.append(word)
        self._operand = operand

    def _kind(self, i: int) -> str:
        if i >= len(self._tokens):
            return ""
        kind, piece = self._tokens[i]
        return piece if kind == "other" else kind

    def _significant(self, i: int) -> list[str]:
        """The next two tokens that are no white space."""
        kinds = (self._kind(k) for k in range(i, min(i + 5, len(self._tokens))))
        return [kind for kind in kinds if kind != "space"][:2]

    def _refuse(self, reason: str) -> None:
        raise ConfigError(f"where = {self._expression!r}: {reason}")


def _tokens(expression: str) -> list[tuple[str, str]]:
    """(kind, text) pairs: white space as one blank, adjacent texts as one, quotes and brackets
    closed."""
    tokens: list[tuple[str, str]] = []
    depth = 0
    for match in _TOKEN.finditer(expression):
        kind, piece = match.lastgroup or "", match[0]
        if kind == "refused":
            reason = _REASONS.get(piece, f"{piece!r} is not possible there")
            raise ConfigError(f"where = {expression!r}: {reason}")
        depth += (piece == "(") - (piece == ")")
        if depth < 0:
            raise ConfigError(f"where = {expression!r}: a bracket is closed that was not opened")
        if kind == "space":
            piece = " "
        if kind == "text":
            before = [t for t in tokens[-2:] if t[0] != "space"]
            if before and before[-1][0] == "text":  # SQL joins them
                while tokens[-1][0] == "space":
                    tokens.pop()
                piece = _requoted(_decoded(tokens.pop()[1]) + _decoded(piece))
        tokens.append((kind, piece))
    if depth:
        raise ConfigError(f"where = {expression!r}: a bracket is not closed")
    if not any(kind != "space" for kind, _ in tokens):
        raise ConfigError(f"where = {expression!r}: there is no condition")
    return tokens


def _decoded(piece: str) -> str:
    """What a text in quotes says, read as under the default sql_mode."""
    quote, inner = piece[0], piece[1:-1]

    def one(match: re.Match[str]) -> str:
        found = match[0]
        if found == quote * 2:
            return quote
        if found in (r"\%", r"\_"):  # for LIKE, which takes them apart itself
            return found
        return _ESCAPES.get(found[1], found[1])

    return re.sub(rf"{quote}{quote}|\\.", one, inner, flags=re.DOTALL)


def _requoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _plain(piece: str) -> str:
    return piece[1:-1].replace("``", "`") if piece.startswith("`") else piece
