"""A pruned job that the API still lists is neither stored again nor missed, until it changes."""

import gc
from datetime import timedelta
from typing import Any

import pytest
from failing import failing
from pruning import half_pruned, pruned_before
from rejecting import reasons
from sqlalchemy import insert, update
from syncer import Syncer, history
from vanishing import by_id, remove

from snapshotter.api.client import ListFilters
from snapshotter.api.records import Reject
from snapshotter.errors import UsageError
from snapshotter.simulator.faults import GARBLED
from snapshotter.simulator.history import stamp
from snapshotter.store import accounts, pruned
from snapshotter.store.set_aside import set_aside
from snapshotter.store.tables import ACCOUNTS, JOBS, OUTPUTS, PRUNED, REJECTS
from snapshotter.store.write import Stamp
from snapshotter.sync import reconcile
from snapshotter.sync.sync import Plan

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def stored_ids(syncer: Syncer) -> list[int]:
    return sorted(row["id"] for row in syncer.rows(JOBS))


def pruned_rows(syncer: Syncer) -> dict[int, dict[str, Any]]:
    return {row["job_id"]: row for row in syncer.rows(PRUNED)}


def touched(syncer: Syncer, job_id: int, **fields: Any) -> None:
    """Have the API update a job now."""
    syncer.account.jobs[job_id].update(updated_at=stamp(syncer.account.now), **fields)
    syncer.account.touch()


def test_no_run_stores_it_or_searches_for_it(syncer: Syncer) -> None:
    half_pruned(syncer, 150)
    before = stored_ids(syncer)
    outcome = syncer()
    assert (outcome.inserted, outcome.gone) == (0, 0)
    # As for any account: the list, and its count, at the offset where it should end.
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]
    outcome = syncer(Plan(full=True))
    assert (len(outcome.seen), outcome.inserted, outcome.changed, outcome.gone) == (150, 0, 0, 0)
    outcome = syncer(Plan(filters=ListFilters(since=syncer.account.now - timedelta(days=9))))
    assert (len(outcome.seen), outcome.inserted) == (150, 0)
    assert stored_ids(syncer) == before
    assert len(syncer.rows(PRUNED)) == 75


@sqlite
def test_a_new_job_and_a_missed_one_are_found_among_pruned_ones(syncer: Syncer) -> None:
    half_pruned(syncer, 150)
    earlier = syncer.account.now - timedelta(days=1)
    times = dict.fromkeys(("created_at", "started_at", "completed_at", "updated_at"), earlier)
    missed = syncer.account.add_job(**times)["id"]  # no listing by `since` has it
    new = syncer.account.add_job()["id"]
    assert syncer().inserted == 2
    assert {missed, new} < {*stored_ids(syncer)}
    assert len(syncer.rows(PRUNED)) == 75


def test_the_index_has_it_at_its_place_in_the_list(syncer: Syncer) -> None:
    half = half_pruned(syncer)
    remove(syncer.account, half[3])
    syncer()
    listed = sorted(syncer.account.jobs)
    for status in (None, "completed"):
        assert [*reconcile.index(syncer.engine, "acme", status).ids] == listed
    assert [*reconcile.index(syncer.engine, "acme", without=half).ids] == listed[4:]
    assert len(reconcile.index(syncer.engine, "acme", "failed")) == 0


@sqlite
def test_an_update_at_the_api_stores_it_again(syncer: Syncer) -> None:
    first, second, *others = half_pruned(syncer)
    touched(syncer, first, errors="again")
    touched(syncer, second, status="running", completed_at=None)
    assert syncer().inserted == 2
    assert pruned_rows(syncer).keys() == {*others}
    assert {first, second} < {*stored_ids(syncer)}
    rows = [row for row in syncer.rows(OUTPUTS) if row["job_id"] == first]
    assert len(rows) == len(syncer.account.jobs[first]["outputs"])
    syncer.account.advance(60)
    assert syncer().inserted == 0


@sqlite
def test_a_request_by_its_id_stores_it_again(syncer: Syncer) -> None:
    first, *others = half_pruned(syncer)
    outcome = syncer(Plan(ids=[first]))
    assert (outcome.inserted, outcome.missing) == (1, [])
    assert first in stored_ids(syncer)
    assert pruned_rows(syncer).keys() == {*others}
    syncer.account.advance(60)
    assert syncer().gone == 0


@sqlite
def test_a_deletion_at_the_api_is_noticed_once(syncer: Syncer) -> None:
    first, *_ = half_pruned(syncer)
    job = dict(syncer.account.jobs[first])
    remove(syncer.account, first)
    assert syncer().gone == 1
    assert by_id(syncer) == [first]
    assert pruned_rows(syncer)[first]["gone_at"] == syncer.account.now
    syncer.account.advance(60)
    syncer()
    assert by_id(syncer) == []
    syncer.account.add_job(**job)  # it comes back
    syncer.account.advance(60)
    assert (syncer().inserted, pruned_rows(syncer)[first]["gone_at"]) == (0, None)
    assert len(syncer.rows(PRUNED)) == 5


@sqlite
def test_a_job_deleted_while_it_ran_comes_back_if_it_runs_again(syncer: Syncer) -> None:
    history(syncer.account, 3)
    job = dict(syncer.account.add_job(status="running"))
    syncer()
    remove(syncer.account, job["id"])
    syncer.account.advance(60)
    assert syncer().gone == 1
    assert pruned_before(syncer, syncer.account.now + timedelta(seconds=1)).jobs == 4
    assert pruned_rows(syncer)[job["id"]]["status"] == "running"
    syncer.account.add_job(**job)
    syncer.account.advance(60)
    assert syncer(Plan(full=True)).inserted == 1
    assert stored_ids(syncer) == [job["id"]]


@sqlite
def test_an_old_record_that_cannot_be_read_stays_away(syncer: Syncer) -> None:
    history(syncer.account, 4)
    earlier = syncer.account.now - timedelta(days=1)
    times = dict.fromkeys(("created_at", "started_at", "completed_at", "updated_at"), earlier)
    bad = syncer.account.add_job(owner_id=GARBLED, **times)["id"]
    nameless = syncer.account.add_job(**times)
    nameless["id"] = "x"
    assert syncer().rejected == 2
    removed = pruned_before(syncer, earlier + timedelta(hours=1))
    assert (removed.jobs, removed.rejected) == (0, 1)
    assert [row["job_id"] for row in syncer.rows(REJECTS)] == [None]  # nothing would recognise it
    syncer.account.advance(60)
    outcome = syncer(Plan(full=True))
    assert (outcome.inserted, {*reasons(syncer)}) == (0, {None})
    syncer.account.advance(60)
    syncer()
    assert by_id(syncer) == []
    touched(syncer, bad)
    syncer()
    assert {*reasons(syncer)} == {bad, None}
    assert syncer.rows(PRUNED) == []
    syncer.account.jobs[bad]["owner_id"] = 8
    touched(syncer, bad)
    assert syncer().inserted == 1


@sqlite
def test_a_failing_request_by_its_id_leaves_it_pruned(syncer: Syncer) -> None:
    first, *_ = half_pruned(syncer)
    syncer.account.intercept = failing(500, f"jobs/{first}")
    assert syncer(Plan(ids=[first])).rejected == 1
    syncer.account.intercept = None
    for _ in range(2):
        syncer.account.advance(7200)
        assert syncer().inserted == 0
        assert (syncer.rows(REJECTS), first in pruned_rows(syncer)) == ([], True)
    assert by_id(syncer) == []


def test_a_page_leaves_nothing_that_only_the_collector_frees(syncer: Syncer) -> None:
    """It seldom runs during a load, so what is left of each page would grow with the jobs."""
    ids = half_pruned(syncer)
    stamp = Stamp("acme", 1, syncer.account.now)
    for job_id in ids[:2]:  # the first of them fills caches
        answer = Reject(job_id, None, "x", {"id": job_id, "updated_at": "2026-01-31T12:00:00Z"})
        gc.collect()
        with syncer.engine.begin() as connection:
            assert pruned.settle(connection, stamp, [answer], restores=True) == set()
            set_aside(connection, stamp, [answer], lambda value: value)
        left = gc.collect()
    assert left == 0


@sqlite
def test_another_account_cannot_have_it(syncer: Syncer) -> None:
    first, *_ = half_pruned(syncer)
    with syncer.engine.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(account_id="beta", api_url=""))
        connection.execute(update(PRUNED).where(PRUNED.c.job_id == first).values(account_id="beta"))
    with pytest.raises(UsageError, match=f"job {first} of account acme is stored under account be"):
        syncer(Plan(full=True))


@sqlite
def test_renaming_an_account_moves_it_and_forgetting_removes_it(syncer: Syncer) -> None:
    half_pruned(syncer)
    accounts.rename(syncer.engine, "acme", "acme-group")
    assert {row["account_id"] for row in syncer.rows(PRUNED)} == {"acme-group"}
    accounts.forget(syncer.engine, "acme-group", with_jobs=True)
    assert syncer.rows(PRUNED) == []
