"""The status file."""

import json
import time

import pytest

from running.samples import process, report
from sync_worker import status
from sync_worker.status import NAME, StatusUnreadable


def test_what_is_written_is_read_back(tmp_path):
    written = report([process(1, applied=3), process(2, applied=4)])
    status.write(tmp_path, written)
    assert status.read(tmp_path) == written
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_the_document_has_totals(tmp_path):
    status.write(tmp_path, report([process(1, applied=3), process(2, applied=4)]))
    assert json.loads((tmp_path / NAME).read_text())["totals"]["applied"] == 7


def test_there_may_be_none(tmp_path):
    assert status.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}'])
def test_another_file_is_a_clear_error(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(StatusUnreadable, match=r"is no status file of this program"):
        status.read(tmp_path)


def test_a_newer_format_is_said_so(tmp_path):
    (tmp_path / NAME).write_text('{"format": 99}')
    with pytest.raises(StatusUnreadable, match="has format 99; this program reads format 1"):
        status.read(tmp_path)


def test_an_old_report_is_not_fresh():
    assert report([]).fresh
    assert not report([], written_at=time.time() - 60).fresh


def test_a_directory_that_is_gone_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        status.write(tmp_path / "none", report([]))
