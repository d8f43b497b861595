"""Changes that the simulated account shows late."""

import itertools
from datetime import timedelta

from simulated import Get, ids, visible

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.history import stamp

pytest_plugins = ["simulated_fixtures"]


def test_a_new_job_appears_within_the_lag(account: SimulatedAccount, get: Get) -> None:
    account.lag = 60
    for job_id in range(1, 41):
        account.add_job(id=job_id)
    shown = [set[int]()]
    for _ in range(4):
        account.advance(15)
        shown.append(set(visible(get)))
        for job_id in account.jobs:
            assert (get(f"jobs/{job_id}").status_code == 200) == (job_id in shown[-1])
    assert all(before < after for before, after in itertools.pairwise(shown))
    assert shown[-1] == set(account.jobs)


def test_the_versions_of_a_job_appear_in_their_order(account: SimulatedAccount, get: Get) -> None:
    account.add_job(id=1, attempts=1)
    account.lag = 20
    late, last = 0, 1
    for second in range(2, 101):
        account.advance(1)
        with account.lock:
            account.jobs[1]["outputs"][0]["records_count"] = account.jobs[1]["attempts"] = second
            account.touch()
        job = get("jobs/1").json()
        assert job["outputs"][0]["records_count"] == job["attempts"]
        assert get("jobs").json()[0]["attempts"] == job["attempts"]
        assert max(last, second - 20) <= job["attempts"] <= second
        last = job["attempts"]
        late = max(late, second - last)
    assert late > 5
    account.advance(20)
    assert get("jobs").json() == [account.jobs[1]]


def test_a_change_by_hand_counts_from_touch(account: SimulatedAccount, get: Get) -> None:
    account.add_job(id=1)
    account.lag = 10
    account.jobs[1]["status"] = "failed"
    account.add_job(id=2)
    account.now += timedelta(seconds=10)
    assert ids(get("jobs", direction="asc")) == [1, 2]
    assert ids(get("jobs", status="failed")) == []
    account.touch()
    assert ids(get("jobs", status="failed")) == []
    account.now += timedelta(seconds=10)
    assert ids(get("jobs", status="failed")) == [1]


def test_the_lag_can_be_changed_at_any_time(account: SimulatedAccount, get: Get) -> None:
    def fail(job_id: int) -> None:
        with account.lock:
            account.add_job(id=job_id)["status"] = "failed"
            account.touch()

    fail(1)
    account.lag = 10
    fail(2)
    account.lag = 20
    fail(3)
    assert ids(get("jobs", status="failed")) == [1]
    account.lag = 0
    assert ids(get("jobs", status="failed")) == [3, 2, 1]
    account.jobs[1]["status"] = "stopped"
    assert get("jobs/1").json()["status"] == "stopped", "without a lag nothing is copied"


def test_jobs_from_before_the_lag_appear_at_once(account: SimulatedAccount, get: Get) -> None:
    account.lag = 3600
    account.populate(days=3)
    assert account.lag == 3600
    assert visible(get) == account.jobs
    account.advance(60)
    assert visible(get) != account.jobs
    account.lag = 0
    account.lag = 3600
    assert visible(get) == account.jobs


def test_a_long_step_of_the_clock_delays_no_change_longer(
    account: SimulatedAccount, get: Get
) -> None:
    """What became of a job a while ago, within the step, is not held back once more."""
    account.populate(days=1)
    account.add_job(status="running")
    account.lag = 300
    for _ in range(70):
        account.advance(1234)
        seen, by_now = visible(get), stamp(account.now - timedelta(seconds=300))
        for job_id, job in account.jobs.items():
            if job["created_at"] <= by_now:
                assert job_id in seen
            if str(job["completed_at"]) <= by_now:
                assert seen[job_id] == job
    assert len(account.jobs) > 50


def test_a_removed_job_loses_its_changes(account: SimulatedAccount, get: Get) -> None:
    account.lag = 60
    account.add_job(id=1, package_id=434)
    account.remove_job(1)
    account.advance(60)
    assert get("jobs/1").status_code == 404
    account.add_job(id=1, package_id=435)
    account.advance(60)
    assert get("jobs/1").json()["package_id"] == 435
