import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from samples import job, sample

from snapshotter.api import records
from snapshotter.flatten import JobRows, flatten
from snapshotter.redact import Redaction


def rows(document: Any) -> JobRows:
    return flatten(records.read(json.dumps(document).encode()), Redaction())


def at(words: str) -> datetime:
    return datetime.fromisoformat(words).astimezone(UTC)


def test_one_job_to_its_rows() -> None:
    found = rows(job())
    assert found.job == {
        "id": 7,
        "status": "completed",
        "owner_id": 1,
        "progress": 1.0,
        "outputs_count": 1,
        "created_at": at("2026-01-02T03:04:05Z"),
        "started_at": at("2026-01-02T03:04:15Z"),
        "failed_at": None,
        "completed_at": at("2026-01-02T03:06:05Z"),
        "updated_at": at("2026-01-02T03:06:05Z"),
        "cluster_id": 52,
        "cluster_name": "nightly",
        "cluster_url": None,
        "cluster_nodes": 2,
        "cluster_available_since": None,
        "package_id": 434,
        "package_name": "orders",
        "package_url": None,
        "package_updated_at": None,
        "creator_type": None,
        "creator_id": None,
        "creator_display_name": None,
        "creator_url": None,
        "errors": "",
        "runtime_in_seconds": 110,
        "attempts": None,
        "master_auto_retry_attempts": None,
        "variables": {"day": "'2026-01-01'"},
        "dynamic_variables": None,
        "url": None,
        "html_url": None,
        "log_url": None,
        "extra": None,
        "run_date": date(2026, 1, 2),
        "queue_seconds": 10,
        "finished_at": at("2026-01-02T03:06:05Z"),
        "created_epoch": 1767323045,
        "started_epoch": 1767323055,
        "finished_epoch": 1767323165,
        "cluster_wait_seconds": None,
        "error_fingerprint": None,
    }
    assert found.outputs == [
        {
            "id": 70,
            "job_id": 7,
            "name": "orders",
            "records_count": 1200,
            "progress": None,
            "created_at": at("2026-01-02T03:05:00Z"),
            "updated_at": at("2026-01-02T03:06:00Z"),
            "url": "https://api.xplenty.com/acme/api/jobs/7/outputs/70",
            "preview_url": None,
            "preview_type": None,
            "component_name": "to_db",
            "component_type": "database",
            "fields_digest": "9fa532d3c2f02497",
            "extra": None,
        }
    ]
    assert found.fields == [(70, 1, "id"), (70, 2, "total")]


def test_what_no_column_holds_is_kept_under_its_own_names() -> None:
    document = job(
        new={"a": [1, None]},
        package={"id": 999, "name": "p", "description": "d"},
        creator={"type": "User", "html_url": "h"},
        outputs=[{"id": 70, "colour": "red", "component": {"name": "n", "size": 2**70}}],
        log_summary={"id": 3, "body": "b"},
    )
    found = rows(document)
    assert found.job["extra"] == {
        "new": {"a": [1, None]},
        "package": {"id": 999, "description": "d"},
        "creator": {"html_url": "h"},
        "log_summary": {"id": 3, "body": "b"},
    }
    assert found.outputs[0]["extra"] == {"colour": "red", "component": {"size": 2**70}}


@pytest.mark.parametrize(
    "document",
    [
        job(),
        {"id": 7},
        job(package=None, cluster={}, creator=None, outputs=None, variables=None),
        job(log_summary=None),
        job(log_summary={"id": 3, "body": "b", "new": [1]}),
        job(package={"id": 434, "new": {"token": "x"}}, cluster={"id": 999, "region": None}),
        job(outputs=[{"id": 1, "component": {"new": 1}}, {"id": 2, "component": None}]),
        *sample("list-jobs"),
        sample("job-with-log-summary"),
    ],
)
def test_a_job_of_known_fields_has_the_same_rows_as_one_that_is_searched_for_others(
    document: dict[str, Any],
) -> None:
    record = records.read(json.dumps(document).encode())
    assert record.is_exact
    assert flatten(record, Redaction()) == flatten(
        record._replace(is_exact=False), Redaction("mask", ["no such name"])
    )


def test_the_samples_lose_nothing() -> None:
    """Everything in a sample is in a column or in `extra`."""
    for document in [*sample("list-jobs"), sample("job-with-log-summary")]:
        found = rows(document)
        extra = found.job["extra"] or {}
        for name, value in document.items():
            if name in ("outputs", "package", "cluster", "creator"):
                continue
            held = found.job[name] if name in found.job else extra[name]
            if name.endswith("_at") and isinstance(value, str):
                value = at(value)  # noqa: PLW2901 - as the column has it
            assert held == value, name
        for part in ("package", "cluster", "creator"):
            for name, value in (document.get(part) or {}).items():
                if name in extra.get(part, {}):
                    assert extra[part][name] == value
                    continue
                held = found.job[f"{part}_{name}"]
                assert held == (at(value) if isinstance(held, datetime) else value)


@pytest.mark.parametrize(
    ("fields", "finished_at"),
    [
        ({"completed_at": "2026-01-03T00:00:00Z", "failed_at": None}, "2026-01-03T00:00:00Z"),
        (
            {"status": "failed", "completed_at": None, "failed_at": "2026-01-04T00:00:00Z"},
            "2026-01-04T00:00:00Z",
        ),
        ({"status": "stopped", "completed_at": None}, "2026-01-02T03:06:05Z"),
        ({"status": "running", "completed_at": None}, None),
        ({"status": "paused", "completed_at": "2026-01-03T00:00:00Z"}, None),
        ({"status": None}, None),
    ],
)
def test_when_a_job_finished(fields: dict[str, Any], finished_at: str | None) -> None:
    assert rows(job(**fields)).job["finished_at"] == (finished_at and at(finished_at))


def test_a_job_that_has_not_started_has_no_wait_and_runs_the_day_it_was_made() -> None:
    found = rows(job(status="idle", started_at=None, completed_at=None)).job
    assert (found["queue_seconds"], found["run_date"]) == (None, date(2026, 1, 2))


def test_secrets_are_masked_at_any_depth() -> None:
    found = rows(
        job(
            variables={"DB_PASSWORD": "hunter2", "path": "p", "Api_Key": None},
            dynamic_variables={"conn": {"auth": {"a": "hunter2"}, "host": "h"}},
            settings=[{"secret_thing": ["hunter2"]}],
            outputs=[{"id": 1, "access_token": "hunter2"}],
        )
    )
    assert "hunter2" not in repr(found)
    assert found.job["variables"] == {"DB_PASSWORD": "***", "path": "p", "Api_Key": None}
    assert found.job["dynamic_variables"] == {"conn": {"auth": "***", "host": "h"}}


def test_a_password_in_the_errors_is_hidden() -> None:
    said = "cannot reach jdbc:postgresql://etl:hunter2@warehouse/db"
    assert (
        rows(job(errors=said)).job["errors"]
        == "cannot reach jdbc:postgresql://etl:***@warehouse/db"
    )


@pytest.mark.parametrize(
    ("at", "run_date", "epoch"),
    [
        ("0001-01-01T00:00:00Z", date(1, 1, 1), -62_135_596_800),
        ("0999-12-31T23:59:59Z", date(999, 12, 31), -30_610_224_001),
        ("1969-12-31T23:59:59.5Z", date(1969, 12, 31), -1),
        ("9999-12-31T23:59:59.999999Z", date(9999, 12, 31), 253_402_300_799),
        ("0001-01-01T05:00:00+05:00", date(1, 1, 1), -62_135_596_800),
    ],
)
def test_times_at_the_ends_of_the_calendar(at: str, run_date: date, epoch: int) -> None:
    found = rows(job(started_at=at, created_at="2026-01-02T00:00:00Z", completed_at=at)).job
    created_epoch = 1_767_312_000
    assert (found["run_date"], found["started_epoch"], found["finished_epoch"]) == (
        run_date,
        epoch,
        epoch,
    )
    assert abs(found["queue_seconds"] - (epoch - created_epoch)) <= 1


def test_the_longest_wait_there_can_be() -> None:
    found = rows(
        job(
            created_at="0001-01-01T00:00:00Z",
            started_at="9999-12-31T23:59:59Z",
            cluster={"available_since": "9999-12-31T23:59:59Z"},
        )
    ).job
    assert found["queue_seconds"] == found["cluster_wait_seconds"] == 315_537_897_599


@pytest.mark.parametrize("number", ["-0.0", "-0", "0", "-0e5"])
def test_zero_has_no_sign(number: str) -> None:
    text = f'{{"id": 7, "progress": {number}, "outputs": [{{"id": 1, "progress": {number}}}]}}'
    found = flatten(records.read(text.encode()), Redaction())
    assert str(found.job["progress"]) == str(found.outputs[0]["progress"]) == "0.0"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "1e400"])
def test_what_is_not_a_finite_number_is_null_and_kept_as_text(number: str) -> None:
    text = f'{{"id": 7, "progress": {number}, "attempts": {number}, "new": {number}}}'
    found = flatten(records.read(text.encode()), Redaction()).job
    assert (found["progress"], found["attempts"]) == (None, None)
    assert found["extra"] == dict.fromkeys(("progress", "attempts", "new"), number)


def test_values_near_the_ends_of_an_integer_stay() -> None:
    for value in (2**63 - 1, -(2**63)):
        outputs = [{"id": 1, "records_count": value}]
        found = rows(job(runtime_in_seconds=value, cluster={"nodes": value}, outputs=outputs))
        assert (found.job["runtime_in_seconds"], found.job["cluster_nodes"]) == (value, value)
        assert found.outputs[0]["records_count"] == value
        assert found.job["extra"] is None
