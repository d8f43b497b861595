"""One failure never holds back the rest: it is on record alone, and the run goes on."""

import logging
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from clock import Impatient
from syncer import Syncer, history
from test_verify import command

from snapshotter.api.client import Client
from snapshotter.errors import RequestFailed, Stopped
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.simulator.faults import Answer, Request
from snapshotter.simulator.history import stamp
from snapshotter.store.tables import ACCOUNTS, JOBS, REJECTS, SNAPSHOTS
from snapshotter.sync import by_id, refresh
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan
from snapshotter.sync.verify import Findings, Sample, verify

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def open_jobs(syncer: Syncer, count: int, **fields: Any) -> list[dict[str, Any]]:
    """Have finished jobs, and open ones that no later listing shows; all are stored."""
    history(syncer.account, 9)
    old = syncer.account.now - timedelta(days=1)
    fields = {"status": "paused", "created_at": old, "updated_at": old, **fields}
    jobs = [syncer.account.add_job(**fields) for _ in range(count)]
    syncer()
    return jobs


def move(syncer: Syncer, jobs: list[dict[str, Any]]) -> None:
    """Move the time on, and every job without a change of its `updated_at`."""
    syncer.account.now += timedelta(seconds=61)
    for job in jobs:
        job["progress"] += 0.01
    syncer.account.touch()


def failing(code: int, *paths: str, **query: str) -> Callable[[Request], Answer | None]:
    """Answer requests for these paths, or with this in their query, by `code` alone."""

    def answer(request: Request) -> Answer | None:
        path = request.path.rsplit("/api/", 1)[1]
        is_asked = path in paths or (query and query.items() <= request.query.items())
        headers = {"Location": "/elsewhere"} if code == 302 else {}
        return Answer(code, headers, b'{"message": "oops"}') if is_asked else None

    return answer


@pytest.mark.parametrize("status", [302, 400, 403, 422, 500])
def test_a_job_whose_own_call_fails(syncer: Syncer, status: int) -> None:
    jobs = open_jobs(syncer, 4)
    bad = jobs[1]["id"]
    before = {row["id"]: row for row in syncer.rows(JOBS)}
    move(syncer, jobs)
    syncer.account.intercept = failing(status, f"jobs/{bad}")
    outcome = syncer()
    assert (outcome.status, outcome.changed, outcome.rejected) == ("completed", 3, 1)
    (aside,) = syncer.rows(REJECTS)
    assert (aside["job_id"], aside["payload"]) == (bad, "null")
    assert f"/jobs/{bad}: the API answered {status} (oops)" in aside["reason"]
    assert {row["id"]: row for row in syncer.rows(JOBS)}[bad] == before[bad]

    move(syncer, jobs)  # it waits, and the run's end reports it
    assert (syncer().rejected, f"jobs/{bad}" in syncer.asked) == (1, False)
    syncer.account.now += timedelta(hours=1)
    assert (syncer().rejected, f"jobs/{bad}" in syncer.asked) == (1, True)
    syncer.account.intercept = None
    syncer.account.now += timedelta(hours=6)
    assert syncer().rejected == 0
    assert syncer.rows(REJECTS) == []
    syncer.assert_equal_to_the_account()


def test_the_exit_code_is_65(syncer: Syncer) -> None:
    (job,) = open_jobs(syncer, 1)
    move(syncer, [job])
    syncer.account.intercept = failing(422, f"jobs/{job['id']}")
    done = command(syncer, "sync")
    assert done.returncode == 65
    assert f"set aside: job {job['id']}: GET " in done.stderr


def test_an_api_that_is_down_sets_nothing_aside(syncer: Syncer) -> None:
    jobs = open_jobs(syncer, 9)
    move(syncer, jobs)
    asked: list[str] = []

    def answer(request: Request) -> Answer | None:
        asked.append(request.path)
        return Answer(500) if any("/jobs/" in path for path in asked) else None

    syncer.account.intercept = answer
    with pytest.raises(Stopped, match=r"the API gives no usable answer, to 3 requests in a row: "):
        syncer()
    assert len({path for path in syncer.asked if path.startswith("jobs/")}) == by_id.LOST_AFTER
    assert syncer.rows(REJECTS) == []
    syncer.account.intercept = None
    syncer()
    syncer.assert_equal_to_the_account()


def test_some_bad_jobs_side_by_side_are_no_outage(syncer: Syncer) -> None:
    jobs = open_jobs(syncer, 8)
    move(syncer, jobs)
    bad = [job["id"] for job in jobs[:5]]
    syncer.account.intercept = failing(500, *(f"jobs/{job_id}" for job_id in bad))
    outcome = syncer()
    assert (outcome.changed, outcome.rejected, outcome.noted) == (3, 5, [])
    assert [row["job_id"] for row in syncer.rows(REJECTS)] == bad


def test_if_no_job_can_be_asked_for_the_run_ends_soon(syncer: Syncer) -> None:
    jobs = open_jobs(syncer, 15)
    move(syncer, jobs)
    every = failing(422, *(f"jobs/{job['id']}" for job in jobs))
    syncer.account.intercept = every
    outcome = syncer()
    assert outcome.status == "completed"
    assert sum(path.startswith("jobs/") for path in syncer.asked) == by_id.GIVEN_UP_AFTER
    assert len(syncer.rows(REJECTS)) == by_id.GIVEN_UP_AFTER
    assert [note.split(" could")[0] for note in outcome.noted] == [
        "9 jobs in a row",
        "6 of 15 open jobs wait for the next run to ask for them",
    ]
    assert syncer.rows(SNAPSHOTS)[-1]["error"] == "; ".join(outcome.noted)
    assert syncer().rejected == 15  # the others' turn


def test_of_the_jobs_that_were_named_the_others_are_read(syncer: Syncer) -> None:
    history(syncer.account, 3)
    first, second, third = syncer.account.jobs
    syncer.account.intercept = failing(500, f"jobs/{second}")
    outcome = syncer(Plan(ids=[first, second, 999, third]))
    assert set(outcome.seen) == {first, third}
    assert (outcome.missing, outcome.rejected) == ([999], 1)


@pytest.mark.parametrize("status", [422, 500])
def test_a_status_that_cannot_be_listed(syncer: Syncer, status: int) -> None:
    jobs = open_jobs(syncer, 30, status="running")
    move(syncer, jobs)
    syncer.account.intercept = failing(status, status="running")
    outcome = syncer()
    (note,) = outcome.noted
    assert note.startswith("the jobs of status 'running' could not be listed: GET ")
    syncer.assert_equal_to_the_account()


def test_a_status_that_the_api_does_not_know_is_not_a_failure(syncer: Syncer) -> None:
    jobs = open_jobs(syncer, 30)
    move(syncer, jobs)
    assert syncer().noted == []
    syncer.assert_equal_to_the_account()


def test_open_jobs_of_an_unknown_status_are_listed(syncer: Syncer) -> None:
    jobs = open_jobs(syncer, 300)
    move(syncer, jobs)

    def answer(request: Request) -> Answer | None:
        if request.query.get("status") == "paused":
            del request.query["status"]  # here all are
        return None

    syncer.account.intercept = answer
    assert syncer().noted == []
    assert len(syncer.asked) < 20
    syncer.assert_equal_to_the_account()


def test_very_many_open_jobs_are_asked_for_in_turn(syncer: Syncer) -> None:
    jobs = open_jobs(syncer, 250)
    for waiting in (150, 150):
        move(syncer, jobs)
        assert syncer().noted == [
            f"{waiting} of 250 open jobs wait for the next run to ask for them"
        ]
        assert sum(path.startswith("jobs/") for path in syncer.asked) == refresh.MOST_ASKED
    stored = {row["id"]: row["progress"] for row in syncer.rows(JOBS)}
    progress = [stored[job["id"]] for job in jobs]
    assert [progress.count(each) for each in sorted(set(progress))] == [50, 100, 100]


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("jobs", [0, 250])
def test_a_list_that_cannot_be_sorted_by_updated(syncer: Syncer, status: int, jobs: int) -> None:
    account = syncer.account
    history(account, jobs)
    account.intercept = failing(status, sort="updated")
    for _ in range(3):
        outcome = syncer()
        assert (outcome.status, outcome.noted) == ("completed", [])
        syncer.assert_equal_to_the_account()
        account.now += timedelta(minutes=2)
        late = account.add_job()
        early = account.jobs[min(account.jobs)]
        early["errors"], early["updated_at"] = str(late["id"]), stamp(account.now)
        account.touch()
    if jobs:
        assert outcome.kind == "incremental"


@pytest.mark.parametrize("status", [400, 500])
def test_credits_that_are_not_reported(syncer: Syncer, status: int) -> None:
    history(syncer.account, 3)
    syncer.account.intercept = failing(status, "rate_limit_status")
    assert (syncer().inserted, syncer().noted) == (3, [])


def test_a_list_that_cannot_be_read_on_leaves_the_open_jobs_their_turn(
    syncer: Syncer, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = open_jobs(syncer, 4)
    bad = syncer.account.add_job(id=9_999)
    del bad["id"]
    move(syncer, jobs)
    before = syncer.rows(ACCOUNTS)[0]["watermark"]
    syncer.account.intercept = failing(500, "jobs")
    with caplog.at_level(logging.WARNING), pytest.raises(RequestFailed, match=r"/jobs: .* 500"):
        syncer()
    assert {f"jobs/{job['id']}" for job in jobs} <= set(syncer.asked)
    stored = {row["id"]: row["progress"] for row in syncer.rows(JOBS)}
    assert [stored[job["id"]] for job in jobs] == [job["progress"] for job in jobs]
    assert syncer.rows(SNAPSHOTS)[-1]["status"] == "partial"
    assert syncer.rows(ACCOUNTS)[0]["watermark"] == before


def test_an_api_that_is_down_is_asked_for_one_job(syncer: Syncer) -> None:
    jobs = open_jobs(syncer, 4)
    move(syncer, jobs)
    syncer.account.intercept = lambda request: (
        None if request.path.endswith("rate_limit_status") else Answer(500)
    )
    with pytest.raises(RequestFailed):
        syncer()
    assert len({path for path in syncer.asked if path.startswith("jobs/")}) == 1
    assert syncer.rows(REJECTS) == []


def test_a_list_that_cannot_be_counted(syncer: Syncer) -> None:
    history(syncer.account, 150)
    syncer()
    syncer.account.advance(61)
    syncer.account.intercept = lambda request: (
        Answer(422) if request.query.get("limit") in ("1", "2") else None
    )
    outcome = syncer()
    (note,) = outcome.noted
    assert note.startswith("the jobs of the list could not be counted: GET ")
    assert outcome.status == "completed"
    done = command(syncer, "sync")
    assert done.returncode == 65
    assert "could not be counted" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("wrong", ["account", "key"])
def test_an_account_that_the_api_never_accepted_has_no_row(syncer: Syncer, wrong: str) -> None:
    account = syncer.account
    account.add_job(id=7)
    if wrong == "account":
        account.intercept = lambda _request: Answer(404, {}, b'{"message": "no such account"}')
    else:
        account.intercept = lambda _request: Answer(401)
    for words in (["sync"], ["sync", "7"], ["sync", "--status", "failed"], ["rejects", "--retry"]):
        command(syncer, *words)
        assert syncer.rows(ACCOUNTS) == []
    assert len(syncer.rows(SNAPSHOTS)) == 4
    assert (
        command(syncer, "status").stdout == "no accounts yet; 'snapshotter sync' adds the first\n"
    )
    account.intercept = None
    assert command(syncer, "sync", "7").returncode == 0
    assert [row["account_id"] for row in syncer.rows(ACCOUNTS)] == ["acme"]


def test_an_account_with_the_jobs_of_another_has_no_row(syncer: Syncer) -> None:
    """Renamed at the vendor, for example: the first run leaves it, and reports what to do."""
    history(syncer.account, 3)
    syncer()
    syncer.account.account_id = "acme-group"
    done = command(syncer, "sync")
    assert done.returncode == 2
    assert "'snapshotter accounts rename acme acme-group'" in done.stderr
    assert [row["account_id"] for row in syncer.rows(ACCOUNTS)] == ["acme"]


def test_verify_looks_at_all_else_before_it_gives_up(syncer: Syncer) -> None:
    history(syncer.account, 5)
    syncer()
    gone = min(syncer.account.jobs)
    syncer.account.remove_job(gone)
    syncer.account.intercept = failing(500, status="failed")
    found = Findings()
    service = Service("acme", Key(syncer.account.api_key), syncer.url)
    pages = Sample(500, random.Random(1))  # noqa: S311 - a test's order
    with Client(service, clock=Impatient()) as client, pytest.raises(RequestFailed, match="500"):
        verify(Context(syncer.engine, client, service, Redaction()), pages, found)
    assert found.gone == {gone}
    assert (found.read, [what for what, _, _ in found.counted][-1]) == (4, "stopping")
