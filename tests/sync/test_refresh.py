"""Open jobs are requested in every run, by their status or one by one."""

import pytest
from failing import failing, move, open_jobs
from syncer import Syncer

from snapshotter.simulator.faults import Answer, Request
from snapshotter.store.tables import JOBS
from snapshotter.sync import refresh

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("status", [422, 500])
def test_a_status_that_cannot_be_listed(syncer: Syncer, status: int) -> None:
    jobs = open_jobs(syncer, 30, status="running")
    move(syncer, jobs)
    syncer.account.intercept = failing(status, status="running")
    outcome = syncer()
    (note,) = outcome.noted
    assert note.startswith("the jobs of status 'running' could not be listed: GET ")
    syncer.assert_equal_to_the_account()


def test_a_status_that_the_api_does_not_know_is_no_failure(syncer: Syncer) -> None:
    jobs = open_jobs(syncer, 30)
    move(syncer, jobs)
    assert syncer().noted == []
    syncer.assert_equal_to_the_account()


@pytest.mark.slow
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


@pytest.mark.slow
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
