"""What `uninstall` removes, and what it refuses to."""

from __future__ import annotations

import pytest
from installing import PRODUCT, Place

from sync_worker.errors import ConfigError
from sync_worker.mysql.steps import InstallError

pytestmark = pytest.mark.matrix


@pytest.fixture
def installed(place: Place) -> Place:
    place.run(PRODUCT, "CREATE TABLE other (id INT NOT NULL PRIMARY KEY)")
    place.install(place.table(), place.table("other"))
    return place


def test_uninstall_removes_all_that_was_installed_and_a_second_run_nothing(
    installed: Place,
) -> None:
    assert installed.uninstall()
    assert installed.created() == set()
    assert installed.uninstall() == []


def test_waiting_events_are_refused_unless_forced(installed: Place) -> None:
    everything = installed.created()
    installed.run("INSERT INTO product VALUES (1, 'a', 1, 1), (2, 'b', 1, 1)")
    with pytest.raises(InstallError, match="events wait in it") as caught:
        installed.uninstall()
    assert "--force" in caught.value.cure
    assert installed.created() == everything
    installed.uninstall(force=True)
    assert installed.created() == set()


def test_one_table_can_be_removed_even_when_it_is_not_configured(installed: Place) -> None:
    installed.uninstall(installed.table("other"), tables=[f"{installed.schema}.product"])
    assert installed.created() == {
        "schema", "progress of backfills", f"outbox {installed.schema}.other",
        *(f"trigger sync_other_{event}" for event in ("insert", "update", "delete")),
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"expected schema\.table"):
        installed.uninstall(tables=["product"])


def test_a_schema_with_a_table_of_somebody_else_stays(installed: Place) -> None:
    installed.run(f"CREATE TABLE {installed.outboxes}.notes (a INT)")
    installed.uninstall()
    assert installed.created() == {"schema", "outbox notes"}
    assert "it holds notes" in installed.notes[0]


def test_an_outbox_whose_table_is_gone_is_removed(installed: Place) -> None:
    installed.run("DROP TABLE product")
    installed.uninstall()
    assert installed.created() == set()
