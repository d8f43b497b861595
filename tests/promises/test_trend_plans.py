"""The plans of the trends on SQLite: what is fast stays fast, whatever the number of jobs."""

from datetime import date

import pytest
from sqlalchemy import Engine

from snapshotter.store import deferred
from snapshotter.trends.filters import Filters
from snapshotter.trends.standalone import filled

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DAYS = Filters(since=date(2026, 1, 5), until=date(2026, 1, 25))
OF_DAYS = {
    "failures_by_day": "ix_jobs_runs (status=? AND run_date>?",
    "freshness": "ix_jobs_runs (status=? AND run_date>?",
    "node_hours_by_week": "ix_jobs_runs (status=? AND run_date>?",
    "recovery": "ix_jobs_runs (status=? AND run_date>?",
    "runtime_by_day": "ix_jobs_runs (status=? AND run_date>?",
    "runtime_by_week": "ix_jobs_runs (status=? AND run_date>?",
    "runtime_regressions": "ix_jobs_runs (status=? AND run_date>?",
    "runtime_steps": "ix_jobs_runs (status=? AND run_date>?",
    "slowest_packages": "ix_jobs_runs (status=? AND run_date>?",
    "concurrency": "ix_jobs_epochs (account_id=? AND started_epoch>? AND started_epoch<?",
}
NAMED = (
    "failures_by_day",
    "freshness",
    "node_hours_by_week",
    "open_jobs",
    "recovery",
    "retries",
    "runtime_by_day",
    "runtime_by_week",
    "runtime_regressions",
    "runtime_steps",
    "slowest_packages",
    "throughput",
)
LOOKED_UP = "SEARCH named USING INDEX ix_jobs_named (package_id=? AND account_id=?)"
WITH_CLOCKS = ("concurrency", "freshness", "open_jobs", "recovery", "runtime_regressions")


def plan(engine: Engine, name: str, filters: Filters) -> list[str]:
    with engine.connect() as connection:
        statement = f"explain query plan {filled(name, filters)}"
        return [row[3] for row in connection.exec_driver_sql(statement)]


@pytest.mark.parametrize("name", OF_DAYS)
def test_a_first_day_is_looked_up_in_an_index(engine: Engine, name: str) -> None:
    steps = plan(engine, name, DAYS)
    assert [step for step in steps if f"COVERING INDEX {OF_DAYS[name]}" in step]
    scans = {step for step in steps if step.startswith("SCAN jobs")}
    assert scans <= {"SCAN jobs USING COVERING INDEX ix_jobs_ends"}  # skipped, as a day is given


@pytest.mark.parametrize("name", NAMED)
def test_a_name_is_looked_up_for_each_row(engine: Engine, name: str) -> None:
    """What grows with the history costs as much for a few days as for all."""
    steps = plan(engine, name, DAYS)
    assert LOOKED_UP in steps
    read_whole = {step for step in steps if step.startswith("SCAN jobs")}
    others = {f"SCAN jobs USING COVERING INDEX ix_jobs_{each}" for each in ("ends", "schedules")}
    assert read_whole <= others


@pytest.mark.parametrize("name", NAMED)
def test_a_name_is_looked_up_during_a_first_load_too(engine: Engine, name: str) -> None:
    """Or each row of a trend would search all jobs for a package's name."""
    assert deferred.leave_out(engine)
    assert LOOKED_UP in plan(engine, name, DAYS)


@pytest.mark.parametrize("name", WITH_CLOCKS)
def test_the_newest_times_are_looked_up(engine: Engine, name: str) -> None:
    steps = " ".join(plan(engine, name, Filters()))
    for time in ("created_epoch", "finished_epoch"):
        assert f"ix_jobs_account_id_{time} (account_id=? AND {time}<?" in steps


def test_waits_are_read_from_an_index_alone(engine: Engine) -> None:
    """Whole rows are ten times as large as what this trend needs of them."""
    steps = plan(engine, "queue_wait_by_day", Filters())
    assert [step for step in steps if "jobs " in step] == [
        "SCAN jobs USING COVERING INDEX ix_jobs_runs"
    ]


@pytest.mark.parametrize("filters", [Filters(), DAYS])
def test_retries_are_read_in_the_order_of_a_schedules_jobs(
    engine: Engine, filters: Filters
) -> None:
    """The index has the jobs of schedules only, and all that is read of them."""
    steps = plan(engine, "retries", filters)
    read = [at for at, step in enumerate(steps) if "INDEX ix_jobs_schedules" in step]
    assert [steps[at] for at in read] == ["SCAN jobs USING COVERING INDEX ix_jobs_schedules"] * 2
    assert "TEMP B-TREE FOR GROUP BY" not in steps[read[0] + 1]
    within = "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"  # of equal moments, or unknown ones
    assert within in steps[read[1] :]
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps[read[1] : steps.index(within)]


@pytest.mark.parametrize("name", ["freshness", "recovery"])
def test_all_ends_of_packages_are_read_in_their_order(engine: Engine, name: str) -> None:
    steps = plan(engine, name, Filters())
    window = steps[steps.index("SCAN jobs USING COVERING INDEX ix_jobs_ends") :][:3]
    assert "USE TEMP B-TREE FOR ORDER BY" not in window


def test_the_runs_of_days_are_not_sorted_for_their_medians(engine: Engine) -> None:
    """And read once, in one range of the index: merging two parts of it costs as much again."""
    steps = plan(engine, "runtime_steps", Filters())
    days = steps[steps.index("CO-ROUTINE inputs") :][:3]
    assert days[2] == "SEARCH jobs USING COVERING INDEX ix_jobs_runs (status=? AND run_date>?)"
    assert not [step for step in steps if "MERGE" in step]


def test_the_jobs_that_ran_at_once_are_read_once_and_stored_nowhere(engine: Engine) -> None:
    steps = plan(engine, "concurrency", Filters())
    read = [step.partition("ix_jobs_epochs ")[2] for step in steps if "ix_jobs_epochs" in step]
    # The second one finds the first job, to begin the hours there.
    assert read == [
        "(account_id=? AND started_epoch>? AND started_epoch<?)",
        "(account_id=? AND started_epoch>?)",
    ]
    stored = {step.removeprefix("MATERIALIZE ") for step in steps if "MATERIALIZE" in step}
    made = [step for step in steps if step in ("MATERIALIZE reach", "CO-ROUTINE reach")]
    assert len(made) == 1  # once, not for each day
    assert not stored & {"spans", "inputs", "events", "ordered", "changes", "all_hours"}
