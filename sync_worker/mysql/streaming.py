"""Queries whose result may be larger than what is to be held in memory."""

from __future__ import annotations

from typing import Any

import mysql.connector

from .session import Session, classified

_ROWS = 100  # fetched at once


def rows_up_to(
    session: Session, statement: str, most_bytes: int
) -> tuple[list[tuple[Any, ...]], bool]:
    """The first rows of a query until they have about `most_bytes`, and whether these are all.

    At least one row is given. Values are bytes or None. Raises as Session.rows does.
    """
    found: list[tuple[Any, ...]] = []
    size = 0
    complete = True
    cursor = session.connection.cursor(raw=True)
    try:
        cursor.execute(statement)
        while rows := cursor.fetchmany(_ROWS):
            for row in rows:
                if size >= most_bytes:
                    complete = False  # the rest has to be fetched, but need not be kept
                    break
                found.append(tuple(None if v is None else bytes(v) for v in row))
                size += sum(len(v) for v in row if v is not None)
    except mysql.connector.Error as error:
        raise classified(error) from error
    else:
        cursor.close()
    return found, complete
