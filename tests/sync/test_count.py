"""The list is counted in each run, and what differs from the stored jobs is found."""

import json
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update
from syncer import Syncer, command, history
from vanishing import Hiding, by_id, gone, remove

from snapshotter.api.prefetch_plan import MOST_WASTED
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED, Answer, Request
from snapshotter.store.tables import ACCOUNTS, JOBS, REJECTS, SNAPSHOTS
from snapshotter.sync.reconcile import expected_count

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@sqlite
def test_a_few_jobs_that_the_list_hides_are_asked_for_each_time(syncer: Syncer) -> None:
    """So few may as well have been missed by a list that moved: nothing is concluded from them."""
    account = syncer.account
    history(account, 150)
    syncer()
    account.intercept = Hiding(account, set(sorted(account.jobs)[20:23]))
    for _ in range(2):
        account.advance(61)
        assert syncer().gone == 0
        assert len(by_id(syncer)) == 3
    assert gone(syncer) == {}


def test_jobs_that_the_list_hides_are_not_gone(
    syncer: Syncer, caplog: pytest.LogCaptureFixture
) -> None:
    account, hidden = syncer.account, 25
    history(account, 150)
    syncer()
    ids = set(sorted(account.jobs)[20 : 20 + hidden])
    account.intercept = Hiding(account, ids)
    account.advance(61)
    with caplog.at_level(logging.WARNING, logger="snapshotter"):
        assert syncer().gone == 0
    assert gone(syncer) == {}
    assert len(by_id(syncer)) == hidden
    assert caplog.messages == [f"the list lacks about {hidden} jobs that the API returns by id"]
    assert syncer.rows(ACCOUNTS)[0]["unlisted"] == hidden

    caplog.clear()
    account.advance(61)
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs", "jobs"]
    assert caplog.messages == []

    account.intercept = None  # the list shows them again, and lacks what is gone
    remove(account, sorted(account.jobs)[100])
    account.advance(61)
    assert syncer().gone == 1


@sqlite
def test_a_date_that_runs_ahead_and_a_job_of_the_future_hide_no_other(syncer: Syncer) -> None:
    """The listing starts too late to show it: the count does not."""
    account = syncer.account
    account.date_offset = 400 * 86_400
    history(account, 1)
    future = account.now + timedelta(days=365)
    account.add_job(created_at=future, updated_at=future)
    syncer()
    account.advance(3600)
    account.add_job()
    outcome = syncer()
    assert (outcome.inserted, outcome.noted) == (1, [])
    assert len(syncer.asked) <= 5
    syncer.assert_equal_to_the_account()


@pytest.mark.slow
@sqlite
@pytest.mark.parametrize("hidden", [1, 3, 200])
def test_jobs_that_no_listing_showed_are_found(syncer: Syncer, hidden: int) -> None:
    """They lie anywhere in the list, with times long past."""
    account = syncer.account
    history(account, 700)
    ids = sorted(account.jobs)[3 : 3 + 3 * hidden : 3]
    account.intercept = Hiding(account, set(ids))
    assert syncer().inserted == 700 - hidden
    account.intercept = None
    account.advance(3600)
    outcome = syncer()
    assert (outcome.inserted, outcome.noted) == (hidden, [])
    assert len(syncer.asked) < 30
    syncer.assert_equal_to_the_account()
    account.advance(3600)
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]


@pytest.mark.slow
@sqlite
def test_jobs_that_join_while_a_run_counts_cost_little(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 700)
    syncer()

    def join(request: Request) -> None:
        if request.query.get("limit") == "2":
            for _ in range(3):
                account.add_job()

    account.before_answer = join
    for _ in range(3):
        account.advance(120)
        outcome = syncer()
        assert (outcome.inserted >= 3, outcome.noted) == (True, [])
        assert syncer.asked == ["rate_limit_status", *["jobs"] * 3]
    syncer.assert_equal_to_the_account()


@sqlite
def test_rows_that_somebody_deleted_come_back(syncer: Syncer) -> None:
    history(syncer.account, 350)
    syncer()
    with syncer.engine.begin() as connection:
        for table in ("output_fields", "job_outputs", "job_changes", "jobs"):
            connection.exec_driver_sql(f"delete from {table}")
    syncer.account.advance(61)
    outcome = syncer()
    assert (outcome.inserted, outcome.noted) == (350, [])
    syncer.assert_equal_to_the_account()


@sqlite
def test_each_run_counts(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 150)
    syncer()
    newest, pages = 1, 2
    assert syncer.asked[0] == "rate_limit_status"
    wasted = len(syncer.asked) - 1 - (newest + pages)
    assert 0 <= wasted <= MOST_WASTED  # all were seen
    assert set(syncer.asked[1:]) == {"jobs"}
    account.advance(61)
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]
    account.advance(1)
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]
    assert syncer.rows(ACCOUNTS)[0]["counted_at"] == account.now
    account.add_job()
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]
    assert syncer.rows(ACCOUNTS)[0]["counted_at"] == account.now
    assert [row["status"] for row in syncer.rows(SNAPSHOTS)] == ["completed"] * 4


@sqlite
def test_what_is_set_aside_counts_as_here(syncer: Syncer) -> None:
    history(syncer.account, 5)
    bad = min(syncer.account.jobs)
    syncer.account.jobs[bad]["owner_id"] = GARBLED
    syncer.account.advance(61)
    syncer()
    remove(syncer.account, max(syncer.account.jobs))
    syncer.account.advance(61)
    assert syncer().gone == 1


def nulls(account: SimulatedAccount, *places: int) -> Callable[[Request], Answer | None]:
    """Answer the list with a null at these places of it, in the order of the jobs' times."""

    def answer(request: Request) -> Answer | None:
        if not request.path.endswith("/jobs") or request.query["sort"] != "created":
            return None
        since = request.query.get("since", "")
        shown: list[Any] = sorted(
            (job for job in account.jobs.values() if job["updated_at"] >= since),
            key=lambda job: (job["created_at"], job["id"]),
        )
        if not since:
            for place in places:
                shown.insert(place, None)
        start = int(request.query["offset"])
        page = shown[start : start + int(request.query["limit"])]
        return Answer(200, {}, json.dumps(page).encode())

    return answer


@pytest.mark.slow
@sqlite
def test_records_that_are_all_alike_cost_no_search_in_each_run(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 350)
    account.intercept = nulls(account, 120, 200, 300)
    assert syncer().rejected == 1
    spent = []
    for _ in range(4):
        account.now += timedelta(minutes=2)
        assert syncer().rejected == 1
        spent.append(len(syncer.asked))
    assert spent[1:] == [4, 4, 4]  # credits, a listing, a count of two: no link shows more
    assert syncer.rows(ACCOUNTS)[0]["unlisted"] == -2
    account.intercept = None
    account.now += timedelta(hours=1)
    assert syncer().rejected == 0
    assert syncer.rows(REJECTS) == []
    account.now += timedelta(hours=1)
    syncer()
    assert len(syncer.asked) == 3


@sqlite
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


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another account"])
def test_the_stored_jobs_are_counted_once(syncer: Syncer, others: int) -> None:
    """Those of another account, and those that are gone, are not among them."""
    history(syncer.account, 5)
    syncer()
    with syncer.engine.begin() as connection:
        (job_id,) = connection.execute(select(JOBS.c.id).limit(1)).scalars()
        connection.execute(
            update(JOBS).where(JOBS.c.id == job_id).values(gone_at=syncer.account.now)
        )
        if others:
            connection.execute(insert(ACCOUNTS).values(account_id="other", api_url="x"))
            row = connection.execute(select(JOBS).where(JOBS.c.id != job_id)).mappings().first()
            assert row
            connection.execute(insert(JOBS).values({**row, "id": 9_999, "account_id": "other"}))
    assert expected_count(syncer.engine, syncer.account.account_id) == 4
    with syncer.engine.begin() as connection:
        connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(gone_at=None))
    counted: list[str] = []

    @event.listens_for(syncer.engine, "before_cursor_execute")
    def note(*given: Any) -> None:
        counted.append(" ".join(str(given[2]).split()))

    syncer()
    of_jobs = [each for each in counted if re.match(r"SELECT count\(\*\) AS \w+ FROM jobs\b", each)]
    is_alone_in_sqlite = syncer.engine.dialect.name == "sqlite" and not others
    assert len(of_jobs) == (2 if is_alone_in_sqlite else 1)
    # Without a condition, SQLite counts the smallest index.
    assert of_jobs[0].endswith("FROM jobs") == is_alone_in_sqlite
