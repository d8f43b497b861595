"""A job whose own call fails is set aside alone, and the run goes on."""

from datetime import timedelta

import pytest
from failing import failing, move, open_jobs
from syncer import Syncer, command, history

from snapshotter.errors import RequestFailed, Stopped
from snapshotter.simulator.faults import Answer, Request
from snapshotter.store.tables import JOBS, REJECTS, SNAPSHOTS
from snapshotter.sync import by_id
from snapshotter.sync.sync import Plan

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


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

    move(syncer, jobs)  # it waits, and the run reports it at its end
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
