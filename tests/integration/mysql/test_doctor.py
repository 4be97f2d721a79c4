"""What `doctor` finds, on real servers."""

from __future__ import annotations

import dataclasses

import pytest
from installing import PRODUCT, Place
from servers import RedisServer

from sync_worker import config
from sync_worker.doctor import examine
from sync_worker.findings import Finding

pytestmark = pytest.mark.matrix


@pytest.fixture
def healthy(place: Place, redis_server: RedisServer) -> Place:
    place.run(PRODUCT)
    place.install()
    place.redis = config.Redis(url=redis_server.url)
    return place


def findings(
    place: Place, *tables: config.SyncedTable, state: str = "", **mysql: object
) -> list[Finding]:
    """What it finds, of one state if named."""
    settings = dataclasses.replace(place.settings(*tables, **mysql), redis=place.redis)
    return [one for one in examine(settings) if state in ("", one.state)]


def failures(place: Place, *tables: config.SyncedTable, **mysql: object) -> list[str]:
    found = findings(place, *tables, state="FAIL", **mysql)
    assert all(one.cure for one in found)
    return [one.text for one in found]


def warnings(place: Place, *tables: config.SyncedTable) -> list[str]:
    return [one.text for one in findings(place, *tables, state="WARN")]


def only(lines: list[str], part: str) -> None:
    assert [line for line in lines if part in line], lines
    assert len(lines) == 1, lines


def without_functions(place: Place) -> bool:
    return not place.rows("SELECT 1 FROM mysql.func")


def test_a_healthy_installation_has_no_failure(healthy: Place) -> None:
    if not without_functions(healthy):
        healthy.install(functions="auto")
        healthy.with_functions()
    assert failures(healthy) == []
    shown = [one.text for one in findings(healthy, state="OK")]
    for part in ("answers to root", "rights of a relay", "outbox fits", "triggers fit", "Redis 7"):
        assert any(part in line for line in shown), (part, shown)
    assert any("no worker for" in line for line in warnings(healthy))


def test_a_missing_or_changed_trigger_and_a_missing_outbox(healthy: Place) -> None:
    healthy.with_functions()
    healthy.install(functions="auto")
    healthy.run("DROP TRIGGER sync_product_delete")
    only(failures(healthy), "its triggers are missing or not those")
    healthy.install(functions="auto")
    assert failures(healthy) == []
    healthy.run(f"DROP TABLE {healthy.outbox()}")
    only(failures(healthy), "has no outbox")


def test_a_truncated_outbox_is_found_and_install_mends_it(healthy: Place) -> None:
    healthy.with_functions()
    healthy.install(functions="auto")
    healthy.run("INSERT INTO product VALUES (1, 'a', 1, 1)")
    last = max(healthy.ids())
    healthy.run(f"TRUNCATE TABLE {healthy.outbox()}")
    only(failures(healthy), "was truncated or restored")
    healthy.install(functions="auto")
    assert failures(healthy) == []
    healthy.run("UPDATE product SET price = 2")
    assert min(healthy.ids()) > last


def test_ids_above_the_clock_are_fatal_for_direct_delivery_alone(healthy: Place) -> None:
    healthy.with_functions()
    healthy.install(functions="auto")
    ahead = f"UNIX_TIMESTAMP() * 1000000 + {3600 * 1_000_000}"
    healthy.run(f"INSERT INTO {healthy.outbox()} VALUES (CAST({ahead} AS SIGNED), 1)")
    assert failures(healthy) == []
    assert any("ahead of the server's clock" in line for line in warnings(healthy))
    direct = healthy.table(delivery="direct")
    healthy.install(direct, functions="auto")
    only(failures(healthy, direct), "rows sent now are refused")


def test_events_that_wait_long_are_pointed_out(healthy: Place) -> None:
    healthy.with_functions()
    healthy.install(functions="auto")
    late = f"UNIX_TIMESTAMP() * 1000000 - {3600 * 1_000_000}"
    healthy.run(
        f"INSERT INTO {healthy.outbox()} VALUES (CAST({late} AS SIGNED), 1)",
        "INSERT INTO product VALUES (1, 'a', 1, 1)",
    )
    assert any("events wait, the oldest for 3" in line for line in warnings(healthy))


def test_a_dropped_key_column_and_a_wrong_entry_name_the_field(healthy: Place) -> None:
    healthy.run(
        "CREATE TABLE other (id INT NOT NULL PRIMARY KEY, code INT NOT NULL, UNIQUE KEY (code))"
    )
    table = healthy.table("other", key="other:{code}")
    healthy.install(table)
    healthy.run("ALTER TABLE other DROP COLUMN code")
    only(failures(healthy, table), "key = 'other:{code}' names no column: 'code'")
    wrong = healthy.table(columns=("id", "nonsense"))
    only(failures(healthy, wrong), "columns names no column: 'nonsense'")


def test_a_table_that_is_no_longer_configured_is_pointed_out(healthy: Place) -> None:
    healthy.run("CREATE TABLE other (id INT NOT NULL PRIMARY KEY)")
    found = warnings(healthy, healthy.table("other"))
    assert any("sync_product_insert is left over" in line for line in found)


def test_direct_delivery_without_a_job_server_of_the_database_is_a_failure(
    healthy: Place,
) -> None:
    healthy.with_functions()
    direct = healthy.table(delivery="direct")
    healthy.install(direct, functions="auto")
    healthy.run(
        "DO gman_servers_set('127.0.0.1:1')", f"DO gman_do_background('{healthy.function}', '')"
    )
    try:
        found = failures(healthy, direct)
        assert any("cannot reach job server 127.0.0.1:1" in line for line in found), found
    finally:
        healthy.with_functions()


def test_a_lack_of_rights_names_the_account_and_the_right(healthy: Place) -> None:
    user = f"u{healthy.schema[-12:]}"
    healthy.run(
        f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY ''",
        f"GRANT SELECT ON {healthy.schema}.* TO {user}@'127.0.0.1'",
    )
    try:
        found = failures(healthy, user=user)
        assert any(f"lacks SELECT on {healthy.outboxes}.*" in line for line in found), found
    finally:
        healthy.run(f"DROP USER {user}@'127.0.0.1'")


def test_servers_that_are_away_are_failures_and_the_others_are_still_looked_at(
    healthy: Place,
) -> None:
    healthy.redis = config.Redis(url="redis://127.0.0.1:1/0")
    settings = dataclasses.replace(
        healthy.settings(port=1),
        redis=healthy.redis,
        gearman=config.Gearman(servers=("127.0.0.1:1",)),
    )
    found = [one for one in examine(settings) if one.state == "FAIL"]
    assert [one.text.split(":")[0] for one in found] == [
        "database server", "job server 127.0.0.1", "Redis",
    ]  # fmt: skip


def test_a_wrong_password_is_a_failure_that_names_the_section(healthy: Place) -> None:
    found = findings(healthy, state="FAIL", user="nobody", password="wrong")
    assert any("refuses this user" in one.text and "[mysql]" in one.cure for one in found), found


def test_the_library_of_another_version_is_a_warning(
    healthy: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy.with_functions()
    monkeypatch.setattr("sync_worker.doctor.__version__", "9.9.9")
    assert any("sync-worker is 9.9.9" in line for line in warnings(healthy))
