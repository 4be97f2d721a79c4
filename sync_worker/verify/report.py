"""What a verification finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KINDS = ("missing", "stale", "orphan")
EXAMPLES = 10  # kept of each kind
SHOWN_BYTES = 200  # of a key or a value


@dataclass(frozen=True)
class Difference:
    """One key that is not as its row says. `kind` is missing, stale or orphan.

    `expected` and `found` are for people, cut; None: no such key.
    """

    kind: str
    key: bytes
    expected: bytes | None
    found: bytes | None

    def document(self) -> dict[str, Any]:
        """The difference as JSON members."""
        return {
            "key": shown(self.key),
            "expected": shown(self.expected),
            "found": shown(self.found),
        }


@dataclass
class Report:
    """The result for one table.

    `found` counts the differences by kind, `left` those that are still there after the repair; both
    are the same without one. `undecided` are keys that changed all the while, or whose events the
    relay did not deliver in time. `expired` are rows whose key may have expired.
    """

    table: str
    rows: int = 0
    keys: int = 0
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    left: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    undecided: int = 0
    expired: int = 0
    examples: dict[str, list[Difference]] = field(default_factory=lambda: {k: [] for k in KINDS})
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def in_step(self) -> bool:
        """Whether nothing differs now, and nothing is undecided."""
        return not any(self.left.values()) and not self.undecided

    def add(self, difference: Difference) -> None:
        """Count a difference, and keep it if there are few examples of its kind."""
        self.found[difference.kind] += 1
        if len(self.examples[difference.kind]) < EXAMPLES:
            self.examples[difference.kind].append(difference)

    def note(self, text: str) -> None:
        """Keep a sentence worth knowing, once."""
        if text not in self.notes:
            self.notes.append(text)

    def document(self) -> dict[str, Any]:
        """The report as JSON members."""
        return {
            "table": self.table,
            "in_step": self.in_step,
            "rows": self.rows,
            "keys": self.keys,
            "found": self.found,
            "left": self.left,
            "undecided": self.undecided,
            "expired": self.expired,
            "examples": {k: [d.document() for d in ds] for k, ds in self.examples.items()},
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
        }


def shown(value: bytes | None) -> str | None:
    """The beginning of a key or value as text."""
    if value is None:
        return None
    text = value[:SHOWN_BYTES].decode(errors="replace")
    return text + ("…" if len(value) > SHOWN_BYTES else "")
