"""Installing the loadable functions, and the accounts that everything needs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mysql.connector
import pytest
from installing import PRODUCT, Place
from servers import Gearmand
from servers.fixtures import StartSqlServer

from sync_worker.mysql import functions as loadable
from sync_worker.mysql import server_checks
from sync_worker.mysql.schema import Server
from sync_worker.mysql.session import Session
from sync_worker.mysql.steps import InstallError

pytestmark = pytest.mark.matrix

StartPlace = Callable[..., Place]


@pytest.fixture
def own_place(own_sql_server: StartSqlServer, shared_gearmand: Gearmand) -> Iterator[StartPlace]:
    """A function that starts a server of this test alone, with the table `shop`.`product`."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str) -> Place:
            conf = f"servers = {shared_gearmand.address}\n"
            server = own_sql_server(*arguments, udf_conf=conf)
            server.execute("CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4")
            connection = stack.enter_context(contextlib.closing(server.connect(database="shop")))
            place = Place(server, connection, shared_gearmand)
            place.run(PRODUCT)
            return place

        yield start


def installed(place: Place) -> set[str]:
    return {name for (name,) in place.rows("SELECT name FROM mysql.func")}


def test_functions_are_created_with_the_rest_and_dropped_on_request(own_place: StartPlace) -> None:
    place = own_place()
    with contextlib.closing(Session(place.settings().mysql)) as session:
        kind = "mariadb" if place.server.kind == "mariadb" else "mysql"
        version = (5, 6, 24) if place.server.kind == "mysql56" else (10, 11, 0)
        wanted = set(loadable.wanted(Server(kind, version)))
        assert not loadable.present(session).usable
    planned = place.install(functions="auto", dry_run=True)
    assert installed(place) == set()
    done = place.install(functions="auto")
    assert len(done) == len(planned)
    assert installed(place) == wanted
    assert place.install(functions="auto") == []
    assert all("gman_post" in body for body in place.triggers().values())
    place.uninstall()
    assert installed(place) == wanted
    place.install(functions="yes")
    place.uninstall(functions=True)
    assert installed(place) == set()


def test_functions_that_another_trigger_calls_stay(own_place: StartPlace) -> None:
    place = own_place()
    place.install(functions="yes")
    place.run("CREATE TRIGGER mine BEFORE INSERT ON product FOR EACH ROW SET @v = gman_version()")
    place.uninstall(functions=True)
    assert "gman_version" in installed(place)
    assert "shop.mine" in place.notes[-1]


def test_functions_that_the_server_has_forgotten_are_an_error_that_says_how_to_recall_them(
    own_place: StartPlace,
) -> None:
    place = own_place("--performance-schema=ON")
    place.run("INSERT INTO mysql.func VALUES ('gman_post', 2, 'gman_udf.so', 'function')", "COMMIT")
    # A server that knows of no function at all says nothing: its performance schema may be off.
    place.run("CREATE FUNCTION gman_version RETURNS INTEGER SONAME 'gman_udf.so'")
    if place.server.kind != "mysql97":  # MySQL 5.6 and MariaDB do not forget, and do not tell
        with contextlib.closing(Session(place.settings().mysql)) as session:
            assert loadable.present(session).forgotten == ()
        return
    with pytest.raises(InstallError, match="forgotten the functions gman_post,") as caught:
        place.install(functions="auto")
    assert place.created() == set()
    recall = caught.value.cure.split(", then")[0]
    assert recall == "DELETE FROM mysql.func WHERE name IN ('gman_post')"
    with contextlib.closing(Session(place.settings().mysql)) as session:
        found = list(server_checks.check_functions(session, place.settings(), "1"))
    assert [(one.state, one.cure) for one in found] == [("FAIL", caught.value.cure)]
    place.run(recall, "COMMIT")
    place.install(functions="yes")
    assert "gman_post" in installed(place)


def test_the_library_file_is_copied_where_that_can_be_done(own_place: StartPlace) -> None:
    place = own_place()
    target = place.server.plugin_dir / loadable.FILE
    target.unlink()
    place.install(functions="yes")
    assert target.read_bytes() == loadable.PACKAGED.read_bytes()
    assert "is copied to" in place.notes[0]


def test_without_the_file_the_relay_polls_and_direct_delivery_is_an_error_that_says_how(
    own_place: StartPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = own_place()
    (place.server.plugin_dir / loadable.FILE).unlink()
    monkeypatch.setattr(loadable, "PACKAGED", Path("/nowhere/gman_udf.so"))
    for options, table in (
        ({"functions": "yes"}, place.table()),
        ({"functions": "auto"}, place.table(delivery="direct")),
    ):
        with pytest.raises(InstallError, match="is not there") as caught:
            place.install(table, **options)
        assert "copy /nowhere/gman_udf.so to" in caught.value.cure
        assert place.created() == set()
    with pytest.raises(InstallError, match=r"direct delivery .* needs the loadable functions"):
        place.install(place.table(delivery="direct"), functions="no")
    place.install(functions="auto")
    assert "the relay polls" in place.notes[-1]
    assert not any("gman_" in body for body in place.triggers().values())


def test_a_file_that_is_no_library_leaves_nothing(own_place: StartPlace) -> None:
    place = own_place()
    (place.server.plugin_dir / loadable.FILE).write_bytes(b"no library")
    with pytest.raises(InstallError, match="create function gman_servers_set"):
        place.install(functions="yes")
    assert installed(place) == set()
    assert place.created() == set()
    place.install(functions="auto")
    assert len(place.triggers()) == 3


def test_with_the_binary_log_on_an_account_without_super_is_told_before_anything_happens(
    own_place: StartPlace,
) -> None:
    place = own_place(
        "--log-bin=binlog", "--server-id=1", "--log-bin-trust-function-creators=0",
        "--binlog-format=ROW",
    )  # fmt: skip
    grant(place)
    with pytest.raises(InstallError, match="the binary log is on") as caught:
        place.install(settings=place.settings(user="sync_install"))
    assert "log_bin_trust_function_creators = 1" in caught.value.cure
    assert place.created() == set()
    place.install()  # root has SUPER
    place.uninstall()
    place.run("SET GLOBAL log_bin_trust_function_creators = 1")
    place.install(settings=place.settings(user="sync_install"))
    assert len(place.triggers()) == 3


# The grants of docs/install.md.


def grants_of_the_manual(place: Place) -> list[str]:
    manual = Path(__file__).resolve().parents[3] / "docs" / "install.md"
    block = manual.read_text().split("<!-- grants -->")[1].split("```sql\n")[1].split("```")[0]
    lines = [line.partition("--")[0].strip() for line in block.splitlines()]
    statements = [part.strip() for part in " ".join(lines).split(";") if part.strip()]
    return [
        s.replace("sync_worker.*", f"{place.outboxes}.*").replace("'%'", "'127.0.0.1'")
        for s in statements
    ]


def grant(place: Place) -> None:
    for user in ("sync_install", "sync_worker", "sync_trigger", "shop_app"):
        place.run(f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY ''")
    place.run(*grants_of_the_manual(place))


def test_the_accounts_of_the_manual_suffice_and_the_definer_needs_what_it_has(
    own_place: StartPlace,
) -> None:
    place = own_place()
    grant(place)
    account: dict[str, Any] = {"user": "sync_install"}
    if place.server.kind == "mysql56":
        place.run("GRANT SUPER ON *.* TO sync_install@'127.0.0.1'")
    place.install(settings=place.settings(**account), functions="yes")
    definer = {**account, "definer": "sync_trigger@127.0.0.1"}
    if place.server.kind == "mariadb":
        place.run("GRANT SET USER ON *.* TO sync_install@'127.0.0.1'")
    if place.server.kind == "mysql97":
        place.run(
            "GRANT SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER ON *.* TO sync_install@'127.0.0.1'"
        )
    assert place.install(settings=place.settings(**definer), functions="yes")
    assert place.install(settings=place.settings(**definer), functions="yes") == []

    shop = {"user": "shop_app", "database": "shop"}
    place.server.execute("INSERT INTO product VALUES (1, 'a', 1, 1), (2, 'b', 1, 1)", **shop)
    place.server.execute("UPDATE product SET id = id + 10", **shop)
    place.server.execute("DELETE FROM product WHERE id = 11", **shop)
    assert place.events() == [1, 2, 1, 11, 2, 12, 11]

    relay = {"user": "sync_worker"}
    outbox = place.outbox()
    place.server.execute(
        f"SELECT * FROM {outbox} o JOIN shop.product p ON p.id=o.`sync$1`", **relay
    )
    place.server.execute(
        f"INSERT INTO {outbox} (`sync$1`) SELECT id FROM shop.product LOCK IN SHARE MODE", **relay
    )
    place.server.execute(f"DELETE FROM {outbox}", **relay)
    with pytest.raises(mysql.connector.ProgrammingError):
        place.server.execute("DELETE FROM shop.product", **relay)

    place.run(f"REVOKE INSERT ON {place.outboxes}.* FROM sync_trigger@'127.0.0.1'")
    place.uninstall(force=True)
    with pytest.raises(InstallError, match=r"sync_trigger@127.0.0.1 lacks INSERT on .*outbox"):
        place.install(settings=place.settings(definer="sync_trigger@127.0.0.1"))
    assert place.created() == set()


def test_a_definer_that_does_not_exist_is_an_error_and_nothing_is_left(
    own_place: StartPlace,
) -> None:
    place = own_place()
    with pytest.raises(InstallError, match="its definer is no account of this server"):
        place.install(settings=place.settings(definer="nobody@nowhere"))
    assert place.created() == set()


def test_a_lack_of_rights_in_the_middle_leaves_nothing(own_place: StartPlace) -> None:
    place = own_place()
    grant(place)
    place.run("CREATE DATABASE other", "CREATE TABLE other.t (id INT NOT NULL PRIMARY KEY)")
    place.run("GRANT SELECT ON other.* TO sync_install@'127.0.0.1'")
    if place.server.kind == "mysql56":
        place.run("GRANT SUPER ON *.* TO sync_install@'127.0.0.1'")
    other = place.table("t", key="t:{id}")
    object.__setattr__(other, "name", "other.t")
    settings = place.settings(place.table(), other, user="sync_install")
    with pytest.raises(InstallError, match=r"lacks TRIGGER on other\.t"):
        place.install(settings=settings)
    assert place.created() == set()
