"""What is kept of a record that is set aside, and how it is read again."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import job

from snapshotter.store.reject_payload import RejectedRecord, read_again, time_of


def row(document: Any, job_id: int | None = None) -> RejectedRecord:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    return RejectedRecord(1, "acme", job_id, "a reason", json.dumps(document), now)


@pytest.mark.parametrize(
    ("document", "at"),
    [
        ({"updated_at": "2026-01-02T03:04:05Z"}, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ({"updated_at": "2026-01-02T03:04:05+02:00"}, datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ({"updated_at": "2026-01-02T03:04:05"}, None),
        ({"updated_at": "0001-01-01T00:00:00+02:00"}, None),
        ({"updated_at": None}, None),
        ({"updated_at": 7}, None),
        ({}, None),
        (None, None),
        ([], None),
        (7, None),
        ("updated_at", None),
    ],
)
def test_the_time_of_a_record(document: Any, at: datetime | None) -> None:
    assert time_of(row(document), "updated_at") == at


@pytest.mark.parametrize(
    ("document", "job_id", "is_read"),
    [
        (job(id=7), 7, True),
        (job(id=7), None, True),
        (job(id=7), 8, False),
        (job(id="7x"), None, False),
        (None, None, False),
        ({"id": 7, "status": None}, 7, True),
        ({"id": 7, "created_at": "2026-01-02T03:04:05Z"}, 7, False),
    ],
)
def test_reading_again(document: Any, job_id: int | None, is_read: bool) -> None:  # noqa: FBT001
    again = read_again(row(document, job_id))
    assert hasattr(again, "job") == is_read
    if not is_read and job_id is not None:
        assert (again.job_id, again.reason) == (job_id, "a reason")  # type: ignore[union-attr]
