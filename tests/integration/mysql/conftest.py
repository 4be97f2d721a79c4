"""A schema with tables of a test, and what `install` puts beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from installing import Place
from servers import Gearmand, SqlServer


@pytest.fixture
def place(sql_server: SqlServer, shared_gearmand: Gearmand, db: Any) -> Iterator[Place]:
    """A place on the shared database server."""
    place = Place(sql_server, db, shared_gearmand)
    yield place
    sql_server.execute(f"DROP DATABASE IF EXISTS {place.outboxes}")
    assert sql_server.alive, sql_server.log_tail()
