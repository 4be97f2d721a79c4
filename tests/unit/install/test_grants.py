"""SHOW GRANTS read as rights."""

from __future__ import annotations

import pytest

from sync_worker.mysql.grants import parse, quote_account

LINES = [
    "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*X'",
    "GRANT SELECT, LOCK TABLES ON `shop`.* TO `a`@`%`",
    "GRANT SELECT (id, name), TRIGGER ON `other`.`t` TO `a`@`%`",
    "GRANT INSERT ON `sync\\_worker`.* TO `a`@`%`",
    "GRANT DELETE ON `test%`.* TO `a`@`%`",
    "GRANT `role`@`%` TO `a`@`%`",
]


@pytest.mark.parametrize(
    ("privilege", "schema", "table", "allowed"),
    [
        ("SELECT", "shop", "product", True),
        ("LOCK TABLES", "shop", "*", True),
        ("INSERT", "shop", "product", False),
        ("SELECT", "other", "t", True),
        ("SELECT", "other", "u", False),
        ("INSERT", "sync_worker", "x", True),
        ("INSERT", "syncXworker", "x", False),
        ("DELETE", "test_1", "x", True),
        ("SUPER", "*", "*", False),
    ],
)
def test_a_right_is_found_where_it_was_granted(privilege, schema, table, allowed):
    assert parse(LINES).allow(privilege, schema, table) is allowed


def test_all_privileges_on_everything_are_every_right():
    rights = parse(["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"])
    assert rights.allow("SUPER")
    assert rights.allow("TRIGGER", "any", "table")


def test_accounts_are_quoted():
    assert quote_account("a`b@10.0.0.%") == "`a``b`@`10.0.0.%`"
