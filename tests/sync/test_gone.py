"""Jobs that are gone at the API are marked, unless they are too many at once."""

from datetime import timedelta

import pytest
from syncer import Syncer, history
from vanishing import Outage, by_id, gone, remove

from snapshotter.simulator.faults import Answer, Request
from snapshotter.simulator.history import stamp
from snapshotter.store.tables import ACCOUNTS, JOBS
from snapshotter.sync.sync import Plan

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_finished_job_that_vanished_is_marked(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 350)
    syncer()
    before = {row["id"]: row for row in syncer.rows(JOBS)}
    vanished = sorted(account.jobs)[123]
    remove(account, vanished)
    account.advance(61)
    outcome = syncer()
    assert (outcome.gone, outcome.inserted, outcome.changed) == (1, 0, 0)
    listing, last_offset, number, search = 1, 1, 1, 3
    assert syncer.asked == [
        "rate_limit_status",
        *["jobs"] * (listing + last_offset + number + search),
        f"jobs/{vanished}",
    ]
    marked = {"gone_at": account.now, "last_changed_at": account.now, "snapshot_id": 2}
    expected = {**before, vanished: {**before[vanished], **marked}}
    assert {row["id"]: row for row in syncer.rows(JOBS)} == expected

    account.advance(61)
    assert syncer().gone == 0
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]


@sqlite
@pytest.mark.parametrize("vanished", [[0], [349], [0, 1, 2, 170, 171, 349], [99, 100, 101]])
def test_several_that_vanished(syncer: Syncer, vanished: list[int]) -> None:
    history(syncer.account, 350)
    syncer()
    ids = [sorted(syncer.account.jobs)[place] for place in vanished]
    remove(syncer.account, *ids)
    syncer.account.advance(61)
    assert syncer().gone == len(ids)
    assert sorted(gone(syncer)) == ids
    assert sorted(by_id(syncer)) == ids
    assert len(syncer.asked) <= 14 + len(ids)


def test_of_many_that_vanished_each_is_asked_for(syncer: Syncer) -> None:
    history(syncer.account, 80)
    syncer()
    ids = sorted(syncer.account.jobs)[10:40]
    remove(syncer.account, *ids)
    syncer.account.advance(61)
    outcome = syncer()  # a loss of this size has to be confirmed
    assert (outcome.gone, len(outcome.noted), gone(syncer)) == (0, 1, {})
    assert len(by_id(syncer)) == 11
    syncer.account.advance(3600)
    outcome = syncer()
    assert (outcome.gone, outcome.noted) == (30, [])
    assert sorted(gone(syncer)) == ids
    assert sorted(by_id(syncer)) == ids
    assert syncer.rows(ACCOUNTS)[0]["vanishing_since"] is None


@sqlite
def test_a_job_that_joins_during_the_search_makes_none_gone(syncer: Syncer) -> None:
    """The later places of the list move, so that pages seem to lack what they have."""
    account = syncer.account
    history(account, 400)
    syncer()
    ids = sorted(account.jobs)[50:104]
    remove(account, *ids)
    account.advance(61)
    early = min(job["created_at"] for job in account.jobs.values())

    def join(_request: Request) -> None:
        account.add_job(created_at=early, updated_at=account.now)

    account.before_answer = join
    syncer()
    account.before_answer = None
    for _ in range(2):
        account.advance(3600)
        syncer()
    assert sorted(gone(syncer)) == ids
    assert {row["id"] for row in syncer.rows(JOBS)} == account.jobs.keys() | set(ids)


@sqlite
def test_an_account_that_became_empty(syncer: Syncer) -> None:
    history(syncer.account, 3)
    syncer()
    ids = sorted(syncer.account.jobs)
    remove(syncer.account, *ids)
    syncer.account.advance(61)
    assert syncer().gone == 3
    assert sorted(gone(syncer)) == ids


@sqlite
@pytest.mark.parametrize("full", [False, True])
def test_a_job_that_comes_back_is_gone_no_more(syncer: Syncer, *, full: bool) -> None:
    """A plain run sees it where it was touched; a full one in any case."""
    account = syncer.account
    history(account, 5)
    syncer()
    back = min(account.jobs)
    job = account.jobs[back]
    remove(account, back)
    account.advance(61)
    syncer()
    assert sorted(gone(syncer)) == [back]
    account.jobs[back] = job
    if not full:
        job["updated_at"] = stamp(account.now)
    account.touch()
    account.advance(61)
    outcome = syncer(Plan(full=full))
    assert (outcome.gone, outcome.inserted, outcome.changed) == (0, 0, 1)
    assert gone(syncer) == {}
    syncer.assert_equal_to_the_account()


@pytest.mark.slow
@sqlite
@pytest.mark.parametrize("part", [1.0, 0.5])
@pytest.mark.parametrize("full", [False, True])
def test_an_outage_of_one_run_makes_no_job_gone(syncer: Syncer, part: float, *, full: bool) -> None:
    account = syncer.account
    history(account, 220)
    old = account.now - timedelta(days=1)
    for _ in range(20):
        account.add_job(status="running", created_at=old, updated_at=old)
    syncer()
    ids = sorted(account.jobs)
    lost = set(ids[: int(len(ids) * part)] + ids[-20:])
    for minutes in (2, 2, 56):
        account.advance(60 * minutes)
        account.intercept = Outage(account, lost)
        outcome = syncer(Plan(full=full))
        assert (outcome.gone, gone(syncer), len(outcome.noted)) == (0, {}, 1)
        assert outcome.noted[0].startswith("more than 12 jobs seem to be gone from the API at once")
        assert len(syncer.asked) < 60
    account.intercept = None
    account.advance(60)
    outcome = syncer()
    assert (outcome.gone, outcome.noted) == (0, [])
    assert syncer.rows(ACCOUNTS)[0]["vanishing_since"] is None
    syncer.assert_equal_to_the_account()


@pytest.mark.slow
@sqlite
@pytest.mark.parametrize("jobs", [220, 900])
def test_what_a_long_outage_has_made_gone_comes_back(syncer: Syncer, jobs: int) -> None:
    account = syncer.account
    history(account, jobs)
    syncer()
    account.intercept = Outage(account, set(account.jobs))
    account.advance(120)
    assert syncer().gone == 0
    account.advance(3600)
    assert syncer().gone == min(jobs, 500)
    account.advance(3600)
    assert syncer().gone == max(0, jobs - 500)
    assert len(gone(syncer)) == jobs
    account.intercept = None
    account.advance(120)
    outcome = syncer()
    assert (outcome.changed, outcome.gone, outcome.noted) == (jobs, 0, [])
    assert len(syncer.asked) < 40
    syncer.assert_equal_to_the_account()


@sqlite
def test_a_job_that_is_listed_but_not_given_by_id_stays(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 30)
    running = sorted(account.jobs)[14]
    account.jobs[running] |= {"status": "running", "completed_at": None}
    own = f"/jobs/{running}"
    account.intercept = lambda request: Answer(404) if request.path.endswith(own) else None
    for _ in range(3):
        outcome = syncer()
        assert (outcome.gone, outcome.noted) == (0, [])
        account.advance(3600)
    assert [row["id"] for row in syncer.rows(JOBS) if row["gone_at"]] == []
