"""Values written as TOML, for commands that print or make a configuration file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def toml(value: object) -> str:
    """A value as TOML; None is empty text. JSON's texts, numbers, lists, booleans are TOML's."""
    if value is None:
        return '""'
    if isinstance(value, Mapping):
        pairs = (f"{toml(key)} = {toml(item)}" for key, item in value.items())
        return "{ " + ", ".join(pairs) + " }"
    # DEL is the one character that JSON leaves as it is and TOML does not allow.
    text = json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")
