"""What the report asks of single jobs, on each kind of database."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from samples import job, store
from sqlalchemy import Engine, select

from snapshotter.api.schema import LogSummary
from snapshotter.api.summaries import Summary
from snapshotter.report.jobs import (
    compared_runs,
    failed_runs,
    last_failures,
)
from snapshotter.store.log_summaries import FailedJob, put
from snapshotter.store.tables import JOBS
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters
from snapshotter.trends.job_links import job_pages

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
ALL = Filters()
PAGE = "https://xplenty.com/acme/jobs"


def ran(number: int, day: int, **fields: Any) -> dict[str, Any]:
    """Return a job of the day of the year."""
    at = datetime.fromordinal(date(2026, 1, 1).toordinal() + day - 1)
    times = dict.fromkeys(
        ("created_at", "started_at", "updated_at", "completed_at"), f"{at:%Y-%m-%d}T03:00:00Z"
    )
    return job(**{"id": number, "outputs": [], "html_url": f"{PAGE}/{number}", **times, **fields})


def test_the_compared_runs_are_those_of_the_trend(engine: Engine) -> None:
    slow = range(41, 46)
    runs = [ran(n, n, runtime_in_seconds=900 if n in slow else 300 + n) for n in range(1, 46)]
    impossible = ran(99, 40, runtime_in_seconds=10**10)
    other = ran(100, 44, package_id=5, package={"id": 5, "name": "other"})
    store(engine, *runs, impossible, other, at=NOW)
    with engine.connect() as connection:
        columns, rows = trends.rows(connection, "runtime_regressions", ALL)
        regressions = [dict(zip(columns, row, strict=True)) for row in rows]
        found = compared_runs(connection, regressions, ALL)
    assert [row["package_id"] for row in regressions] == [434]
    recent = [row["seconds"] for row in found if row["is_recent"]]
    before = [row["seconds"] for row in found if not row["is_recent"]]
    assert recent == [900] * 5
    assert before == list(range(311, 341))
    assert {(row["account_id"], row["package_id"]) for row in found} == {("acme", 434)}


@pytest.fixture
def failed(engine: Engine) -> Engine:
    """Return a database with failures of two packages, the last ones on 4 January."""
    other = {"package_id": 5, "package": {"id": 5, "name": "other"}}
    store(
        engine,
        ran(1, 1, status="failed", errors="Old"),
        ran(2, 2, status="failed", errors="Newer"),
        ran(3, 3),
        ran(4, 4, status="failed", errors="Newest", html_url="javascript:alert(1)"),
        ran(5, 4, status="stopped"),
        ran(6, 4, status="failed", errors="Other", **other),
        at=NOW,
    )
    return engine


def test_last_failures_come_first(failed: Engine) -> None:
    with failed.connect() as connection:
        found = last_failures(connection, ALL)
        early = last_failures(connection, Filters(until=date(2026, 1, 3)))
    own = [(row["job_id"], row["reason"]) for row in found if row["package_id"] == 434]
    assert own == [(4, "Newest"), (2, "Newer"), (1, "Old")]
    assert [row["job_id"] for row in found if row["package_id"] == 5] == [6]
    assert [row["job_id"] for row in early] == [2, 1]
    assert found[0]["finished_at"].tzinfo is not None


def test_failures_have_the_summaries_of_their_logs(failed: Engine) -> None:
    """But not that of a failure before the job ran again."""
    with failed.begin() as connection:
        (at,) = connection.execute(select(JOBS.c.finished_epoch).where(JOBS.c.id == 4)).scalars()
        for job_id, finished in ((2, at), (4, at), (6, at - 1)):
            summary = Summary(LogSummary(error_summary=f"summary {job_id}"), {})
            put(connection, FailedJob(job_id, finished, 0), summary, NOW)
    with failed.connect() as connection:
        found = {row["job_id"]: row["summary"] for row in last_failures(connection, ALL)}
        since = datetime(2026, 1, 1, 12, tzinfo=UTC)
        runs = {run.job_id: run.summary for run in failed_runs(connection, "acme", since, NOW)}
    assert found == {4: "summary 4", 2: None, 1: None, 6: None}
    assert runs == {4: "summary 4", 6: None}


def test_failed_runs_of_a_period(failed: Engine) -> None:
    since = datetime(2026, 1, 1, 12, tzinfo=UTC)
    with failed.connect() as connection:
        found = {run.package_id: run for run in failed_runs(connection, "acme", since, NOW)}
        earlier = failed_runs(connection, "acme", since, datetime(2026, 1, 2, 12, tzinfo=UTC))
        assert failed_runs(connection, "beta", since, NOW) == []
    assert (found[434].failed, found[434].runs) == (2, 3)
    assert (found[434].job_id, found[434].reason, found[434].url) == (4, "Newest", None)
    assert (found[5].failed, found[5].runs, found[5].url) == (1, 1, f"{PAGE}/6")
    assert [(run.failed, run.job_id) for run in earlier] == [(1, 2)]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "javascript://x.example/%0aalert(1)",
        "https:///no-host",
        "https://x/<b>",
        'https://x/"onclick=',
        "https://x/\u202e",
        "https://x/a b",
        "https://[x",
        "",
    ],
)
def test_only_a_web_page_is_a_link(engine: Engine, url: str) -> None:
    store(engine, ran(1, 1, html_url=url), ran(2, 2), at=NOW)
    with engine.connect() as connection:
        assert job_pages(connection, [1, 2, 3]) == {2: f"{PAGE}/2"}
