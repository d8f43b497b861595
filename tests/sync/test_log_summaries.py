"""The summary of each failed job's log is requested once, and never at the cost of the run."""

import json
from datetime import timedelta
from typing import Any

import pytest
from clock import Impatient
from failing import failing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from syncer import Syncer, command, history

from snapshotter.api.client import Client, ListFilters
from snapshotter.api.limits import Limits
from snapshotter.errors import Stopped
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.simulator.faults import Answer, Request
from snapshotter.store import log_summaries as store
from snapshotter.store.ledger import Outcome
from snapshotter.store.log_summaries import FailedJob
from snapshotter.store.tables import LOG_SUMMARIES
from snapshotter.sync import log_summaries
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan, sync

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WITH_SUMMARIES = Plan(log_summaries=True)


def failed_jobs(syncer: Syncer, count: int, **fields: Any) -> list[int]:
    """Add jobs that failed, one a minute, the last one a minute ago; return their ids."""
    ids = []
    for number in range(count):
        at = syncer.account.now - timedelta(minutes=count - number)
        times = dict.fromkeys(("created_at", "started_at", "failed_at", "completed_at"), at)
        job = {"status": "failed", "updated_at": at, **times, **fields}
        ids.append(syncer.account.add_job(**job)["id"])
    return ids


def asked_for(syncer: Syncer) -> list[int]:
    """Return the ids of the jobs whose summary the last run requested, in order."""
    return [
        int(path.rsplit("/", 1)[1])
        for path, query in syncer.account.requests
        if query == "include=log_summary"
    ]


def stored(syncer: Syncer) -> dict[int, str | None]:
    return {row["job_id"]: row["error_summary"] for row in syncer.rows(LOG_SUMMARIES)}


def limited(syncer: Syncer, limits: Limits, clock: Impatient | None = None) -> Outcome:
    service = Service(syncer.account.account_id, Key(syncer.account.api_key), syncer.url)
    syncer.account.requests.clear()
    with Client(service, limits, clock=clock or Impatient()) as client:
        context = Context(syncer.engine, client, service, Redaction())
        return sync(context, WITH_SUMMARIES)


def test_each_failed_job_is_asked_about_once_the_latest_first(syncer: Syncer) -> None:
    history(syncer.account, 3)
    ids = failed_jobs(syncer, 3)
    syncer.account.log_summaries = {ids[0]: None, ids[1]: {"error_summary": "disk full"}}
    outcome = syncer(WITH_SUMMARIES)
    assert (outcome.status, outcome.noted, outcome.summaries) == ("completed", [], 3)
    assert asked_for(syncer) == ids[::-1]
    assert stored(syncer) == {
        ids[0]: None,
        ids[1]: "disk full",
        ids[2]: "Package failed to execute.",
    }
    syncer.assert_equal_to_the_account()
    syncer.account.now += timedelta(days=3)
    (news,) = failed_jobs(syncer, 1)
    syncer(WITH_SUMMARIES)
    assert asked_for(syncer) == [news]


@sqlite
def test_without_the_option_none_is_requested(syncer: Syncer) -> None:
    failed_jobs(syncer, 3)
    syncer()
    assert (asked_for(syncer), stored(syncer)) == ([], {})


@sqlite
def test_a_job_that_fails_again_under_its_id_is_asked_about_again(syncer: Syncer) -> None:
    (job_id,) = failed_jobs(syncer, 1)
    syncer(WITH_SUMMARIES)
    syncer.account.now += timedelta(hours=1)
    at = syncer.account.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    job = syncer.account.jobs[job_id]
    job.update(status="running", failed_at=None, completed_at=None, updated_at=at)
    syncer.account.touch()
    syncer(WITH_SUMMARIES)
    assert asked_for(syncer) == []
    job.update(status="failed", failed_at=at, completed_at=at, errors="worse")
    syncer.account.touch()
    syncer(WITH_SUMMARIES)
    assert asked_for(syncer) == [job_id]
    assert stored(syncer) == {job_id: "worse"}


@sqlite
def test_a_run_requests_its_share_at_most(syncer: Syncer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_summaries, "MOST_ASKED", 4)
    ids = failed_jobs(syncer, 10)
    runs = []
    for _ in range(4):
        outcome = syncer(WITH_SUMMARIES)
        assert (outcome.status, outcome.noted) == ("completed", [])
        runs.append(asked_for(syncer))
    newest_first = ids[::-1]
    assert runs == [newest_first[:4], newest_first[4:8], newest_first[8:], []]


@sqlite
def test_half_of_the_hours_credits_are_left(syncer: Syncer) -> None:
    failed_jobs(syncer, 10)
    syncer.account.credits_remaining = 2_507
    outcome = syncer(WITH_SUMMARIES)
    assert (outcome.status, outcome.noted) == ("completed", [])
    assert outcome.credits_remaining == 2_500
    assert 0 < len(asked_for(syncer)) < 10


@sqlite
@pytest.mark.parametrize("limits", [Limits(requests=8), Limits(reserve=4_993)])
def test_the_limits_of_a_run_hold_and_it_has_completed(syncer: Syncer, limits: Limits) -> None:
    ids = failed_jobs(syncer, 10)
    outcome = limited(syncer, limits)
    assert (outcome.status, outcome.noted) == ("completed", [])
    some = len(stored(syncer))
    assert 0 < some < 10
    assert limited(syncer, Limits()).status == "completed"
    assert asked_for(syncer) == ids[::-1][some:]


@sqlite
def test_spent_credits_end_them_and_nothing_else(syncer: Syncer) -> None:
    failed_jobs(syncer, 4)
    syncer.account.intercept = lambda request: (
        Answer(429, {"X-RateLimit-Remaining": "0"}) if "include" in request.query else None
    )
    outcome = syncer(WITH_SUMMARIES)
    assert (outcome.status, outcome.noted, stored(syncer)) == ("completed", [], {})


@sqlite
def test_a_signal_ends_the_run_with_what_is_stored(syncer: Syncer) -> None:
    failed_jobs(syncer, 4)
    clock = Impatient()

    def interrupt(_: Request) -> None:
        if len(asked_for(syncer)) == 2:
            clock.interrupted = "stopped by SIGTERM"

    syncer.account.before_answer = interrupt
    with pytest.raises(Stopped, match="stopped by SIGTERM"):
        limited(syncer, Limits(), clock)
    assert 1 <= len(stored(syncer)) <= 2


@pytest.mark.parametrize("code", [302, 400, 401, 403, 500])
@sqlite
def test_one_that_cannot_be_requested_holds_back_no_other(syncer: Syncer, code: int) -> None:
    ids = failed_jobs(syncer, 5)
    syncer.account.intercept = failing(code, f"jobs/{ids[3]}")
    outcome = syncer(WITH_SUMMARIES)
    assert outcome.status == "completed"
    (note,) = outcome.noted
    assert note.startswith(
        f"the log summaries of 1 failed job could not be requested; first job {ids[3]}: GET "
    )
    assert str(code) in note
    assert [job_id for job_id, words in stored(syncer).items() if words] == [*ids[:3], ids[4]]
    assert syncer(WITH_SUMMARIES).noted == []
    syncer.account.now += timedelta(hours=1)
    syncer.account.intercept = None
    syncer(WITH_SUMMARIES)
    assert asked_for(syncer) == [ids[3]]
    assert stored(syncer)[ids[3]] == "Package failed to execute."


@sqlite
def test_some_that_fail_in_a_row_leave_the_rest_to_the_next_run(syncer: Syncer) -> None:
    ids = failed_jobs(syncer, 6)
    syncer.account.intercept = failing(422, *(f"jobs/{job_id}" for job_id in ids[2:]))
    (note,) = syncer(WITH_SUMMARIES).noted
    assert note.startswith("the log summaries of 3 failed jobs could not be requested; first ")
    assert asked_for(syncer) == ids[:2:-1]
    syncer(WITH_SUMMARIES)
    assert asked_for(syncer) == ids[2::-1]


@sqlite
def test_answers_about_something_else(syncer: Syncer) -> None:
    """A job that is gone or has moved on since it was listed is asked about later, if at all."""
    gone, moved, mixed_up, garbled = failed_jobs(syncer, 4)
    answers = {
        gone: Answer(404),
        moved: Answer(200, {}, json.dumps({"id": moved, "status": "running"}).encode()),
        mixed_up: Answer(200, {}, b'{"id": 999, "log_summary": {"error_summary": "not yours"}}'),
        garbled: Answer(200, {}, b'{"id": "none"}'),
    }
    syncer.account.intercept = lambda request: (
        answers[int(request.path.rsplit("/", 1)[1])] if "include" in request.query else None
    )
    outcome = syncer(WITH_SUMMARIES)
    assert outcome.status == "completed"
    (note,) = outcome.noted
    assert "2 failed jobs" in note
    assert set(stored(syncer).values()) == {None}
    syncer.account.now += timedelta(hours=1)
    syncer.account.intercept = None
    syncer(WITH_SUMMARIES)
    assert sorted(asked_for(syncer)) == [gone, moved, mixed_up, garbled]


@sqlite
def test_a_run_of_some_jobs_asks_about_these_alone(syncer: Syncer) -> None:
    first, second, third = failed_jobs(syncer, 3)
    syncer()
    syncer(Plan(ids=[second], log_summaries=True))
    assert asked_for(syncer) == [second]
    filters = ListFilters(since=syncer.account.now - timedelta(seconds=90))
    syncer(Plan(filters=filters, log_summaries=True))
    assert asked_for(syncer) == [third]
    syncer(WITH_SUMMARIES)
    assert asked_for(syncer) == [first]


@sqlite
def test_a_killed_run_loses_the_summary_in_progress_alone(
    syncer: Syncer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def put(connection: Connection, job: FailedJob, *given: Any) -> None:
        store.put(connection, job, *given)
        if job.id == ids[2]:
            raise Killed

    ids = failed_jobs(syncer, 5)
    monkeypatch.setattr(log_summaries, "put", put)
    with pytest.raises(Killed):
        syncer(WITH_SUMMARIES)
    monkeypatch.undo()
    assert sorted(stored(syncer)) == ids[3:]
    syncer(WITH_SUMMARIES)
    assert asked_for(syncer) == ids[2::-1]


@sqlite
def test_secrets_are_hidden_in_every_text(syncer: Syncer) -> None:
    (job_id,) = failed_jobs(syncer, 1)
    url = "postgresql://etl:hunter2@db/x"
    syncer.account.log_summaries[job_id] = {
        "error_summary": f"cannot reach {url}",
        "openai_extract": "password=hunter2",
        "body": f"log: {url}",
        "action_items": [f"Check {url}.", {"password": "hunter2"}],
        "detail": {"api_key": "hunter2", "text": url},
    }
    syncer(WITH_SUMMARIES)
    (row,) = syncer.rows(LOG_SUMMARIES)
    assert "hunter2" not in repr(row)
    assert row["error_summary"] == "cannot reach postgresql://etl:***@db/x"
    assert row["action_items"][0] == "Check postgresql://etl:***@db/x."


@given(
    came=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "body", "error_summary", "action_items", "created_at"])
                | st.text(max_size=3),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@sqlite
def test_anything_may_come_in_place_of_a_summary(syncer: Syncer, came: Any) -> None:
    with syncer.engine.begin() as connection:
        connection.execute(text("delete from log_summaries"))
    if not syncer.account.jobs:
        failed_jobs(syncer, 1)
    (job_id,) = syncer.account.jobs
    body = json.dumps({"id": job_id, "status": "failed", "log_summary": came}).encode()
    syncer.account.intercept = lambda request: (
        Answer(200, {}, body) if "include" in request.query else None
    )
    assert syncer(WITH_SUMMARIES).noted == []
    assert list(stored(syncer)) == [job_id]


def test_the_command(syncer: Syncer) -> None:
    (job_id,) = failed_jobs(syncer, 1)
    syncer.account.log_summaries[job_id] = {"error_summary": "\N{PACKAGE} lost"}
    done = command(syncer, "sync", "--log-summaries")
    assert done.returncode == 0, done.stderr
    assert stored(syncer) == {job_id: "\N{PACKAGE} lost"}
    (other,) = failed_jobs(syncer, 1)
    syncer.account.intercept = failing(500, f"jobs/{other}")
    done = command(syncer, "sync", "--log-summaries")
    assert done.returncode == 65
    assert f"first job {other}: GET " in done.stderr.splitlines()[-1]
