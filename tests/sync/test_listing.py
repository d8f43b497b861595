"""The list is read page by page, from the latest change that is known."""

import logging
from datetime import timedelta

import pytest
from failing import failing, move, open_jobs
from syncer import Syncer, history

from snapshotter.errors import RequestFailed
from snapshotter.simulator.history import stamp
from snapshotter.store.tables import ACCOUNTS, JOBS, SNAPSHOTS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


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
