"""The files of sql/ are what the generators make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from servers.script import statements

from install.samples import MARIADB, MYSQL56, product
from sync_worker.mysql import functions as loadable
from sync_worker.mysql.plan import plan, want

SQL = Path(__file__).resolve().parents[3] / "sql"
TIME = 1_760_000_000_000_000


def test_sql_outbox_is_what_install_creates():
    goal = want(product(), definer="", functions=True, sync_function="syncToRedis")
    expected = [step.statement(TIME) for step in plan(goal, None, [], MARIADB)]
    written = [
        statement.strip()
        for statement in statements((SQL / "outbox.sql").read_text())
        if re.match(r"CREATE (TABLE IF NOT EXISTS `sync_worker`|TRIGGER)", statement.strip())
    ]
    assert written == expected


@pytest.mark.parametrize(
    ("name", "server"), [("install-mariadb.sql", MARIADB), ("install-mysql-5.6.sql", MYSQL56)]
)
def test_install_creates_the_functions_of_the_files(name, server):
    text = re.sub(r"/\*.*?\*/|IF NOT EXISTS|OR REPLACE", "", (SQL / name).read_text())
    written = {" ".join(line.split()) for line in re.findall(r"^CREATE [^;]*", text, re.MULTILINE)}
    assert {loadable.create(function) for function in loadable.wanted(server)} == written
