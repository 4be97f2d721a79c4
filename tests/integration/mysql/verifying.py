"""What the tests of verify share: rows, a verification, its counts."""

from __future__ import annotations

from typing import Any

from delivering import Stand
from installing import Place

from sync_worker.verify import Report, verify_table


def fill(place: Place, rows: int) -> None:
    values = ",".join(f"({i},'näme {i}',{i}.5,{i % 7})" for i in range(1, rows + 1))
    place.run(f"INSERT INTO product VALUES {values}")


def verify(stand: Stand, **options: Any) -> Report:
    return verify_table(stand.config, stand.table, stand.session, stand.client, **options)


def counts(report: Report) -> tuple[int, int, int]:
    return report.found["missing"], report.found["stale"], report.found["orphan"]


def assert_mended(stand: Stand) -> None:
    report = verify(stand, repair=True)
    assert report.in_step, report.document()
    again = verify(stand)
    assert counts(again) == (0, 0, 0), again.document()
    assert again.in_step
