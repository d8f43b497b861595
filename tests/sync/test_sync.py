"""The whole way: an account behind HTTP, into each database."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from clock import Impatient
from sqlalchemy import Engine, event, func, select, text, update
from syncer import Syncer, history

from snapshotter.api.client import Client, ListFilters
from snapshotter.api.limits import Limits
from snapshotter.api.prefetch_plan import MOST_WASTED
from snapshotter.errors import DatabaseError, KeyRefused, Stopped, UsageError
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.api import answer
from snapshotter.simulator.faults import GARBLED, Answer, Request, as_sent
from snapshotter.simulator.history import FINAL, stamp
from snapshotter.simulator.server import serve
from snapshotter.store.engine import open_engine
from snapshotter.store.ledger import Outcome
from snapshotter.store.lock import lock
from snapshotter.store.revisions import require_head
from snapshotter.store.tables import ACCOUNTS, FIELDS, JOBS, OUTPUTS, REJECTS, SNAPSHOTS
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan, sync


@pytest.mark.slow
def test_a_thousand_jobs_land_equal_field_by_field(syncer: Syncer) -> None:
    syncer.account.populate(days=45)
    jobs = dict(sorted(syncer.account.jobs.items())[-1000:])
    syncer.account.jobs = jobs
    syncer.account.touch()
    outcome = syncer()
    assert (len(outcome.seen), outcome.inserted, outcome.changed) == (1000, 1000, 0)
    syncer.assert_equal_to_the_account()
    still_open = [job for job in jobs.values() if job["status"] not in FINAL]
    assert still_open
    newest, pages = 1, 11
    assert syncer.asked[0] == "rate_limit_status"
    assert set(syncer.asked[1:]) == {"jobs"}
    assert newest + pages <= len(syncer.asked) - 1 <= newest + pages + MOST_WASTED

    before = [syncer.rows(table) for table in (JOBS, OUTPUTS, FIELDS)]
    outcome = syncer()
    assert (outcome.inserted, outcome.changed) == (0, 0)
    listed_again = len(syncer.asked) - 2
    assert syncer.asked[:2] == ["rate_limit_status", "jobs"]
    assert syncer.asked[-1] == "jobs"  # they are counted
    assert set(syncer.asked[2:-1]) <= {f"jobs/{job['id']}" for job in still_open}
    assert listed_again <= len(still_open) + 1
    assert [syncer.rows(table) for table in (JOBS, OUTPUTS, FIELDS)] == before


@pytest.mark.slow
def test_time_passes_and_the_tables_follow(syncer: Syncer) -> None:
    syncer.account.populate(days=10)
    syncer()
    for seconds in (30, 600, 4 * 3600):
        syncer.account.advance(seconds)
        outcome = syncer()
        assert outcome.inserted + outcome.changed > 0
        assert len(syncer.asked) < 15
        syncer.assert_equal_to_the_account()


def test_progress_that_moves_no_updated_at_is_seen(syncer: Syncer) -> None:
    history(syncer.account, 3)
    job = syncer.account.add_job(
        status="running", created_at=syncer.account.now - timedelta(days=1)
    )
    job["updated_at"] = job["created_at"]
    syncer()
    job["progress"], job["runtime_in_seconds"] = 0.5, 99
    syncer.account.touch()
    outcome = syncer()
    assert (outcome.inserted, outcome.changed) == (0, 1)
    assert syncer.asked == ["rate_limit_status", "jobs", f"jobs/{job['id']}", "jobs"]
    syncer.assert_equal_to_the_account()


def test_the_run_is_on_record(syncer: Syncer) -> None:
    history(syncer.account, 150)
    clock = syncer.account.now
    syncer()
    (snapshot,) = syncer.rows(SNAPSHOTS)
    assert snapshot.pop("started_at") <= snapshot.pop("finished_at")
    assert snapshot.pop("started_epoch") <= snapshot.pop("finished_epoch")
    assert snapshot.pop("watermark_epoch") == int(clock.timestamp())
    spent = snapshot.pop("credits_spent")
    assert 3 <= spent <= 3 + MOST_WASTED
    assert snapshot == {
        "id": 1,
        "account_id": "acme",
        "kind": "full",
        "status": "completed",
        "since": None,
        "watermark": clock,
        "requests": spent + 1,
        "pages": 2,
        "jobs_seen": 150,
        "jobs_inserted": 150,
        "jobs_changed": 0,
        "jobs_unchanged": 0,
        "jobs_rejected": 0,
        "credits_remaining": 5000 - spent,
        "error": None,
    }
    (account,) = syncer.rows(ACCOUNTS)
    assert account["watermark"] == clock
    assert account["listing_offset"] is None


def test_a_later_run_lists_from_a_little_before_the_watermark(syncer: Syncer) -> None:
    history(syncer.account, 5)
    late = syncer.account.add_job()
    syncer()
    syncer.account.advance(3600)
    syncer(Plan(overlap=timedelta(minutes=7)))
    snapshot = syncer.rows(SNAPSHOTS)[-1]
    since = datetime.fromisoformat(late["updated_at"]) - timedelta(minutes=7)
    assert (snapshot["kind"], snapshot["since"]) == ("incremental", since)
    query = syncer.account.requests[1][1]
    assert f"since={since:%Y-%m-%dT%H}%3A{since:%M}%3A{since:%S}Z" in query


def untouched(account: SimulatedAccount, request: Request) -> Answer:
    """Return what the account itself would answer, for a test to change."""
    intercept, account.intercept = account.intercept, None
    try:
        return answer(account, request)
    finally:
        account.intercept = intercept


def test_a_date_that_runs_ahead_loses_nothing(syncer: Syncer) -> None:
    """No listing starts after the newest change that there was when the last one began."""
    history(syncer.account, 350)
    ahead = format_datetime(syncer.account.now + timedelta(hours=1), usegmt=True)

    def answer(request: Request) -> Answer:
        real = untouched(syncer.account, request)
        return replace(real, headers={**real.headers, "Date": ahead})

    def failing_after_pages(request: Request) -> Answer | None:
        if int(request.query.get("offset", 0)) > 150:
            return Answer(503, {"Retry-After": "7200", "Date": ahead})
        return answer(request)

    syncer.account.intercept = failing_after_pages
    with pytest.raises(Stopped):
        syncer()
    behind, ahead_of_it = min(syncer.account.jobs), max(syncer.account.jobs)
    for minutes, job_id in ((1, behind), (31, ahead_of_it)):
        job = syncer.account.jobs[job_id]
        job["errors"] = "retouched"
        job["updated_at"] = stamp(syncer.account.now + timedelta(minutes=minutes))
    syncer.account.touch()
    syncer.account.intercept = answer
    for _ in range(3):
        syncer()
    syncer.assert_equal_to_the_account()


@pytest.mark.parametrize("cap", [3, 20, 50])
def test_a_server_without_links_that_hands_out_few(syncer: Syncer, cap: int) -> None:
    def unlinked(request: Request) -> Answer:
        real = untouched(syncer.account, request)
        return replace(real, headers={k: v for k, v in real.headers.items() if k != "Link"})

    syncer.account.page_cap, syncer.account.intercept = cap, unlinked
    for n in range(60):
        at = syncer.account.now - timedelta(seconds=60 - n)
        syncer.account.add_job(created_at=at, started_at=at, completed_at=at, updated_at=at)
    assert syncer().inserted == 60
    syncer.account.advance(60)
    for _ in range(3):
        syncer.account.add_job()
    assert syncer().inserted == 3
    syncer.account.advance(3600 * 24)
    syncer.assert_equal_to_the_account()


def test_times_before_the_calendar(syncer: Syncer) -> None:
    old = "0001-01-01T00:00:00Z"
    syncer.account.add_job(created_at=old, started_at=old, completed_at=old, updated_at=old)
    for _ in range(2):
        syncer()
    syncer.assert_equal_to_the_account()


def test_a_rejected_job_that_vanishes_is_no_longer_asked_for(syncer: Syncer) -> None:
    job = syncer.account.add_job(owner_id=GARBLED)
    assert syncer().rejected == 1
    del syncer.account.jobs[job["id"]]
    syncer.account.touch()
    syncer.account.advance(61)
    syncer()
    assert f"jobs/{job['id']}" in syncer.asked
    assert syncer.rows(REJECTS) == []


def test_filters_never_move_the_watermark(syncer: Syncer) -> None:
    history(syncer.account, 5)
    failed = syncer.account.add_job(status="failed", package_id=435)
    syncer.account.add_job(package_id=435)
    for filters, ids in (
        (ListFilters(status="failed"), {failed["id"]}),
        (ListFilters(package_id=435), {failed["id"], failed["id"] + 1}),
        (ListFilters(since=syncer.account.now), {failed["id"], failed["id"] + 1}),
    ):
        assert set(syncer(Plan(filters=filters)).seen) == ids
        assert syncer.rows(ACCOUNTS)[0]["watermark"] is None
    assert syncer(Plan(ids=[failed["id"]])).kind == "jobs"
    assert syncer.rows(ACCOUNTS)[0]["watermark"] is None
    assert len(syncer().seen) == 7


def test_listed_jobs_are_asked_for_one_by_one(syncer: Syncer) -> None:
    history(syncer.account, 5)
    first, second, *_ = syncer.account.jobs
    outcome = syncer(Plan(ids=[second, first, 999_999]))
    assert set(outcome.seen) == {first, second}
    assert outcome.missing == [999_999]
    assert syncer.asked == [
        "rate_limit_status",
        f"jobs/{second}",
        f"jobs/{first}",
        "jobs/999999",
    ]


def test_a_full_run_finds_what_is_gone(syncer: Syncer) -> None:
    history(syncer.account, 5)
    syncer()
    gone = min(syncer.account.jobs)
    del syncer.account.jobs[gone]
    syncer.account.touch()
    outcome = syncer(Plan(full=True))
    assert (outcome.kind, outcome.gone, outcome.changed) == ("full", 1, 0)
    stored = {row["id"]: row["gone_at"] for row in syncer.rows(JOBS)}
    assert len(stored) == 5
    assert [job_id for job_id, at in stored.items() if at is not None] == [gone]


def test_an_open_job_that_vanished_is_marked(syncer: Syncer) -> None:
    history(syncer.account, 2)
    job = syncer.account.add_job(status="running")
    syncer()
    syncer.account.advance(3600 * 24)
    del syncer.account.jobs[job["id"]]
    syncer.account.touch()
    assert syncer().gone == 1
    assert syncer().gone == 0
    assert f"jobs/{job['id']}" not in syncer.asked


def failing_from(offset: int) -> Callable[[Request], Answer | None]:
    """Answer 503 for what the list has from an offset on."""

    def intercept(request: Request) -> Answer | None:
        is_before = int(request.query.get("offset", 0)) < offset
        return None if is_before else Answer(503, {"Retry-After": "7200"}, b"")

    return intercept


def test_next_run_resumes_an_interrupted_one(syncer: Syncer) -> None:
    history(syncer.account, 550)
    clock = syncer.account.now
    syncer.account.intercept = failing_from(196)
    with pytest.raises(Stopped):
        syncer()
    assert len(syncer.rows(JOBS)) == 198
    (snapshot,) = syncer.rows(SNAPSHOTS)
    assert (snapshot["status"], snapshot["jobs_inserted"]) == ("partial", 198)
    assert "503" in snapshot["error"]
    assert syncer.rows(ACCOUNTS)[0]["watermark"] is None

    syncer.account.intercept = None
    syncer.account.advance(1800)
    late = syncer.account.add_job()
    outcome = syncer()
    listed, asked_anew, counted = 4, 1, 1
    assert syncer.asked[0] == "rate_limit_status"
    assert set(syncer.asked[1:]) == {"jobs"}
    wasted = len(syncer.asked) - 1 - (listed + asked_anew + counted)
    assert 0 <= wasted <= MOST_WASTED
    assert outcome.inserted == 353
    assert late["id"] in outcome.seen
    assert syncer.rows(ACCOUNTS)[0]["watermark"] == clock + timedelta(seconds=1800)
    syncer.assert_equal_to_the_account()


def test_a_refused_key_is_on_record(syncer: Syncer) -> None:
    with pytest.raises(KeyRefused):
        syncer(key="wrong")
    (snapshot,) = syncer.rows(SNAPSHOTS)
    assert snapshot["status"] == "failed"
    assert "401" in snapshot["error"]
    assert "wrong" not in snapshot["error"]


def test_a_killed_run_is_put_on_record_by_the_next(syncer: Syncer) -> None:
    history(syncer.account, 1)
    syncer()
    with syncer.engine.begin() as connection:
        connection.execute(update(SNAPSHOTS).values(status="running", finished_at=None))
    syncer()
    assert [row["status"] for row in syncer.rows(SNAPSHOTS)] == ["failed", "completed"]


def test_two_runs_at_once(syncer: Syncer) -> None:
    history(syncer.account, 1)
    with lock(syncer.engine, "acme") as taken:
        assert taken
        with pytest.raises(Stopped, match="account acme is being read by another run"):
            syncer()
        with lock(syncer.engine, "other") as other:
            assert other
    assert syncer().inserted == 1


def test_ten_runs_at_once(syncer: Syncer) -> None:
    """Each reads, or finds another at it; together they bring all, once."""
    history(syncer.account, 450)
    url = syncer.engine.url.render_as_string(hide_password=False)
    ends: list[str] = []
    together = threading.Barrier(10)

    def run() -> None:
        engine = open_engine(url)
        together.wait()
        try:
            ends.append(Syncer(engine, syncer.account, syncer.url)().status)
        except Stopped as error:
            ends.append(str(error)[:33])
        finally:
            engine.dispose()

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(ends) <= {"completed", "account acme is being read by run"} | {
        "account acme is being read by ano"
    }
    assert "completed" in ends
    assert len(ends) == 10
    assert [row["status"] for row in syncer.rows(SNAPSHOTS)] == ["completed"] * ends.count(
        "completed"
    )
    syncer.assert_equal_to_the_account()


def test_a_bad_record_is_set_aside_and_comes_back(syncer: Syncer) -> None:
    history(syncer.account, 5)
    bad = sorted(syncer.account.jobs)[2]
    job = syncer.account.jobs[bad]
    job["runtime_in_seconds"], job["variables"] = GARBLED, {"password": "hunter2"}
    for _ in range(2):
        outcome = syncer()
        assert outcome.rejected == 1
        (reject,) = syncer.rows(REJECTS)
        assert (reject["job_id"], reject["account_id"]) == (bad, "acme")
        assert reject["reason"].startswith(f"job {bad}: JSON is malformed: invalid character")
        masked = {**job, "variables": {"password": "***"}}
        assert json.loads(reject["payload"]) == as_sent(masked).decode()
        assert "hunter2" not in reject["payload"]
    assert syncer.rows(SNAPSHOTS)[0]["watermark"] is not None
    assert len(syncer.rows(JOBS)) == 4
    job["runtime_in_seconds"] = 17
    outcome = syncer()
    assert (outcome.rejected, outcome.inserted) == (0, 1)
    assert syncer.rows(REJECTS) == []
    syncer.assert_equal_to_the_account()


def test_the_answer_for_one_job_that_is_another(syncer: Syncer) -> None:
    history(syncer.account, 2)
    first, second = syncer.account.jobs
    other = json.dumps(syncer.account.jobs[second]).encode()
    syncer.account.intercept = lambda request: (
        Answer(200, {}, other) if request.path.endswith(f"/{first}") else None
    )
    outcome = syncer(Plan(ids=[first]))
    assert outcome.rejected == 1
    assert syncer.rows(JOBS) == []
    assert syncer.rows(REJECTS)[0]["job_id"] == first


def test_two_accounts_in_one_database(syncer: Syncer) -> None:
    history(syncer.account, 3)
    syncer()
    other = SimulatedAccount("other")
    with serve(other) as url:
        for n in range(3):
            other.add_job(id=5000 + n)
        Syncer(syncer.engine, other, url)()
        assert len(syncer.rows(JOBS)) == 6
        clash = min(syncer.account.jobs)
        other.add_job(id=clash)
        with pytest.raises(UsageError, match=f"job {clash} of account other .* account acme"):
            Syncer(syncer.engine, other, url)()
    assert {row["id"]: row["account_id"] for row in syncer.rows(JOBS)}[clash] == "acme"


def test_the_vendors_samples_land(syncer: Syncer) -> None:
    from samples import sample  # noqa: PLC0415 - just here

    for job in sample("list-jobs"):
        syncer.account.jobs[job["id"]] = job
    syncer.account.touch()
    assert syncer().inserted == 4
    syncer.assert_equal_to_the_account()


def test_an_empty_account(syncer: Syncer) -> None:
    assert not syncer().seen
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]


def wait_for_rows(engine: Engine, jobs: int) -> None:
    end = time.monotonic() + 30
    stored = 0
    while stored < jobs:
        assert time.monotonic() < end, f"{stored} jobs are stored"
        time.sleep(0.005)
        with engine.connect() as connection:
            stored = connection.execute(select(func.count()).select_from(JOBS)).scalar_one()


@pytest.mark.slow
def test_the_database_goes_in_the_middle(syncer: Syncer) -> None:
    history(syncer.account, 300)
    dropped: list[bool] = []

    def drop(request: Request) -> None:
        if "offset" in request.query and request.query["offset"] != "0" and not dropped:
            dropped.append(True)
            other = open_engine(syncer.engine.url.render_as_string(hide_password=False))
            wait_for_rows(other, 100)  # the second page is asked for before the first is stored
            with other.begin() as connection:
                connection.execute(text("alter table job_changes rename to elsewhere"))
            other.dispose()

    syncer.account.intercept = drop
    with pytest.raises(DatabaseError, match=r"the database cannot be used: .*job_changes"):
        syncer()
    assert len(syncer.rows(JOBS)) == 100
    with syncer.engine.begin() as connection:
        connection.execute(text("alter table elsewhere rename to job_changes"))
    syncer()
    syncer.assert_equal_to_the_account()


def limits_of(
    syncer: Syncer, limits: Limits, plan: Plan | None = None
) -> tuple[Outcome | None, int]:
    """Sync within limits; return the outcome, None if it stopped early, and the requests sent."""
    service = Service(syncer.account.account_id, Key(syncer.account.api_key), syncer.url)
    syncer.account.requests.clear()
    with Client(service, limits, clock=Impatient()) as client:
        try:
            outcome = sync(Context(syncer.engine, client, service, Redaction()), plan or Plan())
        except Stopped:
            outcome = None
    return outcome, len(syncer.account.requests)


ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.slow
@ON_SQLITE
def test_pages_of_a_long_list_are_asked_for_side_by_side(syncer: Syncer) -> None:
    history(syncer.account, 1500)
    two = threading.Barrier(2)

    def meet(request: Request) -> None:
        # From the second page on two are asked for at a time: each waits here for the other.
        if request.query.get("offset", "0") != "0" and not two.broken:
            with contextlib.suppress(threading.BrokenBarrierError):
                if two.wait(30) == 0:
                    two.abort()
                    met.append(True)

    met: list[bool] = []
    syncer.account.intercept = meet
    outcome = syncer()
    assert met
    # The pages, a few past the end, the credits, and the newest.
    assert outcome.requests <= 16 + MOST_WASTED + 2
    syncer.assert_equal_to_the_account()


@pytest.mark.slow
@ON_SQLITE
@pytest.mark.parametrize("credits_left", range(511, 517))
def test_side_by_side_no_request_takes_of_the_reserve(syncer: Syncer, credits_left: int) -> None:
    history(syncer.account, 1500)
    syncer.account.credits_remaining = credits_left
    outcome, _asked = limits_of(syncer, Limits(reserve=500))
    assert outcome is None
    assert syncer.account.credits_remaining >= 500
    stored = len(syncer.rows(JOBS))
    assert stored >= 98 * (credits_left - 500 - 1)  # but for the newest
    syncer.account.credits_remaining = 5000
    syncer()
    syncer.assert_equal_to_the_account()


def test_small_budgets_get_there_in_the_end(syncer: Syncer) -> None:
    """Each run continues where the one before had to stop, however few requests it may send."""
    history(syncer.account, 450)
    for _ in range(10):
        outcome, asked = limits_of(syncer, Limits(requests=3))
        assert asked <= 3
        if outcome is not None:
            break
    assert outcome is not None
    syncer.assert_equal_to_the_account()
    assert [row["status"] for row in syncer.rows(SNAPSHOTS)[:-1]] == ["partial"] * 4


def test_the_reserve_stops_a_run_clean(syncer: Syncer) -> None:
    history(syncer.account, 450)
    syncer.account.credits_remaining = 503
    assert limits_of(syncer, Limits(reserve=500)) == (None, 4)
    assert syncer.account.credits_remaining == 500
    (snapshot,) = syncer.rows(SNAPSHOTS)
    assert (snapshot["status"], snapshot["credits_spent"], snapshot["credits_remaining"]) == (
        *("partial", 3),
        500,
    )
    assert snapshot["jobs_inserted"] == 198
    syncer.account.advance(3600)
    outcome, _ = limits_of(syncer, Limits(reserve=500))
    assert outcome is not None
    syncer.assert_equal_to_the_account()


def test_no_open_job_waits_for_ever_behind_others(syncer: Syncer) -> None:
    """If a budget is too small to ask for all of them, runs take turns.

    The API lists no status that it does not know.
    """
    history(syncer.account, 9)
    old = syncer.account.now - timedelta(days=1)
    jobs = [
        syncer.account.add_job(status="paused", created_at=old, updated_at=old) for _ in range(7)
    ]
    syncer()
    asked: set[str] = set()
    for _ in range(4):
        assert limits_of(syncer, Limits(requests=4))[0] is None
        asked |= set(syncer.asked)
    assert asked >= {f"jobs/{job['id']}" for job in jobs}


@pytest.mark.slow
def test_many_open_jobs_are_refreshed_by_few_requests(syncer: Syncer) -> None:
    """Listed by status, if that is cheaper; one that left the status meanwhile is asked for."""
    history(syncer.account, 9)
    old = syncer.account.now - timedelta(days=1)
    running = [
        syncer.account.add_job(
            status="running", created_at=old + timedelta(seconds=n), updated_at=old
        )
        for n in range(500)
    ]
    pending = syncer.account.add_job(status="pending", created_at=old, updated_at=old)
    syncer()
    for job in running:
        job["progress"] = 0.75
    running[7]["status"] = "idle"  # without a change of updated_at
    syncer.account.touch()
    syncer()
    syncer.assert_equal_to_the_account()
    by_id = [path for path in syncer.asked if path.startswith("jobs/")]
    assert sorted(by_id) == sorted([f"jobs/{running[7]['id']}", f"jobs/{pending['id']}"])
    queries = [query for _path, query in syncer.account.requests]
    assert sum("status=running" in query for query in queries) == 6
    assert len(syncer.asked) <= 6 + len(by_id) + 6


def test_a_server_that_filters_by_no_status_costs_no_more_than_asking_for_each(
    syncer: Syncer,
) -> None:
    history(syncer.account, 900)
    old = syncer.account.now - timedelta(days=1)
    now = syncer.account.now
    for _ in range(3):  # at the list's end
        syncer.account.add_job(status="running", created_at=now, updated_at=old)
    syncer()

    def forget_the_status(request: Request) -> None:
        request.query.pop("status", None)

    syncer.account.intercept = forget_the_status
    syncer()
    syncer.assert_equal_to_the_account()
    assert sum(path.startswith("jobs/") for path in syncer.asked) == 3
    assert len(syncer.asked) <= 3 + 3 + 1 + 6  # the listing, each, one asked for early, the rest


def test_what_moved_behind_an_interrupted_reader_is_in_the_next_run(syncer: Syncer) -> None:
    history(syncer.account, 550)
    syncer.account.intercept = failing_from(196)
    with pytest.raises(Stopped):
        syncer()
    syncer.account.intercept = None
    syncer.account.advance(60)
    behind = syncer.account.jobs[min(syncer.account.jobs)]
    behind["errors"], behind["updated_at"] = "late words", stamp(syncer.account.now)
    syncer.account.touch()
    syncer()
    syncer.assert_equal_to_the_account()


def test_a_backlog_is_read_once(syncer: Syncer) -> None:
    history(syncer.account, 20)
    syncer()
    for n in range(500):
        syncer.account.advance(60)
        syncer.account.add_job(errors=str(n))
    syncer.account.advance(600)
    assert syncer().inserted == 500
    assert len(syncer.asked) < 10
    syncer.account.advance(600)
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]


def test_a_date_that_runs_ahead_hides_no_change_behind_the_reader(syncer: Syncer) -> None:
    """Also if a listing of several pages takes longer than it overlaps with the one before."""
    account = syncer.account
    account.date_offset = 366 * 86_400
    history(account, 400)
    syncer()
    account.advance(3600)
    jobs = [account.jobs[job_id] for job_id in sorted(account.jobs)]

    def retouch(job: dict[str, Any], words: str) -> None:
        job["errors"], job["updated_at"] = words, stamp(account.now)
        account.touch()

    for job in jobs[:300]:
        retouch(job, "late words")
    listed = iter(range(100))

    def change(request: Request) -> None:
        if request.query.get("limit") == "100" and next(listed) == 1:
            retouch(jobs[5], "later words")
            account.advance(360)
            retouch(jobs[390], "later words")

    account.before_answer = change
    syncer()
    account.before_answer = None
    account.advance(61)
    syncer()
    syncer.assert_equal_to_the_account()


def test_next_run_resumes_a_killed_refresh(syncer: Syncer) -> None:
    history(syncer.account, 9)
    old = syncer.account.now - timedelta(days=1)
    job_ids = [
        syncer.account.add_job(status="paused", created_at=old, updated_at=old)["id"]
        for _ in range(50)
    ]
    syncer()

    class Killed(BaseException):
        pass

    def kill(request: Request) -> None:
        if len(syncer.account.requests) > 36 and "/jobs/" in request.path:
            for statement in ("before_cursor_execute", "begin"):
                event.listen(syncer.engine, statement, die)

    def die(*_: Any) -> None:
        raise Killed

    syncer.account.before_answer = kill
    with pytest.raises((Killed, DatabaseError)):  # or the lock's session, which is dead
        syncer()
    syncer.account.before_answer = None
    for statement in ("before_cursor_execute", "begin"):
        event.remove(syncer.engine, statement, die)
    syncer.engine.dispose()
    wait_until_free(syncer)
    syncer()
    again = [path for path in syncer.asked if path.startswith("jobs/")]
    assert len(again) == 50
    assert again[0] == f"jobs/{job_ids[20]}"


def wait_until_free(syncer: Syncer) -> None:
    """A server notices a closed session a little later, and only then ends its lock."""
    deadline = time.monotonic() + 30
    while True:
        with lock(syncer.engine, syncer.account.account_id) as check_lock:
            if check_lock is not None:
                return
        assert time.monotonic() < deadline


def test_a_job_asked_for_alone_keeps_what_only_lists_have(syncer: Syncer) -> None:
    history(syncer.account, 3)
    old = syncer.account.now - timedelta(days=1)
    job = syncer.account.add_job(status="running", created_at=old, updated_at=old)
    syncer()
    before = syncer.rows(JOBS)
    syncer(Plan(ids=[job["id"]]))
    assert syncer.rows(JOBS) == before
    job["progress"] = 0.5
    syncer.account.touch()
    syncer(Plan(ids=[job["id"]]))
    syncer.assert_equal_to_the_account()


@pytest.mark.parametrize("year", [1999, 2098])
def test_nothing_hangs_on_the_local_clock(
    syncer: Syncer, monkeypatch: pytest.MonkeyPatch, year: int
) -> None:
    class Off(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz).replace(year=year, day=1)

    monkeypatch.setattr("snapshotter.times.datetime", Off)
    syncer.account.populate(days=5)
    for seconds in (0, 600, 7200):
        syncer.account.advance(seconds)
        syncer()
        syncer.assert_equal_to_the_account()
    assert syncer.rows(ACCOUNTS)[0]["watermark"] == syncer.account.now
    assert {row["first_seen_at"].year for row in syncer.rows(JOBS)} == {2026}
    assert syncer.rows(SNAPSHOTS)[-1]["started_at"].year == year


@pytest.mark.slow
@pytest.mark.parametrize("offset", [None, -86_400, 86_400])
def test_a_date_that_is_missing_or_wrong(syncer: Syncer, offset: float | None) -> None:
    syncer.account.populate(days=5)
    for seconds, date_offset in ((0, 0), (600, offset), (7200, offset), (60, 0), (3600, 0)):
        syncer.account.date_offset = date_offset
        syncer.account.advance(seconds)
        syncer()
        syncer.assert_equal_to_the_account()


def test_the_database_loses_its_connections(syncer: Syncer) -> None:
    """The server drops every session; or the file of SQLite is removed."""
    history(syncer.account, 300)
    url = syncer.engine.url
    gone: list[bool] = []

    def drop(request: Request) -> None:
        if request.query.get("offset", "0") == "0" or gone:
            return
        gone.append(True)
        if url.get_backend_name() == "sqlite":
            Path(str(url.database)).unlink()
            return
        admin = open_engine(url.render_as_string(hide_password=False))
        with admin.connect() as connection:
            if url.get_backend_name() == "postgresql":
                connection.execute(
                    text(
                        "select pg_terminate_backend(pid) from pg_stat_activity "
                        "where datname = current_database() and pid <> pg_backend_pid()"
                    )
                )
            else:
                mine = connection.execute(text("select connection_id()")).scalar_one()
                shown = text("select id from information_schema.processlist where db = database()")
                for (session,) in connection.execute(shown).all():
                    if session != mine:
                        connection.execute(text(f"kill {session}"))
        admin.dispose()

    syncer.account.intercept = drop
    with pytest.raises((DatabaseError, Stopped), match="the database"):
        syncer()
    assert gone
    syncer.account.intercept = None
    syncer.engine.dispose()
    require_head(again := open_engine(url.render_as_string(hide_password=False)), may_create=True)
    again_syncer = Syncer(again, syncer.account, syncer.url)
    again_syncer()
    again_syncer.assert_equal_to_the_account()
    again.dispose()


def test_a_record_with_neither_id_nor_time_is_found_by_the_count(syncer: Syncer) -> None:
    """Nothing shows where it was: a run that may try it again searches the list."""
    history(syncer.account, 3)

    def one_null(request: Request) -> Answer | None:
        if not request.path.endswith("/jobs"):
            return None
        first = json.dumps([None, syncer.account.jobs[min(syncer.account.jobs)]]).encode()
        return Answer(200, {}, first if request.query["offset"] == "0" else b"[]")

    syncer.account.intercept = one_null
    assert syncer().rejected == 1
    syncer.account.intercept = None
    syncer.account.advance(3599)
    assert syncer().rejected == 1
    syncer.account.advance(1)
    assert syncer().rejected == 0
    assert syncer.rows(REJECTS) == []
    syncer.assert_equal_to_the_account()
