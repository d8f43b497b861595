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
NAMED = (
    "failures_by_day",
    "node_hours_by_week",
    "open_jobs",
    "runtime_by_day",
    "runtime_by_week",
    "runtime_regressions",
    "runtime_steps",
    "slowest_packages",
)
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


@pytest.mark.parametrize("name", NAMED)
def test_a_name_is_looked_up_for_each_row(engine: Engine, name: str) -> None:
    """What grows with the history costs as much for a few days as for all."""
    steps = plan(engine, name, DAYS)
    looked_up = "SEARCH named USING INDEX ix_jobs_named (package_id=? AND account_id=?)"
    assert looked_up in steps
    assert not [step for step in steps if step.startswith("SCAN jobs")]


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


def test_the_runs_of_days_are_not_sorted_for_their_medians(engine: Engine) -> None:
    """And read once, in one range of the index: merging two parts of it costs as much again."""
    steps = plan(engine, "runtime_steps", Filters())
    days = steps[steps.index("CO-ROUTINE inputs") :][:3]
    assert days[2] == "SEARCH jobs USING COVERING INDEX ix_jobs_runs (status=? AND run_date>?)"
    assert not [step for step in steps if "MERGE" in step]
