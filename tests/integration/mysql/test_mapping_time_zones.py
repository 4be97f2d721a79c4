"""A TIMESTAMP is the same bytes whatever the session's time zone, in the hour that comes twice."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from mapping_case import Case, key_of, row_of
from servers.fixtures import StartSqlServer

pytestmark = pytest.mark.matrix

# 02:30 in Berlin both; then the hour that is left out in spring; then winter.
MOMENTS = [
    "2026-10-25 00:30:00.5",
    "2026-10-25 01:30:00.5",
    "2026-03-29 01:00:00",
    "2026-12-31 23:59:59.999",
]
SHOWN = [f"{m}{'' if '.' in m else '.'}".ljust(23, "0") for m in MOMENTS]


@pytest.fixture
def berlin(own_sql_server: StartSqlServer) -> Any:
    """A server whose SYSTEM time zone changes to summer time and back."""
    server = own_sql_server(environment={"TZ": "Europe/Berlin"})
    server.execute("CREATE DATABASE zones DEFAULT CHARACTER SET utf8mb4")
    return server


def test_timestamps_are_utc_for_relay_triggers_and_every_session(berlin: Any) -> None:
    with contextlib.closing(berlin.connect(database="zones")) as db:
        case = Case(
            db,
            "id INT, at TIMESTAMP(3) NOT NULL DEFAULT '2000-01-01', n INT, PRIMARY KEY (id, at)",
            key="{id}:{at}",
        )
        rows = ",".join(f"({id}, '{moment}', 0)" for id, moment in enumerate(MOMENTS))
        case.run(f"INSERT INTO t VALUES {rows}")
        expected = case.relayed()
        assert [row_of(line)["at"] for line in expected] == SHOWN
        assert [key_of(line) for line in expected] == [f"{i}:{at}" for i, at in enumerate(SHOWN)]
        assert case.logged("insert") == expected
        for zone in ("SYSTEM", "+05:30", "-12:00", "+00:00"):
            with contextlib.closing(berlin.connect(database="zones")) as other:
                other.cmd_query(f"SET SESSION time_zone = '{zone}', sql_mode = ''")
                assert case.selected(other) == expected, zone
                case.run("TRUNCATE TABLE log", f"DELETE FROM {case.outbox.sql}")
                other.cmd_query("UPDATE t SET n = 0")
                other.cmd_query("UPDATE t SET n = n + 1 ORDER BY id")
            assert case.logged("update")[-4:] == case.relayed()[-4:], zone
            assert [row_of(line)["at"] for line in case.relayed()[-4:]] == SHOWN
            case.run("UPDATE t SET n = 0")
