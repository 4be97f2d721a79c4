"""Which statements a table needs, by what is there."""

from __future__ import annotations

import dataclasses
import re

import pytest

from install.samples import MARIADB, MYSQL56, product
from sync_worker.mysql.inspect import FoundOutbox, FoundTrigger
from sync_worker.mysql.outbox import comment
from sync_worker.mysql.plan import Wanted, plan, refuse_conflicts, want
from sync_worker.mysql.steps import InstallError

NOW = 1_800_000_000_000_000
EARLIER = 1_700_000_000_000_000


def wanted(definer="", functions=True, **entry):
    return want(product(**entry), definer=definer, functions=functions, sync_function="syncToRedis")


def found(goal: Wanted, **changes):
    """The triggers of `goal` as they would be found."""
    made = [
        FoundTrigger(t.schema, t.name, t.table, t.event, "after", t.body, "root@localhost")
        for t in goal.triggers
    ]
    return [dataclasses.replace(trigger, **changes) for trigger in made]


def outbox(columns=(("sync$1", "int(11)"),), next_id=EARLIER, since=EARLIER):
    return FoundOutbox("sync_worker", "shop.product", columns, next_id, comment(since))


def statements(steps):
    texts = [re.sub(r" DEFINER=\S+", "", step.statement(NOW)) for step in steps]
    return [" ".join(text.split()[:2]) for text in texts]


def test_nothing_is_there():
    goal = wanted()
    steps = plan(goal, None, [], MARIADB)
    assert statements(steps) == ["CREATE TABLE", *["CREATE TRIGGER"] * 3]
    assert f"AUTO_INCREMENT={NOW}" in steps[0].statement(NOW)
    assert all(step.undo for step in steps)


def test_a_server_that_forgets_ids_gets_a_first_event():
    steps = plan(wanted(), None, [], MYSQL56)
    assert statements(steps)[:2] == ["CREATE TABLE", "INSERT INTO"]


def test_everything_is_as_it_should_be():
    goal = wanted()
    assert plan(goal, outbox(), found(goal), MARIADB) == []


@pytest.mark.parametrize(
    ("changes", "definer"),
    [
        ({"body": "BEGIN /* sync-worker */ INSERT INTO `sync_worker`.`x` VALUES (1); END"}, ""),
        ({"timing": "before"}, ""),
        ({}, "sync@localhost"),
    ],
)
def test_what_no_longer_fits_is_replaced_under_the_tables_lock(changes, definer):
    goal = wanted(definer)
    steps = plan(goal, outbox(), found(goal, **changes), MARIADB)
    assert statements(steps) == [
        "LOCK TABLES", *["DROP TRIGGER"] * 3, *["CREATE TRIGGER"] * 3, "UNLOCK TABLES",
    ]  # fmt: skip
    assert steps[1].undo.startswith("CREATE DEFINER=`root`@`localhost` TRIGGER")
    if definer:
        assert "CREATE DEFINER=`sync`@`localhost` TRIGGER" in steps[4].statement(NOW)


def test_a_definer_is_compared_only_when_one_is_configured():
    goal = wanted()
    assert plan(goal, outbox(), found(goal, definer="somebody@else"), MARIADB) == []


@pytest.mark.parametrize(("next_id", "seed"), [(EARLIER, NOW), (NOW + 7, NOW + 7)])
def test_from_direct_to_outbox_ids_begin_above_every_version(next_id, seed):
    direct, goal = wanted(delivery="direct"), wanted()
    steps = plan(goal, outbox(next_id=next_id), found(direct), MARIADB)
    (alter,) = [s.statement(NOW) for s in steps if s.what.startswith("change outbox")]
    assert alter == (
        f"ALTER TABLE `sync_worker`.`shop.product` AUTO_INCREMENT={seed}, "
        f"COMMENT='sync-worker outbox, complete since {seed}'"
    )
    back = plan(direct, outbox(), found(goal), MARIADB)
    assert not [s for s in back if s.what.startswith("change outbox")]


def test_missing_triggers_make_the_outbox_complete_from_now_on():
    goal = wanted()
    steps = plan(goal, outbox(), found(goal)[:2], MARIADB)
    assert statements(steps) == ["LOCK TABLES", "ALTER TABLE", "CREATE TRIGGER", "UNLOCK TABLES"]


def test_a_truncated_outbox_goes_on_above_the_ids_used_before():
    goal = wanted()
    steps = plan(goal, outbox(next_id=1), found(goal), MARIADB)
    assert f"AUTO_INCREMENT={NOW}" in steps[1].statement(NOW)


def test_another_identity_changes_the_columns_of_an_empty_outbox():
    goal = wanted(key="product:{name}")
    steps = plan(goal, outbox(), found(wanted()), MARIADB)
    assert statements(steps) == [
        "LOCK TABLES", "SELECT 1", *["DROP TRIGGER"] * 3, "ALTER TABLE",
        *["CREATE TRIGGER"] * 3, "UNLOCK TABLES",
    ]  # fmt: skip
    assert steps[1].must_be_empty
    alter = steps[5]
    assert "ADD COLUMN `sync$2` varchar(100) CHARACTER SET utf8mb4" in alter.statement(NOW)
    assert alter.undo == "ALTER TABLE `sync_worker`.`shop.product` DROP COLUMN `sync$2`"


def test_where_the_newest_event_always_stays_one_event_counts_as_empty():
    goal = wanted(key="product:{name}")
    steps = plan(goal, outbox(), found(wanted()), MYSQL56)
    assert steps[1].statement(NOW).endswith("LIMIT 1,1")


def test_a_foreign_trigger_is_in_the_way_only_where_one_is_allowed():
    other = FoundTrigger("shop", "audit", "product", "update", "after", "SET @x=1", "a@b")
    refuse_conflicts(wanted(), [other], MARIADB)
    with pytest.raises(InstallError, match="trigger audit is in the way"):
        refuse_conflicts(wanted(), [other], MYSQL56)
    refuse_conflicts(wanted(), [dataclasses.replace(other, timing="before")], MYSQL56)


def test_the_triggers_of_another_sync_worker_are_not_ours():
    goal = wanted()
    others = found(goal, body=goal.triggers[0].body.replace("`sync_worker`", "`second`"))
    with pytest.raises(InstallError, match="is there already and was not made for"):
        plan(goal, outbox(), others, MARIADB)
