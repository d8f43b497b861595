"""What the report asks of the database."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from snapshotter.errors import UsageError
from snapshotter.report.jobs import (
    compared_runs,
    last_failures,
    within,
)
from snapshotter.report.pages import named_jobs, package_urls
from snapshotter.report.rows import names_of
from snapshotter.report.sums import sums
from snapshotter.report.totals import SUMMED, TILES
from snapshotter.store.tables import ACCOUNTS, ANSWERED, CALENDAR, COMPLETE, JOBS, SNAPSHOTS
from snapshotter.times import CLOCKS_APART
from snapshotter.trends import trends
from snapshotter.trends.filters import (
    Filters,
    Package,
    day_after,
    find_package,
    first_day,
    newest_day,
    require_account,
)
from snapshotter.trends.job_links import job_pages
from snapshotter.trends.values import oldest_first

TRENDS = (
    *("runtime_by_day", "runtime_regressions", "runtime_steps", "slowest_packages", "throughput"),
    *("failures_by_day", "failure_reasons", "recovery", "retries"),
    *("queue_wait_by_day", "concurrency", "open_jobs", "records_by_day", "node_hours_by_week"),
    *("output_field_changes", "freshness", "snapshot_log"),
)

# These describe the present, whenever it began, so the days of the report do not limit them: open
# jobs are of any age, and the others are judged by the runs of the last year.
OF_THE_PRESENT = ("open_jobs", "freshness", "runtime_regressions")
LAST_YEAR = timedelta(days=365)
# The newest day is that of a job, and a sync that fails later stores none.
UP_TO_NOW = ("snapshot_log",)
# What the findings are decided from.
OF_FINDINGS = (
    *("runtime_by_day", "runtime_regressions", "runtime_steps", "slowest_packages"),
    *("failures_by_day", "recovery", "retries", "queue_wait_by_day", "open_jobs"),
    *("records_by_day", "output_field_changes", "freshness", "snapshot_log"),
)
# What findings need that have no moment from which on they were known.
OF_DAYS = (
    *("runtime_by_day", "runtime_regressions", "runtime_steps"),
    *("failures_by_day", "queue_wait_by_day"),
)


@dataclass(frozen=True)
class Scope:
    """What a report covers: this many days, up to the newest day stored; a package, an account."""

    length: timedelta
    package: str | int | None = None  # its name or id, or its id alone; None for all
    account: str | None = None  # None for all
    since: date | None = None  # instead of the length
    until: date | None = None  # the day after the last one
    trends: tuple[str, ...] = TRENDS


@dataclass(frozen=True)
class Answers:
    """What the database has for the days of the report; `days` is None if it has no job.

    `trends` holds rows by the trend's name, and more under names of their own:
    `package_failure_reasons`, `last_failures`, `compared_runs`, `complete_runs` and `job_urls`.

    `before` has the values of the report's tiles for the same number of days before, each None if
    the history does not reach back that far. `urls` has the pages of jobs by id, and `package_urls`
    those of packages by account and id.
    """

    accounts: Sequence[tuple[str, datetime | None]]
    days: tuple[date, date] | None
    package: str | None
    trends: dict[str, list[dict[str, Any]]]
    later: int = 0  # jobs that are dated after the last day, and left out
    before: dict[str, float | None] = field(default_factory=dict)
    urls: dict[int, str] = field(default_factory=dict)
    package_urls: dict[tuple[str, int], str] = field(default_factory=dict)


def ask(connection: Connection, scope: Scope, now: datetime) -> Answers:
    """Return the answers, as of `now`.

    Raises `UsageError` if the package or the account is not known, or `since` is too late.
    """
    require_account(connection, scope.account)
    accounts = account_watermarks(connection, scope.account)
    newest = newest_day(connection, now.date(), scope.account)
    days = None if newest is None else _days(connection, scope, newest)
    if newest is None or days is None:
        log = _rows(connection, "snapshot_log", Filters(account_id=scope.account))
        complete_runs = _complete_runs(connection, now, scope.account)
        return Answers(accounts, None, None, {"snapshot_log": log, "complete_runs": complete_runs})
    package = Package(scope.account, None)
    if scope.package is not None:
        package = find_package(connection, scope.package, scope.account)
    filters = Filters(days[0], day_after(days[1]), package.package_id, package.account_id)
    present = replace(filters, since=first_day(newest, LAST_YEAR), until=None)
    found = rows_within(connection, filters, present, scope.trends)
    found["complete_runs"] = _complete_runs(connection, now, filters.account_id)
    name = None
    if package.package_id is not None:
        names = (name for key, name in names_of(found).items() if key[1] == package.package_id)
        name = next(names, f"package {package.package_id}")
    urls = {row["job_id"]: row["url"] for row in found["job_urls"]}
    return Answers(
        accounts,
        days,
        name,
        found,
        0 if scope.until else _later(connection, days[1], filters),
        _before(connection, days, filters) if {*SUMMED} <= {*scope.trends} else {},
        urls,
        package_urls(connection, filters, found, urls),
    )


def account_watermarks(
    connection: Connection, account_id: str | None
) -> list[tuple[str, datetime | None]]:
    chosen = select(ACCOUNTS).where(ANSWERED).order_by(ACCOUNTS.c.account_id)
    if account_id is not None:
        chosen = chosen.where(ACCOUNTS.c.account_id == account_id)
    return [(row.account_id, row.watermark) for row in connection.execute(chosen)]


def rows_within(
    connection: Connection, filters: Filters, present: Filters, names: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of `Answers.trends`: those of the filters, and what describes the present.

    `present` limits the runs by which the present is judged.
    """
    limited = dict.fromkeys(names, filters)
    limited |= dict.fromkeys(OF_THE_PRESENT, present)
    limited |= {"open_jobs": replace(present, since=None)}
    limited |= dict.fromkeys(UP_TO_NOW, replace(filters, until=None))
    found = {name: _rows(connection, name, limit) for name, limit in limited.items()}
    found["package_failure_reasons"] = _package_failure_reasons(connection, filters)
    found["compared_runs"] = compared_runs(connection, found["runtime_regressions"], present)
    found["last_failures"] = last_failures(connection, filters)
    urls = job_pages(connection, named_jobs(found))
    found["job_urls"] = [{"job_id": job_id, "url": url} for job_id, url in urls.items()]
    return found


def rows_before(
    connection: Connection, days: tuple[date, date], account_id: str | None
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that whole days decide, from the first day up to before the last one."""
    filters = Filters(*days, account_id=account_id)
    found = {name: _rows(connection, name, filters) for name in OF_DAYS}
    found["compared_runs"] = compared_runs(connection, found["runtime_regressions"], filters)
    return found


def _before(
    connection: Connection, days: tuple[date, date], filters: Filters
) -> dict[str, float | None]:
    """Return the tiles' values for as many days before the days, None if not all are known."""
    first, last = days
    length = last - first + timedelta(days=1)
    earliest = first_day(first, length + timedelta(days=1))
    if earliest is None or not _reaches_back_to(connection, earliest, filters.account_id):
        return dict.fromkeys(TILES)
    earlier = replace(filters, since=first - length, until=first)
    return {**sums(connection, earlier)}


def _rows(connection: Connection, name: str, filters: Filters) -> list[dict[str, Any]]:
    columns, rows = oldest_first(trends.rows(connection, name, filters))
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _complete_runs(
    connection: Connection, now: datetime, account_id: str | None
) -> list[dict[str, Any]]:
    """Return when the last complete run of each account began, None before the first.

    A run that began in the future by this host's clock does not count.
    """
    began = func.max(SNAPSHOTS.c.started_at).label("started_at")
    runs = and_(
        SNAPSHOTS.c.account_id == ACCOUNTS.c.account_id,
        SNAPSHOTS.c.started_at <= now + CLOCKS_APART,
        *COMPLETE,
    )
    latest = (
        select(ACCOUNTS.c.account_id, began)
        .select_from(ACCOUNTS.outerjoin(SNAPSHOTS, runs))
        .where(ANSWERED)
        .group_by(ACCOUNTS.c.account_id)
        .order_by(ACCOUNTS.c.account_id)
    )
    if account_id is not None:
        latest = latest.where(ACCOUNTS.c.account_id == account_id)
    return [dict(row) for row in connection.execute(latest).mappings()]


def _package_failure_reasons(connection: Connection, filters: Filters) -> list[dict[str, Any]]:
    """Return what the trend `failure_reasons` counts, but for every package in one query.

    It repeats the trend's SQL, which has no row per package. Running that for each package in turn
    makes the report of 20,000 jobs of 500 packages 10 to 20 % slower. A test holds the two equal.
    """
    failures = func.count().label("failures")
    reason = JOBS.c.error_fingerprint.label("reason")
    package = JOBS.c.account_id, JOBS.c.package_id
    counted = (
        select(*package, reason, failures)
        .where(JOBS.c.status == "failed", *within(filters))
        .group_by(*package, reason)
        .order_by(failures.desc(), func.max(JOBS.c.id).desc())
    )
    return [dict(row) for row in connection.execute(counted).mappings()]


def _days(connection: Connection, scope: Scope, newest: date) -> tuple[date, date]:
    """Return the first and the last day of the report; `newest` is the newest one stored."""
    last = newest if scope.until is None else min(newest, scope.until - timedelta(days=1))
    if scope.since is not None and scope.since > last:
        raise UsageError(f"--since {scope.since} is after the last day that is stored, {last}")
    first = scope.since or first_day(last, scope.length)
    if first is not None and _reaches_back_to(connection, first, scope.account):
        return first, last
    dated = _dated(scope.account)
    oldest = connection.execute(select(func.min(JOBS.c.run_date)).where(*dated)).scalar() or last
    return max(first or oldest, min(oldest, last)), last


def _reaches_back_to(connection: Connection, day: date, account_id: str | None) -> bool:
    """Return whether a job is of that day or an earlier one.

    It stops at the first such job: looking for the oldest one reads an index to its end.
    """
    earlier = select(JOBS.c.id).where(JOBS.c.run_date <= day, *_dated(account_id)).limit(1)
    return connection.execute(earlier).first() is not None


def _dated(account_id: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions for jobs of an account, or of any, that are within the calendar.

    One job of the year 1 would make hundreds of thousands of days without runs.
    """
    first = select(func.min(CALENDAR.c.day)).scalar_subquery()
    return [JOBS.c.run_date >= first, *within(Filters(account_id=account_id))]


def _later(connection: Connection, last: date, filters: Filters) -> int:
    jobs = within(replace(filters, since=None, until=None))
    counted = select(func.count()).where(JOBS.c.run_date > last, *jobs)
    return connection.execute(counted).scalar() or 0
