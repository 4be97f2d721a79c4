"""What `install` creates, replaces and leaves alone."""

from __future__ import annotations

import re
import time

import pytest
from installing import PRODUCT, Place

from sync_worker.errors import ConfigError
from sync_worker.mysql.steps import InstallError

pytestmark = pytest.mark.matrix

NAMES = {"sync_product_insert", "sync_product_update", "sync_product_delete"}


@pytest.fixture
def product(place: Place) -> Place:
    place.run(PRODUCT)
    return place


def without_times(statements: list[str]) -> list[str]:
    return [re.sub(r"\d{16}", "NOW", statement) for statement in statements]


def next_id(place: Place) -> int:
    text = place.rows(f"SHOW CREATE TABLE {place.outbox()}")[0][1]
    return int(re.search(r"AUTO_INCREMENT=(\d+)", text)[1])


def test_install_creates_schema_outbox_and_triggers_and_a_second_run_nothing(
    product: Place,
) -> None:
    first = product.install()
    assert product.created() == {
        "schema", "progress of backfills", f"outbox {product.schema}.product",
        *(f"trigger {name}" for name in NAMES)
    }  # fmt: skip
    assert len(first) == (7 if product.server.kind == "mysql56" else 6)
    assert product.install() == []
    product.run("INSERT INTO product VALUES (1, 'a', 1, 1)")
    assert product.events() == [1]
    assert product.install() == []


def test_a_dry_run_changes_nothing_and_prints_what_the_run_then_does(product: Place) -> None:
    planned = product.install(dry_run=True)
    assert product.created() == set()
    assert without_times(product.install()) == without_times(planned)
    assert product.uninstall(dry_run=True)
    assert "schema" in product.created()


def test_ids_begin_at_the_clock_and_above_every_id_used_before(product: Place) -> None:
    before = time.time_ns() // 1000
    product.install()
    product.run("INSERT INTO product VALUES (1, 'a', 1, 1)")
    last = max(product.ids())
    assert before <= last <= time.time_ns() // 1000
    product.uninstall(force=True)
    product.install()
    product.run("UPDATE product SET price = 2")
    assert max(product.ids()) > last


def test_the_outbox_says_since_when_it_is_complete(product: Place) -> None:
    def since() -> int:
        ((comment,),) = product.rows(
            "SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
            " AND TABLE_NAME <> 'backfill'",
            product.outboxes,
        )
        return int(re.fullmatch(r"sync-worker outbox, complete since (\d{16})", comment)[1])

    product.install()
    first = since()
    product.run("DROP TRIGGER sync_product_update")
    product.install()  # changes went by unseen meanwhile
    assert since() > first


def test_a_missing_and_a_changed_trigger_are_made_as_they_should_be(product: Place) -> None:
    product.install()
    wanted = product.triggers()
    product.run("DROP TRIGGER sync_product_delete", "DROP TRIGGER sync_product_update")
    body = wanted["sync_product_update"].replace("IF NOT", "IF 1 OR NOT")
    product.run(f"CREATE TRIGGER sync_product_update AFTER UPDATE ON product FOR EACH ROW {body}")
    done = product.install()
    assert product.triggers() == wanted
    assert not [s for s in done if "sync_product_insert" in s]
    assert done[0].startswith("LOCK TABLES")
    assert done[-1] == "UNLOCK TABLES"
    product.run("INSERT INTO product VALUES (1, 'a', 1, 1)")
    assert product.events() == [1]


def test_a_trigger_of_the_same_name_that_is_not_ours_is_an_error(product: Place) -> None:
    product.run("CREATE TRIGGER sync_product_update AFTER UPDATE ON product FOR EACH ROW SET @x=1")
    with pytest.raises(InstallError, match=r"sync_product_update is there already"):
        product.install()
    assert product.created() == {"trigger sync_product_update"}


def test_other_triggers_of_the_table_go_on_working_where_several_are_allowed(
    product: Place,
) -> None:
    product.run("CREATE TRIGGER audit AFTER UPDATE ON product FOR EACH ROW SET @seen = NEW.id")
    if product.server.kind == "mysql56":
        with pytest.raises(InstallError, match=r"trigger audit is in the way: .*5\.6\.24.* one"):
            product.install()
        assert product.created() == {"trigger audit"}
        return
    product.install()
    product.run("INSERT INTO product VALUES (7, 'a', 1, 1)", "UPDATE product SET price = 2")
    assert product.events() == [7, 7]
    assert product.rows("SELECT @seen") == [(7,)]
    product.uninstall(force=True)
    assert product.created() == {"trigger audit"}


def test_a_trigger_before_the_change_is_never_in_the_way(product: Place) -> None:
    product.run(
        "CREATE TRIGGER dear BEFORE INSERT ON product FOR EACH ROW SET NEW.price = NEW.price + 1"
    )
    product.install()
    product.run("INSERT INTO product VALUES (7, 'a', 1, 1)")
    assert product.events() == [7]


def test_a_table_of_the_outboxs_name_that_is_no_outbox_is_an_error(product: Place) -> None:
    product.run(f"CREATE DATABASE {product.outboxes}", f"CREATE TABLE {product.outbox()} (a INT)")
    with pytest.raises(InstallError, match="is there already and is no outbox"):
        product.install()
    assert not product.triggers()


def test_a_later_failure_undoes_what_this_run_created_and_says_which_statement(
    product: Place,
) -> None:
    product.run("CREATE TABLE other (id INT NOT NULL PRIMARY KEY)")
    other = product.table("other", key="other:{id}")
    product.install(product.table())
    kept = product.created()
    body = product.triggers()["sync_product_insert"]
    product.run(
        "CREATE TABLE third (id INT NOT NULL PRIMARY KEY)",
        f"CREATE TRIGGER sync_other_delete AFTER INSERT ON third FOR EACH ROW {body}",
    )
    with pytest.raises(InstallError) as caught:
        product.install(product.table(), other)
    text = str(caught.value)
    assert "create trigger" in text
    assert "CREATE TRIGGER" in text
    assert "sync_other_delete" in text
    assert "undone: create trigger" in text
    assert f"create outbox {product.outboxes}.{product.schema}.other" in text
    assert product.created() == kept | {"trigger sync_other_delete"}


def test_a_failure_at_the_first_table_leaves_nothing_at_all(product: Place) -> None:
    product.run("CREATE TABLE third (id INT NOT NULL PRIMARY KEY)")
    insert = f"INSERT INTO `{product.outboxes}`.`x` VALUES (1)"
    body = f"BEGIN /* sync-worker */ IF 0 THEN {insert}; END IF; END"
    product.run(f"CREATE TRIGGER sync_product_delete AFTER INSERT ON third FOR EACH ROW {body}")
    with pytest.raises(InstallError, match=r"undone: .*create schema"):
        product.install()
    assert product.created() == {"trigger sync_product_delete"}


def test_a_failed_replacement_leaves_the_old_triggers_at_work(product: Place) -> None:
    product.install()
    old = product.triggers()
    product.run(
        "CREATE TABLE other (id INT NOT NULL PRIMARY KEY)",
        "CREATE TABLE third (id INT NOT NULL PRIMARY KEY)",
    )
    body = old["sync_product_insert"]
    product.run(f"CREATE TRIGGER sync_other_delete AFTER INSERT ON third FOR EACH ROW {body}")
    changed = product.table(key="product:{id}:{name}")
    product.run("ALTER TABLE product ADD UNIQUE KEY (id, name)")
    product.run(f"DELETE FROM {product.outbox()}")
    with pytest.raises(InstallError, match=r"undone: .*change outbox"):
        product.install(changed, product.table("other", key="other:{id}"))
    product.run("DROP TRIGGER sync_other_delete")
    assert product.triggers() == old
    product.run("INSERT INTO product VALUES (1, 'a', 1, 1)")
    assert max(product.rows(f"SELECT `sync$1` FROM {product.outbox()}")) == (1,)
    assert product.install() == []


def test_changed_identity_needs_an_empty_outbox(product: Place) -> None:
    product.install()
    changed = product.table(key="product:{id}:{name}")
    product.run("INSERT INTO product VALUES (1, 'a', 1, 1)", "UPDATE product SET price = 3")
    with pytest.raises(InstallError, match="primary key or key template has changed") as caught:
        product.install(changed)
    assert "let `sync-worker run` deliver them" in caught.value.cure
    product.run("UPDATE product SET price = 2")
    last = max(product.ids())
    product.run(f"DELETE FROM {product.outbox()} WHERE `sync$id` < {last}")
    if product.server.kind != "mysql56":
        product.run(f"DELETE FROM {product.outbox()}")
    product.install(changed)
    product.run("UPDATE product SET name = 'b'")
    assert product.events()[-2:] == [(1, "a"), (1, "b")]
    assert max(product.ids()) > last
    assert product.install(changed) == []
    product.run(f"DELETE FROM {product.outbox()} WHERE `sync$id` < {max(product.ids())}")
    if product.server.kind != "mysql56":
        product.run(f"DELETE FROM {product.outbox()}")
    product.install()
    product.run("UPDATE product SET name = 'c'")
    assert product.events()[-1] == 1


def test_a_changed_column_type_of_the_key_changes_the_outbox(product: Place) -> None:
    product.install()
    product.run("ALTER TABLE product MODIFY id BIGINT UNSIGNED NOT NULL")
    done = product.install()
    assert any("MODIFY COLUMN `sync$1` bigint" in statement for statement in done)
    product.run("INSERT INTO product VALUES (18446744073709551615, 'a', 1, 1)")
    assert product.events() == [18446744073709551615]


def test_from_direct_to_outbox_the_ids_are_seeded_anew(product: Place) -> None:
    product.with_functions()
    direct = product.table(delivery="direct")
    product.install(direct, functions="auto")
    before = next_id(product)
    ((version,),) = product.rows("SELECT gman_version()")
    product.install(functions="auto")
    assert next_id(product) > version > before
    assert product.install(functions="auto") == []
    product.install(direct, functions="auto")
    assert product.install(direct, functions="auto") == []


def test_triggers_are_replaced_under_the_lock_of_their_table(product: Place) -> None:
    product.with_functions()
    product.install()
    done = product.install(functions="auto")  # the triggers now ring
    kinds = [" ".join(statement.split()[:2]) for statement in done]
    middle = ["DROP TRIGGER"] * 3 + ["CREATE TRIGGER"] * 3
    assert kinds == ["LOCK TABLES", *middle, "UNLOCK TABLES"]


def test_cascades_and_partitions_are_pointed_out(place: Place) -> None:
    place.run(
        "CREATE TABLE parent (id INT NOT NULL PRIMARY KEY)",
        "CREATE TABLE child (id INT NOT NULL PRIMARY KEY, parent INT, CONSTRAINT to_parent "
        "FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)",
        "CREATE TABLE parted (id INT NOT NULL PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 2",
    )
    tables = [place.table(name) for name in ("parent", "child", "parted")]
    place.install(*tables)
    assert len(place.notes) == 2
    assert "foreign key to_parent to parent (ON DELETE CASCADE" in place.notes[0]
    assert "parted has partitions" in place.notes[1]


def test_names_with_quotes_spaces_dots_and_letters_of_all_sorts(place: Place) -> None:
    odd = 'a `b` .c\' "d" \N{SNOWMAN} %s'
    quoted = odd.replace("`", "``")
    place.run(f"CREATE TABLE `{quoted}` (`{quoted}` INT NOT NULL PRIMARY KEY)")
    table = place.table(f"`{quoted}`", key="odd:{" + odd + "}")
    place.install(table)
    assert place.install(table) == []
    place.run(f"INSERT INTO `{quoted}` VALUES (5)")
    assert len(place.triggers()) == 3
    place.uninstall(table, force=True)
    assert place.created() == set()


def test_without_tables_or_with_one_key_space_for_two_it_says_so(product: Place) -> None:
    product.run("CREATE TABLE other (id INT NOT NULL PRIMARY KEY)")
    with pytest.raises(ConfigError, match="share one key space"):
        product.install(product.table(key="x:{id}"), product.table("other", key="x:{id}"))
    empty = product.settings()
    object.__setattr__(empty, "tables", ())
    with pytest.raises(ConfigError, match=r"there is no \[\[table\]\]"):
        product.install(settings=empty)


def test_left_over_triggers_are_pointed_out_and_left(product: Place) -> None:
    product.run("CREATE TABLE other (id INT NOT NULL PRIMARY KEY)")
    other = product.table("other")
    product.install(product.table(), other)
    product.install(other)
    assert f"`sync-worker uninstall {product.schema}.product`" in product.notes[0]
    assert set(product.triggers()) > NAMES
