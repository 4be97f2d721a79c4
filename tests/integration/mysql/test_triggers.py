"""The events that each kind of statement leaves in the outbox."""

from __future__ import annotations

import contextlib
import threading

import mysql.connector
import pytest
from installing import PRODUCT, Place

pytestmark = pytest.mark.matrix


@pytest.fixture
def product(place: Place) -> Place:
    """The table `product` with the rows 1 and 2, and triggers that have not fired yet."""
    place.run(PRODUCT, "INSERT INTO product VALUES (1, 'a', 1, 1), (2, 'b', 2, 1)")
    place.install()
    return place


STATEMENTS = [
    ("INSERT INTO product VALUES (3, 'c', 1, 1)", [3]),
    ("INSERT INTO product VALUES (3, 'c', 1, 1), (4, 'd', 1, 1), (5, 'e', 1, 1)", [3, 4, 5]),
    ("INSERT INTO product SELECT id + 10, name, price, owner FROM product", [11, 12]),
    ("INSERT IGNORE INTO product VALUES (1, 'x', 1, 1), (3, 'c', 1, 1)", [3]),
    ("UPDATE product SET price = price + 1", [1, 2]),
    ("UPDATE product SET price = price", [1, 2]),  # an update without a change fires too
    ("UPDATE product SET price = 9 WHERE id = 99", []),
    ("UPDATE product SET id = 9 WHERE id = 1", [1, 9]),
    ("UPDATE product SET id = id + 1 ORDER BY id DESC", [2, 3, 1, 2]),
    ("REPLACE INTO product VALUES (3, 'c', 1, 1)", [3]),
    ("REPLACE INTO product VALUES (1, 'z', 1, 1)", [1, 1]),
    ("INSERT INTO product VALUES (1, 'z', 1, 1) ON DUPLICATE KEY UPDATE price = 7", [1]),
    ("INSERT INTO product VALUES (3, 'z', 1, 1) ON DUPLICATE KEY UPDATE price = 7", [3]),
    ("INSERT INTO product VALUES (1, 'z', 1, 1) ON DUPLICATE KEY UPDATE id = 8", [1, 8]),
    ("DELETE FROM product WHERE id = 2", [2]),
    ("DELETE FROM product", [1, 2]),
    ("DELETE p FROM product p JOIN product q ON q.id = 1 WHERE p.id = 2", [2]),
    ("TRUNCATE TABLE product", []),  # found by verify
]


@pytest.mark.parametrize(("statement", "expected"), STATEMENTS, ids=[s for s, _ in STATEMENTS])
def test_a_statement_leaves_the_events_of_its_rows(
    product: Place, statement: str, expected: list[int]
) -> None:
    product.run(statement)
    assert product.events() == expected


def test_what_is_rolled_back_leaves_no_event(product: Place) -> None:
    product.run(
        "START TRANSACTION",
        "UPDATE product SET price = 5 WHERE id = 1",
        "SAVEPOINT s",
        "UPDATE product SET price = 6 WHERE id = 2",
        "ROLLBACK TO SAVEPOINT s",
        "COMMIT",
        "START TRANSACTION",
        "DELETE FROM product",
        "ROLLBACK",
    )
    assert product.events() == [1]


def test_a_statement_that_fails_half_way_leaves_no_event(product: Place) -> None:
    with pytest.raises(mysql.connector.IntegrityError):
        product.run("INSERT INTO product VALUES (3, 'c', 1, 1), (1, 'a', 1, 1)")
    assert product.events() == []


def test_the_applications_last_insert_id_is_its_own(place: Place) -> None:
    place.run("CREATE TABLE product (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(9))")
    place.install()
    with contextlib.closing(place.connection.cursor()) as cursor:
        cursor.execute("INSERT INTO product (name) VALUES ('a'), ('b')")
        assert cursor.lastrowid == 1
        assert cursor.rowcount == 2
        cursor.execute("SELECT LAST_INSERT_ID()")
        assert cursor.fetchall() == [(1,)]
        cursor.execute("UPDATE product SET name = 'c'")
        assert cursor.rowcount == 2
        cursor.execute("SELECT LAST_INSERT_ID()")
        assert cursor.fetchall() == [(1,)]


def test_a_key_of_several_columns_and_character_sets_is_kept_byte_for_byte(place: Place) -> None:
    place.run(
        "CREATE TABLE product (a VARCHAR(20) CHARACTER SET latin1 NOT NULL,"
        " b VARBINARY(8) NOT NULL, c DATE NOT NULL, n INT, PRIMARY KEY (a, b, c))"
    )
    place.install(place.table(key="product:{a}:{b}:{c}"))
    place.run(
        "INSERT INTO product"
        " VALUES ('\N{LATIN SMALL LETTER E WITH ACUTE}', 0x00ff, '2026-01-02', 1)",
        "UPDATE product SET a = '\N{LATIN CAPITAL LETTER E WITH ACUTE}'",  # equal by collation
        "UPDATE product SET n = 2",
    )
    shown = place.rows(
        f"SELECT HEX(`sync$1`), HEX(`sync$2`), `sync$3`+0 FROM {place.outbox()} ORDER BY `sync$id`"
    )
    expected = [("E9", "00FF"), ("E9", "00FF"), ("C9", "00FF"), ("C9", "00FF")]
    assert [row[:2] for row in shown][-4:] == expected
    assert {row[2] for row in shown[-4:]} == {20260102}


def test_sql_mode_and_character_set_of_the_session_do_not_matter(product: Place) -> None:
    product.run(
        "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'",
        "SET NAMES latin1",
        "UPDATE product SET price = 3",
    )
    assert product.events() == [1, 2]


def test_an_application_without_rights_on_the_outbox_can_write(product: Place) -> None:
    user = f"u{product.schema[-12:]}"
    product.run(
        f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY ''",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {product.schema}.* TO {user}@'127.0.0.1'",
    )
    try:
        account = {"user": user, "database": product.schema}
        product.server.execute("INSERT INTO product VALUES (3, 'c', 1, 1)", **account)
        product.server.execute("UPDATE product SET id = 4 WHERE id = 3", **account)
        product.server.execute("DELETE FROM product WHERE id = 4", **account)
        assert product.events() == [3, 3, 4, 4]
        with pytest.raises(mysql.connector.ProgrammingError):
            product.server.execute(f"SELECT * FROM {product.outbox()}", **account)
    finally:
        product.run(f"DROP USER {user}@'127.0.0.1'")


def test_a_replacement_of_triggers_under_load_misses_no_write(product: Place) -> None:
    product.with_functions()
    product.run("DELETE FROM product")
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        connection = product.server.connect(database=product.schema)
        with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
            while not stop.is_set() and len(written) < 5000:
                number = len(written) + 100
                cursor.execute(f"INSERT INTO product VALUES ({number}, 'n', 1, 1)")
                written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            assert product.install(functions="auto")
            assert product.install(functions="no")
    finally:
        stop.set()
        writer.join(60)
    assert len(written) > 10
    assert [event for event in product.events() if event >= 100] == written
