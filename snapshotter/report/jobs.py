"""What the report asks of single jobs: the runs that are compared, and the last failures."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, select

from snapshotter.printable import web_page
from snapshotter.report.rows import Key, Row
from snapshotter.store.tables import JOBS, LOG_SUMMARIES, SUMMARIZED, chunks
from snapshotter.times import CLOCKS_APART
from snapshotter.trends.filters import Filters

# As in sql/runtime_regressions.sql.
_RECENT, _BASELINE = 5, 30
_LONGEST = 10**9  # seconds
_KEPT = 200  # latest runs of a package: some may be dated after the ones that are compared
_FAILURES = 30  # latest of a package


def within(filters: Filters) -> list[ColumnElement[bool]]:
    """Return the conditions on `jobs` that the filters of a trend are."""
    conditions = []
    if filters.since is not None:
        conditions.append(JOBS.c.run_date >= filters.since)
    if filters.until is not None:
        conditions.append(JOBS.c.run_date < filters.until)
    if filters.package_id is not None:
        conditions.append(JOBS.c.package_id == filters.package_id)
    if filters.account_id is not None:
        conditions.append(JOBS.c.account_id == filters.account_id)
    return conditions


def compared_runs(
    connection: Connection, regressions: Sequence[Row], filters: Filters
) -> list[dict[str, Any]]:
    """Return the run times that the rows of `runtime_regressions` compare, by package."""
    since = {row["since_job_id"]: row for row in regressions}
    found: dict[Key, list[Any]] = defaultdict(list)
    for ids in chunks({row["package_id"] for row in regressions}):
        for run in connection.execute(_latest_runs(ids, filters)):
            found[run.account_id, run.package_id].append(run)
    return [
        {
            "account_id": account,
            "package_id": package,
            "seconds": run.seconds,
            "is_recent": index >= place,
        }
        for (account, package), runs in found.items()
        for place in (at for at, run in enumerate(runs) if run.id in since)
        for index, run in list(enumerate(runs))[max(0, place - _BASELINE) : place + _RECENT]
    ]


def _latest_runs(package_ids: Sequence[int], filters: Filters) -> Select[Any]:
    finished = func.coalesce(JOBS.c.finished_epoch, 0)
    package = JOBS.c.account_id, JOBS.c.package_id
    age = func.row_number().over(partition_by=package, order_by=(finished.desc(), JOBS.c.id.desc()))
    runs = (
        select(
            *package,
            JOBS.c.id,
            JOBS.c.runtime_in_seconds.label("seconds"),
            age.label("age"),
        )
        .where(
            JOBS.c.status == "completed",
            JOBS.c.package_id.in_(package_ids),
            JOBS.c.runtime_in_seconds.between(0, _LONGEST),
            *within(filters),
        )
        .subquery()
    )
    return select(runs).where(runs.c.age <= _KEPT).order_by(runs.c.age.desc())


def last_failures(connection: Connection, filters: Filters) -> list[dict[str, Any]]:
    """Return the last failed jobs of each package, the latest first.

    With their reasons, and the summaries of their logs if they are stored.
    """
    package = JOBS.c.account_id, JOBS.c.package_id
    latest = func.coalesce(JOBS.c.finished_epoch, 0).desc(), JOBS.c.id.desc()
    place = func.row_number().over(partition_by=package, order_by=latest).label("place")
    columns = (
        *package,
        JOBS.c.id.label("job_id"),
        JOBS.c.finished_at,
        JOBS.c.error_fingerprint.label("reason"),
        LOG_SUMMARIES.c.error_summary.label("summary"),
        place,
    )
    found = select(*columns).select_from(JOBS.outerjoin(LOG_SUMMARIES, SUMMARIZED))
    jobs = found.where(JOBS.c.status == "failed", *within(filters)).subquery()
    rows = connection.execute(select(jobs).where(jobs.c.place <= _FAILURES).order_by(jobs.c.place))
    return [dict(row) for row in rows.mappings()]


class Failed(NamedTuple):
    """How many of a package's runs failed in a period, and the last one of these."""

    account_id: str
    package_id: int | None
    failed: int
    runs: int
    job_id: int
    finished_at: datetime
    reason: str | None
    url: str | None
    summary: str | None = None


def failed_runs(
    connection: Connection, account_id: str, since: datetime, now: datetime
) -> list[Failed]:
    """Return the packages of an account of which runs failed after `since`."""
    ended = (
        JOBS.c.account_id == account_id,
        JOBS.c.finished_at > since,
        JOBS.c.finished_at <= now + CLOCKS_APART,  # a later time cannot be right
    )
    counted = (
        select(JOBS.c.package_id, func.count())
        .where(*ended, JOBS.c.status.in_(("completed", "failed")))
        .group_by(JOBS.c.package_id)
    )
    runs = {row[0]: row[1] for row in connection.execute(counted)}
    columns = (
        JOBS.c.package_id,
        JOBS.c.id,
        JOBS.c.finished_at,
        JOBS.c.error_fingerprint,
        JOBS.c.html_url,
        LOG_SUMMARIES.c.error_summary,
    )
    jobs = select(*columns).select_from(JOBS.outerjoin(LOG_SUMMARIES, SUMMARIZED))
    latest_last = jobs.where(*ended, JOBS.c.status == "failed")
    failures: dict[int | None, list[Any]] = defaultdict(list)
    for row in connection.execute(latest_last.order_by(JOBS.c.finished_epoch, JOBS.c.id)):
        failures[row.package_id].append(row)
    return [
        Failed(
            account_id,
            package,
            len(rows),
            runs[package],
            rows[-1].id,
            rows[-1].finished_at,
            rows[-1].error_fingerprint,
            web_page(rows[-1].html_url),
            rows[-1].error_summary,
        )
        for package, rows in failures.items()
    ]
