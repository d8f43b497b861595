"""What the report asks of the database, held to the trends."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from runs import replace
from samples import job, store
from sqlalchemy import Engine, insert
from sqlalchemy.event import listen, remove

from snapshotter.errors import UsageError
from snapshotter.report.answers import OF_THE_PRESENT, Scope, ask
from snapshotter.report.totals import TILES
from snapshotter.store.tables import ACCOUNTS, SNAPSHOTS
from snapshotter.times import epoch
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
        answers = ask(connection, Scope(timedelta(days=20), package), NOW)
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
            assert own == ([row[1:3] for row in expected] if asked_for else [])
            assert len(expected) == {434: 3, 435: 2, 436: 0}[package_id]
    without = [row["failures"] for row in found if row["package_id"] is None]
    assert without == ([1] if package is None else [])


def test_days_end_with_the_newest_job(failed: Engine) -> None:
    with failed.connect() as connection:
        answers = ask(connection, Scope(timedelta(days=3)), NOW)
    assert answers.days == (date(2026, 1, 25), date(2026, 1, 27))
    assert {row["day"].day for row in answers.trends["failures_by_day"]} == {25, 26, 27}
    assert answers.later == 0


def test_an_empty_database_has_no_days(engine: Engine) -> None:
    with engine.connect() as connection:
        answers = ask(connection, Scope(timedelta(days=3)), NOW)
    assert (answers.accounts, answers.days, answers.package) == ([], None, None)
    assert answers.trends == {"snapshot_log": [], "complete_runs": []}


def add_account(engine: Engine, account_id: str) -> None:
    with engine.begin() as connection:
        replace(connection, ACCOUNTS, {"account_id": account_id, "api_url": "x"})


def add_run(engine: Engine, started_at: datetime, **columns: Any) -> None:
    """Add a run of the whole list that completed, but for `columns`."""
    counted = ("jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged", "jobs_rejected")
    row = {
        **dict.fromkeys((*counted, "requests", "pages"), 1),
        "account_id": "acme",
        "kind": "incremental",
        "status": "completed",
        "started_at": started_at,
        "started_epoch": epoch(started_at),
        "watermark": started_at,
        "watermark_epoch": epoch(started_at),
        **columns,
    }
    with engine.begin() as connection:
        connection.execute(insert(SNAPSHOTS).values(row))


def test_the_log_has_the_runs_since_the_newest_job(failed: Engine) -> None:
    """A sync that fails stores no job, so that its day may be after the newest one."""
    newest = datetime(2026, 1, 27, 3, tzinfo=UTC)
    for days in (-9, 0, 2, 3):
        status = {"status": "failed", "watermark": None, "watermark_epoch": None} if days else {}
        add_run(failed, newest + timedelta(days=days), **status)
    with failed.connect() as connection:
        answers = ask(connection, Scope(timedelta(days=3)), NOW)
    assert answers.days == (date(2026, 1, 25), date(2026, 1, 27))
    began = [row["started_at"].day for row in answers.trends["snapshot_log"]]
    assert began == [27, 29, 30]


def test_complete_runs_are_those_of_the_whole_list(failed: Engine) -> None:
    """Whatever the days of the report are; one in the future by this clock does not count."""
    began = datetime(2026, 1, 2, 3, tzinfo=UTC)
    no_watermark = {"watermark": None, "watermark_epoch": None}
    for account in ("acme", "beta", "gamma"):
        add_account(failed, account)
    add_run(failed, began - timedelta(days=1))
    add_run(failed, began)
    add_run(failed, began + timedelta(days=1), **no_watermark)  # narrowed by filters
    add_run(failed, began + timedelta(days=2), kind="jobs", **no_watermark)
    add_run(failed, began + timedelta(days=3), status="partial")
    add_run(failed, NOW + timedelta(days=1))
    add_run(failed, NOW + timedelta(minutes=4), account_id="beta")
    add_run(failed, began, account_id="gamma", **no_watermark)
    with failed.connect() as connection:
        answers = ask(connection, Scope(timedelta(days=3)), NOW)
    assert answers.trends["complete_runs"] == [
        {"account_id": "acme", "started_at": began},
        {"account_id": "beta", "started_at": NOW + timedelta(minutes=4)},
        {"account_id": "gamma", "started_at": None},
    ]


def test_answers_of_one_account(failed: Engine) -> None:
    for account in ("acme", "beta"):
        add_account(failed, account)
    package = {"id": 434, "name": "lines"}
    store(failed, job(id=501, status="failed", package=package), at=NOW, account_id="beta")
    with failed.connect() as connection:
        both = ask(connection, Scope(timedelta(days=400)), NOW)
        beta = ask(connection, Scope(timedelta(days=3), account="beta"), NOW)
        named = ask(connection, Scope(timedelta(days=400), "rare"), NOW)
        with pytest.raises(UsageError, match="no account 'gamma' in this database"):
            ask(connection, Scope(timedelta(days=3), account="gamma"), NOW)
    assert [account for account, _ in both.accounts] == ["acme", "beta"]
    assert [account for account, _ in beta.accounts] == ["beta"]
    assert beta.days == (date(2026, 1, 2), date(2026, 1, 2))
    assert [row["account_id"] for row in beta.trends["complete_runs"]] == ["beta"]
    for name in ("failures_by_day", "package_failure_reasons"):
        assert {row["account_id"] for row in both.trends[name]} == {"acme", "beta"}
        assert {row["account_id"] for row in beta.trends[name]} == {"beta"}
        assert {row["account_id"] for row in named.trends[name]} == {"acme"}


@pytest.fixture
def two_periods(engine: Engine) -> Engine:
    """Return a database with a run a day of 1 to 20 January, those of the first ten days slower."""
    for day in range(1, 21):
        at = f"2026-01-{day:02}T03:00:00Z"
        times = dict.fromkeys(("created_at", "started_at", "updated_at", "completed_at"), at)
        status = "failed" if day == 5 else "completed"
        output = {"id": day, "name": "o", "records_count": 10 if day < 11 else 1}
        seconds = 7200 if day < 11 else 3600
        page = f"https://xplenty.com/acme/jobs/{day}"
        own = {"id": day, "status": status, "outputs": [output], "runtime_in_seconds": seconds}
        store(engine, job(**own, html_url=page, **times), at=NOW)
    return engine


def test_the_tiles_values_of_as_many_days_before(two_periods: Engine) -> None:
    with two_periods.connect() as connection:
        found = ask(connection, Scope(timedelta(days=10)), NOW)
        of_nobody = ask(connection, Scope(timedelta(days=10), "434", "acme"), NOW)
    assert found.days == (date(2026, 1, 11), date(2026, 1, 20))
    assert found.before == {
        "runs": 10,
        "failed": 1,
        "hours": 18,
        "records": 90,
        "nodes": 40,
        "packages": 1,
    }
    assert of_nobody.before == found.before


@pytest.mark.parametrize("days", [11, 20, 90])
def test_no_values_before_if_the_history_does_not_reach_back(
    two_periods: Engine, days: int
) -> None:
    with two_periods.connect() as connection:
        found = ask(connection, Scope(timedelta(days=days)), NOW)
    assert found.before == dict.fromkeys(TILES)


def test_pages_of_the_jobs_and_the_packages_that_rows_name(two_periods: Engine) -> None:
    with two_periods.connect() as connection:
        found = ask(connection, Scope(timedelta(days=20)), NOW)
    assert found.urls[20] == "https://xplenty.com/acme/jobs/20"  # when the package last completed
    assert found.urls[5] == "https://xplenty.com/acme/jobs/5"  # the last failure
    assert 19 not in found.urls
    assert found.package_urls == {("acme", 434): "https://xplenty.com/acme/packages/434"}


def test_the_present_is_judged_by_the_runs_of_the_last_year(engine: Engine) -> None:
    packages = {1: range(3, 500, 14), 2: range(400, 500), 3: range(0, 360, 5)}
    number = 0
    for package, ages in packages.items():
        for age in ages:
            number += 1
            at = (NOW - timedelta(days=age)).strftime("%Y-%m-%dT03:00:00Z")
            times = dict.fromkeys(("created_at", "started_at", "updated_at", "completed_at"), at)
            seconds = 900 if age < 80 else 300
            own = {"id": number, "outputs": [], "runtime_in_seconds": seconds, **times}
            store(engine, job(package_id=package, package=None, **own), at=NOW)
    store(engine, job(id=999, status="running", created_at="2020-01-01T00:00:00Z"), at=NOW)
    with engine.connect() as connection:
        found = ask(connection, Scope(timedelta(days=7)), NOW).trends
        whole = {name: trends.rows(connection, name, Filters()).rows for name in OF_THE_PRESENT}
    assert {row["package_id"]: row["runs"] for row in found["freshness"]} == {1: 26, 3: 72}
    assert len(whole["freshness"]) == 3
    # No package of which a year has 35 runs is judged otherwise than by its whole history.
    (slower,) = (row for row in found["runtime_regressions"] if row["package_id"] == 3)
    assert tuple(slower.values()) in whole["runtime_regressions"]
    assert len(found["open_jobs"]) == len(whole["open_jobs"]) == 1


def test_no_statement_of_the_report_is_asked_twice_for_the_same_days(two_periods: Engine) -> None:
    asked: list[tuple[str, object]] = []

    def note(*event: Any) -> None:
        asked.append((event[2], str(event[3])))

    with two_periods.connect() as connection:
        listen(two_periods, "before_cursor_execute", note)
        try:
            ask(connection, Scope(timedelta(days=10)), NOW)
        finally:
            remove(two_periods, "before_cursor_execute", note)
    assert len(asked) > 20
    assert [each for each, times in Counter(asked).items() if times > 1] == []
