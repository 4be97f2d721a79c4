"""Names and text as SQL."""

import pytest

from sync_worker.errors import ConfigError
from sync_worker.mysql.quoting import name, names, text


@pytest.mark.parametrize(
    ("given", "sql"),
    [("a", "`a`"), ("a`b", "`a``b`"), ("it's \"x\"", "`it's \"x\"`"), ("sync$1", "`sync$1`"),
     ("Größe", "`Größe`"), ("a.b", "`a.b`"), ("new", "`new`")],
)  # fmt: skip
def test_a_name_stands_in_backticks(given, sql):
    assert name(given) == sql


@pytest.mark.parametrize(
    ("given", "words"), [("", "cannot be"), ("a\0b", "cannot be"), ("x\N{GRINNING FACE}", "emoji")]
)
def test_a_name_that_no_server_allows_is_refused(given, words):
    with pytest.raises(ConfigError, match=words):
        name(given)


def test_names_are_joined_and_only_the_row_of_a_trigger_is_not_quoted():
    assert names("s", "t`") == "`s`.`t```"
    assert names("NEW", "c") == "NEW.`c`"


@pytest.mark.parametrize(
    ("given", "sql"),
    [("", "''"), ("plain: 1%", "'plain: 1%'"), ('"', "'\"'"), ("'", "_utf8mb4 0x27"),
     ("\\", "_utf8mb4 0x5c"), ("ä", "_utf8mb4 0xc3a4"), ("\t", "_utf8mb4 0x09")],
)  # fmt: skip
def test_text_is_the_same_under_every_sql_mode(given, sql):
    assert text(given) == sql
