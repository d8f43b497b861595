"""Summaries are stored whatever they contain, and each failure is asked about once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from snapshotter.api.schema import LogSummary
from snapshotter.api.summaries import Summary
from snapshotter.store import backoff
from snapshotter.store.ledger import Outcome
from snapshotter.store.log_summaries import FailedJob, due, put, put_failure
from snapshotter.store.sizes import apply_packet_limit
from snapshotter.store.tables import ACCOUNTS, JOBS, LOG_SUMMARIES, SNAPSHOTS

NOW = datetime(2026, 1, 31, tzinfo=UTC)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SUMMARY = Summary(
    LogSummary(
        id=17,
        body="The load failed.",
        error_summary="Customer ID missing",
        openai_extract="id not found",
        action_items=["Retry the job.", None],
        created_at=NOW,
    ),
    {"tone": "calm"},
)
ROW = {
    "job_id": 1,
    "error_summary": "Customer ID missing",
    "openai_extract": "id not found",
    "action_items": ["Retry the job.", None],
    "body": "The load failed.",
    "created_at": NOW,
    "summary_id": 17,
    "extra": {"tone": "calm"},
    "requested_at": NOW,
    "finished_epoch": 100,
    "attempts": None,
    "next_attempt_at": None,
}


def store_jobs(engine: Engine, *jobs: dict[str, Any]) -> None:
    """Store failed jobs of `acme`; each has what differs from that."""
    with engine.begin() as connection:
        for account_id in ("acme", "other"):
            connection.execute(insert(ACCOUNTS).values(account_id=account_id, api_url="u"))
        run = {"id": 1, "account_id": "acme", "kind": "full", "status": "completed"}
        connection.execute(
            insert(SNAPSHOTS), {**Outcome("full", 1).counts(), **run, "started_at": NOW}
        )
        stamp = {"first_seen_at": NOW, "last_changed_at": NOW, "snapshot_id": 1}
        for job in jobs:
            values = {"account_id": "acme", "status": "failed", **stamp, **job}
            connection.execute(insert(JOBS).values(values))


def rows(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        statement = select(LOG_SUMMARIES).order_by(LOG_SUMMARIES.c.job_id)
        return [dict(row) for row in connection.execute(statement).mappings()]


def asked(engine: Engine, now: datetime = NOW) -> list[int]:
    return [job.id for job in due(engine, "acme", now)]


def test_a_summary_is_stored_whole_and_asked_for_once(engine: Engine) -> None:
    store_jobs(engine, {"id": 1, "finished_epoch": 100}, {"id": 2, "finished_epoch": None})
    first, second = due(engine, "acme", NOW)
    assert (first, second) == (FailedJob(1, 100, 0), FailedJob(2, None, 0))
    with engine.begin() as connection:
        put(connection, first, SUMMARY, NOW)
        put(connection, second, None, NOW)
    assert rows(engine)[0] == ROW
    nothing = {**dict.fromkeys(ROW), "job_id": 2, "requested_at": NOW}
    assert rows(engine)[1] == nothing
    assert asked(engine, NOW + timedelta(days=9)) == []


def test_a_job_that_has_failed_again_is_asked_about_again(engine: Engine) -> None:
    store_jobs(engine, {"id": 1, "finished_epoch": 100})
    with engine.begin() as connection:
        put(connection, FailedJob(1, 99, 0), SUMMARY, NOW)
    (again,) = due(engine, "acme", NOW)
    assert again == FailedJob(1, 100, 0)
    with engine.begin() as connection:
        put(connection, again, SUMMARY, NOW)
    assert rows(engine) == [ROW]
    assert asked(engine) == []


@sqlite
def test_only_failed_jobs_that_exist_at_the_api_the_latest_first(engine: Engine) -> None:
    store_jobs(
        engine,
        {"id": 1, "finished_epoch": 100},
        {"id": 2, "finished_epoch": 300},
        {"id": 3, "finished_epoch": 300},
        {"id": 4, "finished_epoch": 200, "status": "completed"},
        {"id": 5, "finished_epoch": 200, "status": "running"},
        {"id": 6, "finished_epoch": 200, "gone_at": NOW},
        {"id": 7, "finished_epoch": 200, "account_id": "other"},
        {"id": 8, "finished_epoch": None},
    )
    assert asked(engine) == [3, 2, 1, 8]


def test_a_request_that_failed_waits_behind_the_others(engine: Engine) -> None:
    store_jobs(engine, {"id": 1, "finished_epoch": 100}, {"id": 2, "finished_epoch": 200})
    (newest, _) = due(engine, "acme", NOW)
    with engine.begin() as connection:
        put_failure(connection, newest, NOW)
    assert asked(engine) == [1]
    later = NOW + backoff.pause(1)
    _, again = due(engine, "acme", later)
    assert again == FailedJob(2, 200, 1)
    with engine.begin() as connection:
        put_failure(connection, again, later)
    assert asked(engine, later + backoff.pause(1)) == [1]
    assert asked(engine, later + backoff.pause(2)) == [1, 2]
    with engine.begin() as connection:
        put(connection, again, SUMMARY, later)
    assert asked(engine, later + timedelta(days=9)) == [1]


def test_texts_that_the_database_does_not_take_are_cut(engine: Engine) -> None:
    """Lone surrogates are not UTF-8; MariaDB ends a session whose statement is too long."""
    apply_packet_limit(engine)
    store_jobs(engine, {"id": 1}, {"id": 2}, {"id": 3})
    odd = LogSummary(error_summary="a\ud800", action_items=["\ud800"], body="\ud800" * 20_000)
    long = LogSummary(error_summary="'" * 20_000_000, openai_extract="whole", body="b")
    with engine.begin() as connection:
        put(connection, FailedJob(1, None, 0), Summary(odd, {"\ud800": "\ud800"}), NOW)
        put(connection, FailedJob(2, None, 0), Summary(long, {}), NOW)
        put(connection, FailedJob(3, None, 0), SUMMARY, NOW)
    one, two, three = rows(engine)
    assert (one["error_summary"], one["action_items"]) == ("a\\ud800", ["\\ud800"])
    assert one["extra"] == {"\\ud800": "\\ud800"}
    assert (two["openai_extract"], two["body"]) == ("whole", "b")
    assert len(two["error_summary"]) >= 10_000
    assert three == {**ROW, "job_id": 3, "finished_epoch": None}
