"""What is kept of a record that is set aside, and how it is read again."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import job

from snapshotter.api.records import Reject
from snapshotter.redact import Redaction
from snapshotter.store.reject_payload import (
    LONGEST_REASON,
    NOTHING_CAME,
    RejectedRecord,
    is_whole,
    new_reject,
    read_again,
    shortened,
    time_of,
)


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


def as_it_is(document: Any) -> Any:
    return document


def deep() -> Any:
    nested: Any = "here"
    for _ in range(5_000):
        nested = [nested]
    return nested


def test_secrets_are_hidden_before_the_record_is_kept() -> None:
    kept = new_reject(Reject(7, None, "job 7: no", {"id": 7, "password": "hunter2"}), Redaction())
    assert json.loads(kept.payload) == {"id": 7, "password": "***"}
    assert (kept.job_id, kept.reason) == (7, "job 7: no")


def test_nothing_came() -> None:
    kept = new_reject(Reject(7, None, "job 7: the API answered 500", None), as_it_is)
    assert (kept.payload, kept.digest) == (NOTHING_CAME, None)


def test_a_reason_is_one_line_of_limited_length() -> None:
    kept = new_reject(Reject(7, None, "a\nb" + "c" * 5_000, {}), as_it_is)
    assert kept.reason.startswith(r"a\nbccc")
    assert len(kept.reason) == LONGEST_REASON


def test_a_record_that_nests_too_deep_keeps_its_id_and_times() -> None:
    record = {"id": 7, "created_at": "2026-01-02T03:04:05Z", "x": deep()}
    kept = new_reject(Reject(7, None, "deep", record), as_it_is)
    assert json.loads(kept.payload) == {
        "id": 7,
        "created_at": "2026-01-02T03:04:05Z",
        "$cut": "",
    }


def test_a_digest_is_the_same_for_a_record_of_a_list_and_of_its_own_call() -> None:
    def digest(**fields: Any) -> str | None:
        return new_reject(Reject(7, None, "no", job(**fields)), as_it_is).digest

    assert digest(package={"id": 1, "name": "orders"}, cluster=None) == digest(package={"id": 1})
    assert digest() != digest(status="failed")


def test_records_without_an_id_that_are_alike_differ_by_their_reason() -> None:
    first, second = (
        new_reject(Reject(None, None, reason, "oops"), as_it_is)
        for reason in ("offset 3", "offset 8")
    )
    assert first.payload == second.payload
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        (
            '{"id": 7, "updated_at": "x", "status": "failed"}',
            {
                "id": 7,
                "updated_at": "x",
                "$cut": '{"id": 7, "updated_at": "x", "status": "failed"}',
            },
        ),
        ('{"id": [7]}', {"$cut": '{"id": [7]}'}),
        ("no JSON", {"$cut": "no JSON"}),
        ('["' + "x" * 20_000 + '"]', {"$cut": '["' + "x" * 9_998}),
    ],
    ids=["a record", "an odd id", "not JSON", "long"],
)
def test_a_shortened_payload(payload: str, kept: dict[str, Any]) -> None:
    assert json.loads(shortened(payload)) == kept


@pytest.mark.parametrize(
    ("document", "job_id", "expected"),
    [
        ({"id": 7, "status": None}, 7, True),
        ({"id": 7, "$cut": "{"}, 7, False),
        ({"id": 7, "created_at": "2026-01-02T03:04:05Z"}, 7, False),
        (None, 7, False),
        (None, None, True),
        ("words", 7, True),
    ],
)
def test_whether_a_record_is_kept_in_full(
    document: Any,
    job_id: int | None,
    expected: bool,  # noqa: FBT001
) -> None:
    assert is_whole(row(document, job_id)) is expected
