"""The summary of a job's log: what the API has of it, and what the columns take."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from snapshotter.api.schema import LogSummary, is_too_deep
from snapshotter.api.summaries import Summarized, Summary, columns, read
from snapshotter.errors import RecordError

SAMPLE = Path(__file__).parent.parent / "data" / "job-with-log-summary.json"
AT = datetime(2025, 1, 15, 13, 34, 41, tzinfo=UTC)


def answer(**members: Any) -> bytes:
    return json.dumps({"id": 7, "status": "failed", **members}).encode()


def test_the_documented_answer() -> None:
    job_id, status, log_summary = read(SAMPLE.read_bytes())
    assert (job_id, status) == (157, "completed")
    known, extra = columns(log_summary)
    assert known == LogSummary(
        id=1122631,
        body="...",
        error_summary="Customer ID missing",
        openai_extract="Failed to send request: I/O exception: Request returned an error: "
        "com.netledger.schemabean.NLSchemaBeanException: id not found on "
        "{urn:relationships_2021_2.lists.webservices.netsuite.com}Customer",
        action_items=["Validate the Customer ID.", "Retry the job."],
        created_at=AT,
    )
    assert extra == {}


@pytest.mark.parametrize(
    "members",
    [{}, {"log_summary": None}, {"log_summary": {}}, {"log_summary": []}, {"log_summary": ""}],
)
def test_no_summary(members: dict[str, Any]) -> None:
    assert read(answer(**members)) == Summarized(7, "failed", None)


@pytest.mark.parametrize(
    ("came", "known", "extra"),
    [
        ("a text", LogSummary(), {"log_summary": "a text"}),
        ([1], LogSummary(), {"log_summary": [1]}),
        (True, LogSummary(), {"log_summary": True}),
        ({"id": "17", "tone": "calm"}, LogSummary(id=17), {"tone": "calm"}),
        ({"id": {}, "body": 5}, LogSummary(), {"id": {}, "body": 5}),
        ({"error_summary": ["a"]}, LogSummary(), {"error_summary": ["a"]}),
        ({"action_items": "Retry."}, LogSummary(), {"action_items": "Retry."}),
        (
            {"action_items": ["Retry.", {"do": 1}]},
            LogSummary(action_items=["Retry.", None]),
            {"action_items": ["Retry.", {"do": 1}]},
        ),
        ({"created_at": "soon"}, LogSummary(), {"created_at": "soon"}),
        ({"created_at": "2025-01-15T14:34:41+01:00"}, LogSummary(created_at=AT), {}),
        ({"body": None, "openai_extract": ""}, LogSummary(openai_extract=""), {}),
    ],
)
def test_a_value_that_fits_no_column_is_kept(
    came: Any, known: LogSummary, extra: dict[str, Any]
) -> None:
    found = read(answer(log_summary=came))
    assert columns(found.log_summary) == Summary(known, extra)


def test_characters_that_no_database_holds_are_replaced() -> None:
    found = read(answer(log_summary={"body": "a\0b\ud800c"}))
    assert columns(found.log_summary).known.body == "a\ufffdb\ufffdc"


def test_deep_values_are_kept_as_text() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    found = read(answer(log_summary={"body": "b", "tree": deep}))
    known, extra = columns(found.log_summary)
    assert known.body == "b"
    assert not is_too_deep(json.dumps(extra).encode())


@pytest.mark.parametrize("raw", [b"[1]", b"{", b'{"status": "failed"}', b'"text"'])
def test_an_answer_that_is_not_a_job(raw: bytes) -> None:
    with pytest.raises(RecordError):
        read(raw)
