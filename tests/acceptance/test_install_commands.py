"""init, check-config, install, triggers diff, doctor and uninstall, as one types them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_instance import Instance
from servers import Gearmand, RedisServer, SqlServer

from sync_worker.config import load

pytestmark = pytest.mark.matrix


@pytest.fixture
def shop(db: Any, sql_server: SqlServer) -> Iterator[str]:
    """A schema with the tables `product` and `order item`; its outboxes go to outbox_SCHEMA."""
    schema = str(db.database)
    for statement in (
        "CREATE TABLE product (id INT NOT NULL PRIMARY KEY, name VARCHAR(30))",
        "CREATE TABLE `order item` (`order` INT NOT NULL, `no.` INT NOT NULL, note TEXT,"
        " PRIMARY KEY (`order`, `no.`))",
        "CREATE TABLE log (line TEXT)",
    ):
        db.cmd_query(statement)
    yield schema
    sql_server.execute(f"DROP DATABASE IF EXISTS outbox_{schema}")


@pytest.fixture
def instance(
    tmp_path: Path, shared_gearmand: Gearmand, redis_server: RedisServer, sql_server: SqlServer,
    shop: str,
) -> Instance:  # fmt: skip
    instance = Instance(tmp_path, shared_gearmand, redis_server)
    instance.write_config(
        mysql={"host": sql_server.host, "port": sql_server.port, "user": "root"},
        relay={"schema": f"outbox_{shop}"},
    )
    return instance


def run(instance: Instance, *arguments: str, code: int = 0, **env: str) -> str:
    """Run a command; its standard output, once its exit code is as expected."""
    done = instance.cli(*arguments, **env)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 or done.stdout else done.stderr


def test_from_a_live_schema_to_an_installation_and_back(
    instance: Instance, shop: str, sql_server: SqlServer
) -> None:
    assert f"{shop}.product\n" in run(instance, "init")
    product, item = f"{shop}.product", f"{shop}.order item"
    assert "is there already\nTry:" in run(instance, "init", product, code=1)
    run(instance, "init", "--force", product, item)
    keys = [table.key for table in load(instance.config).tables]
    assert keys == ["product:{id}", "order item:{order}:{no.}"]

    printed = run(instance, "check-config")
    assert tomllib.loads(printed)["table"][0]["name"] == product
    again = instance.directory / "again.toml"
    again.write_text(printed)
    assert load(again).tables == load(instance.config).tables

    planned = run(instance, "install", "--functions", "no", "--dry-run")
    assert planned.startswith("DELIMITER $$\nCREATE DATABASE")
    assert planned.count("CREATE TRIGGER") == 6
    difference = run(instance, "triggers", "diff", "--functions", "no", code=1)
    assert difference.count("+++ wanted/") == 6
    path = instance.directory / "planned.sql"
    path.write_text(planned)
    sql_server.run_script(path)  # what a dry run prints can be run by hand
    assert run(instance, "install", "--functions", "no") == "Nothing to do.\n"
    assert run(instance, "triggers", "diff", "--functions", "no") == ""

    sql_server.execute(f"DROP TRIGGER `{shop}`.`sync_product_update`")
    difference = run(instance, "triggers", "diff", "--functions", "no", code=1)
    assert difference.splitlines()[:2] == [
        f"--- server/{shop}.sync_product_update", f"+++ wanted/{shop}.sync_product_update"
    ]  # fmt: skip
    assert run(instance, "install", "--functions", "no").startswith("Installed (")

    sql_server.execute(f"INSERT INTO `{shop}`.product VALUES (1, 'a'), (2, 'b')")
    refused = run(instance, "uninstall", code=1)
    assert re.search(r"Error: outbox .*: events wait in it .*\nTry: .*--force", refused)
    assert "DROP TRIGGER" in run(instance, "uninstall", "--force", "--dry-run")
    assert run(instance, "uninstall", "--force").startswith("Removed (")
    assert run(instance, "uninstall") == "Nothing to do.\n"


def test_a_failing_installation_says_error_and_try(
    instance: Instance, shop: str, sql_server: SqlServer
) -> None:
    instance.config.write_text(
        instance.config.read_text() + f'\n[[table]]\nname = "{shop}.product"\nkey = "p:{{id}}"\n'
    )
    sql_server.execute(
        f"CREATE TRIGGER `{shop}`.sync_product_insert AFTER INSERT ON `{shop}`.product "
        "FOR EACH ROW SET @x = 1"
    )
    shown = run(instance, "install", code=1)
    assert "sync_product_insert is there already" in shown
    assert "\nTry: rename or drop it" in shown
    shown = run(instance, "install", code=2, SYNC_WORKER_MYSQL_USER="nobody_at_all")
    assert "refuses this user" in shown


def test_a_table_without_a_primary_key_or_without_existence_is_not_configured(
    instance: Instance, shop: str
) -> None:
    before = instance.config.read_text()
    shown = run(instance, "init", "--force", f"{shop}.log", code=2)
    assert "has no primary key" in shown
    assert "does not exist" in run(instance, "init", "--force", f"{shop}.nothing", code=2)
    assert instance.config.read_text() == before


def test_init_takes_the_account_from_options_and_the_password_from_a_file(
    instance: Instance, shop: str, sql_server: SqlServer, tmp_path: Path
) -> None:
    user = shop[-12:].replace("_", "u")
    account = f"`{user}`@'127.0.0.1'"
    sql_server.execute(f"CREATE USER {account} IDENTIFIED BY 'open sesame'")
    sql_server.execute(f"GRANT SELECT ON `{shop}`.* TO {account}")
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    target = tmp_path / "new.toml"
    arguments = [
        "init", "--config", str(target), "--host", sql_server.host, "--port", str(sql_server.port),
        "--user", user, "--password-file", str(secret), f"{shop}.product",
    ]  # fmt: skip
    environment = instance.environment({"SYNC_WORKER_RELAY_POLL": "2s"})
    done = subprocess.run(
        [sys.executable, "-m", "sync_worker", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sql_server.execute(f"DROP USER {account}")
    written = load(target)
    assert (written.mysql.port, written.mysql.user) == (sql_server.port, user)
    assert written.mysql.password_file == secret
    assert written.relay.poll == 2.0
    assert "sesame" not in target.read_text()


def test_doctor_prints_a_line_for_each_finding_and_json_on_request(
    instance: Instance, shop: str
) -> None:
    instance.config.write_text(
        instance.config.read_text() + f'\n[[table]]\nname = "{shop}.product"\nkey = "p:{{id}}"\n'
    )
    shown = run(instance, "doctor", code=1)
    assert re.search(
        r"^FAIL .*has no outbox.*\n     Try: `sync-worker install`$", shown, re.MULTILINE
    )
    assert re.search(r"^OK   Redis 7", shown, re.MULTILINE)
    run(instance, "install")
    shown = run(instance, "doctor")
    assert "FAIL" not in shown
    found = json.loads(run(instance, "doctor", "--json"))
    assert {one["state"] for one in found} <= {"OK", "WARN"}
    assert all(one["cure"] for one in found if one["state"] != "OK")
