"""What the report asks of the database, held to the trends."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from samples import job, store
from sqlalchemy import Engine

from snapshotter.report.answers import Scope, ask
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters, day_after

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FAILURES = (
    # day, package, error: as many of one reason as of another, some without one, some too old
    *((20, 434, "Out of memory: 17"), (21, 434, "Out of memory: 18"), (22, 434, "No such table")),
    *((23, 434, "No such table"), (24, 434, None), (25, 435, "No such table"), (26, 435, None)),
    *((27, None, "No such table"), (2, 434, "Too old"), (3, 436, "Too old")),
)


@pytest.fixture
def failed(engine: Engine) -> Engine:
    """Return a database with the failures, and with a completed run of each package."""
    packages = {434: "orders", 435: "lines", 436: "rare"}
    for number, (day, package, error) in enumerate(FAILURES):
        at = f"2026-01-{day:02}T03:00:00Z"
        times = dict.fromkeys(("created_at", "started_at", "updated_at", "completed_at"), at)
        own: dict[str, Any] = {"id": number + 1, "package_id": package, "outputs": [], **times}
        named = None if package is None else {"id": package, "name": packages[package]}
        store(engine, job(status="failed", errors=error, package=named, **own), at=NOW)
        store(engine, job(package=named, **{**own, "id": number + 101}), at=NOW)
    return engine


@pytest.mark.parametrize("package", [None, "orders"])
def test_reasons_of_each_package_are_those_of_the_trend(
    failed: Engine, package: str | None
) -> None:
    with failed.connect() as connection:
        answers = ask(connection, Scope(timedelta(days=20), package), NOW.date())
        found = answers.trends["package_failure_reasons"]
        assert answers.days is not None
        first, last = answers.days
        for package_id in (434, 435, 436):
            filters = Filters(first, day_after(last), package_id)
            _, expected = trends.rows(connection, "failure_reasons", filters)
            own = [
                (row["reason"], row["failures"]) for row in found if row["package_id"] == package_id
            ]
            asked_for = package is None or package_id == 434
            assert own == ([row[:2] for row in expected] if asked_for else [])
            assert len(expected) == {434: 3, 435: 2, 436: 0}[package_id]
    without = [row["failures"] for row in found if row["package_id"] is None]
    assert without == ([1] if package is None else [])


def test_days_end_with_the_newest_job(failed: Engine) -> None:
    with failed.connect() as connection:
        answers = ask(connection, Scope(timedelta(days=3)), NOW.date())
    assert answers.days == (date(2026, 1, 25), date(2026, 1, 27))
    assert {row["day"].day for row in answers.trends["failures_by_day"]} == {25, 26, 27}
    assert answers.later == 0


def test_an_empty_database_has_no_days(engine: Engine) -> None:
    with engine.connect() as connection:
        answers = ask(connection, Scope(timedelta(days=3)), NOW.date())
    assert (answers.accounts, answers.days, answers.package) == ([], None, None)
    assert answers.trends == {"snapshot_log": []}
