"""The plans of the trends on SQLite: what is fast stays fast, whatever the number of jobs."""

from datetime import date

import pytest
from sqlalchemy import Engine

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
    assert scans <= {"SCAN jobs USING INDEX ix_jobs_named"}  # of the packages' names


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


def test_retries_of_some_days_are_looked_up(engine: Engine) -> None:
    steps = plan(engine, "retries", DAYS)
    assert [step for step in steps if "INDEX ix_jobs_runs (status=? AND run_date>?" in step]


def test_the_days_of_packages_are_not_sorted_for_their_medians(engine: Engine) -> None:
    steps = plan(engine, "runtime_steps", Filters())
    window = steps[steps.index("MERGE (UNION ALL)") :][:5]
    assert len([step for step in window if "COVERING INDEX ix_jobs_runs" in step]) == 2
    assert not [step for step in window if "TEMP B-TREE" in step]


def test_the_jobs_that_ran_at_once_are_read_once_and_stored_nowhere(engine: Engine) -> None:
    steps = plan(engine, "concurrency", Filters())
    assert [step for step in steps if "ix_jobs_epochs" in step] == [
        "SEARCH jobs USING COVERING INDEX ix_jobs_epochs"
        " (account_id=? AND started_epoch>? AND started_epoch<?)",
        "SEARCH jobs USING COVERING INDEX ix_jobs_epochs (account_id=? AND started_epoch>?)",
    ]  # the second one finds the first job, to begin the hours there
    stored = {step.removeprefix("MATERIALIZE ") for step in steps if "MATERIALIZE" in step}
    assert not stored & {"spans", "inputs", "events", "ordered", "changes", "all_hours"}
