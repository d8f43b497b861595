"""The made-up history, and how its jobs go on."""

from datetime import timedelta
from typing import Any

import pytest
from simulated import JOB_FIELDS, NOW, Get, ids

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.history import stamp

pytest_plugins = ["simulated_fixtures"]


def test_progress_does_not_move_updated_at_until_the_end(
    account: SimulatedAccount, get: Get
) -> None:
    added = dict(account.add_job(id=1, status="running"))
    account.advance(300)
    half = get("jobs/1").json()
    assert (half["status"], half["progress"], half["runtime_in_seconds"]) == ("running", 0.5, 300)
    assert half["outputs"][0]["records_count"] == 500
    assert half["updated_at"] == added["updated_at"] == stamp(NOW)
    assert ids(get("jobs", since=stamp(NOW + timedelta(seconds=1)))) == []
    account.advance(400)
    done = get("jobs/1").json()
    assert (done["status"], done["progress"], done["runtime_in_seconds"]) == ("completed", 1, 600)
    assert done["outputs"][0]["records_count"] == 1000
    assert done["updated_at"] == done["completed_at"] == stamp(NOW + timedelta(seconds=600))
    assert ids(get("jobs", since=stamp(NOW + timedelta(seconds=1)))) == [1]


@pytest.mark.parametrize(
    ("status", "then"),
    [
        ("idle", ["pending", "queued", "running", "completed"]),
        ("queued", ["running", "running", "running", "completed"]),
        ("pending_stoppage", ["stopping", "stopping", "stopping", "stopped"]),
        ("failed", ["failed"] * 4),
        ("suspended", ["suspended"] * 4),
    ],
)
def test_an_open_job_goes_through_its_statuses(
    account: SimulatedAccount, status: str, then: list[str]
) -> None:
    job = account.add_job(status=status)
    for seconds, expected in zip((30, 30, 30, 600), then, strict=True):
        account.advance(seconds)
        assert job["status"] == expected


def test_a_job_ended_by_hand_stays_ended(account: SimulatedAccount) -> None:
    job = account.add_job(status="running")
    job.update(status="stopped", progress=0.25)
    account.advance(3600)
    assert (job["status"], job["progress"]) == ("stopped", 0.25)


def test_the_history_has_what_a_real_one_has(populated: SimulatedAccount) -> None:
    jobs = list(populated.jobs.values())
    statuses = {job["status"] for job in jobs}
    open_jobs = [job for job in jobs if job["completed_at"] is None]
    assert 2900 <= len(jobs) <= 3100
    assert statuses >= {"idle", "pending", "queued", "running", "completed", "failed", "stopped"}
    assert 4 <= len(open_jobs) <= 12
    assert {job["creator"]["type"] for job in jobs} == {"Schedule", "User"}
    assert any("db_password" in job["variables"] for job in jobs)
    assert any(job["attempts"] for job in jobs)
    for job in jobs:
        assert set(job) == JOB_FIELDS
        assert job["outputs_count"] == len(job["outputs"]) <= 3
        assert all(3 <= len(output["component"]["fields"]) <= 12 for output in job["outputs"])
        times = (job["created_at"], job["started_at"], job["completed_at"], stamp(NOW))
        known = [at for at in times if at is not None]
        assert known == sorted(known)
        assert job["updated_at"] == max(known[:-1])
    created = [job["created_at"] for job in jobs]
    assert created == sorted(created)


def test_the_history_has_the_trends_to_find(populated: SimulatedAccount) -> None:
    slow_from, narrow_from = stamp(NOW - timedelta(days=21)), stamp(NOW - timedelta(days=14))
    old: list[int] = []
    new: list[int] = []
    wide: set[int] = set()
    narrow: set[int] = set()
    for job in populated.jobs.values():
        name, created_at = job["package"]["name"], job["created_at"]
        if name == "orders_to_warehouse" and job["status"] == "completed":
            (new if created_at >= slow_from else old).append(job["runtime_in_seconds"])
        if name == "customer_profiles":
            columns = (len(output["component"]["fields"]) for output in job["outputs"])
            (narrow if created_at >= narrow_from else wide).update(columns)
    assert 1.8 < (sum(new) / len(new)) / (sum(old) / len(old)) < 2.2
    assert (wide, narrow) == ({8}, {7})


def test_each_change_of_a_day_is_found_by_since() -> None:
    account = SimulatedAccount(now=NOW)
    account.populate(days=3)
    before: dict[int, dict[str, Any]] = {i: dict(job) for i, job in account.jobs.items()}
    account.advance(86_400)
    for job_id, job in account.jobs.items():
        if job["updated_at"] <= stamp(NOW):
            assert job == before[job_id], "a job changed in a day and its end did not show"
    assert all(account.jobs[i]["status"] in ("completed", "failed", "stopped") for i in before)
