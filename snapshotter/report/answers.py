"""What the report asks of the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from snapshotter.report.rows import package_names
from snapshotter.report.slowdowns import slowdowns
from snapshotter.store.tables import ACCOUNTS, CALENDAR, JOBS
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters, day_after, find_package, first_day, newest_day

TRENDS = (
    *("runtime_by_day", "runtime_regressions", "slowest_packages", "throughput"),
    *("failures_by_day", "failure_reasons", "recovery", "retries"),
    *("queue_wait_by_day", "concurrency", "open_jobs", "records_by_day", "node_hours_by_week"),
    *("output_field_changes", "freshness", "snapshot_log"),
)

# These describe the present, whenever it began, so the days of the report do not limit them.
OF_THE_PRESENT = ("open_jobs", "freshness", "runtime_regressions")


@dataclass(frozen=True)
class Scope:
    """What a report covers: this many days, up to the newest day stored, and one package or all."""

    length: timedelta
    package: str | None = None  # its name or id


@dataclass(frozen=True)
class Answers:
    """What the database has for the days of the report; `days` is None if it has no job.

    `trends` holds rows by the trend's name, and two more under names of their own: `slowdowns`, and
    `package_failure_reasons`.
    """

    accounts: Sequence[tuple[str, datetime | None]]
    days: tuple[date, date] | None
    package: str | None
    trends: dict[str, list[dict[str, Any]]]
    later: int = 0  # jobs that are dated after the last day, and left out


def ask(connection: Connection, scope: Scope, today: date) -> Answers:
    """Return the answers. Raises `UsageError` if the package is not known."""
    accounts = [
        (row.account_id, row.watermark)
        for row in connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.account_id))
    ]
    days = _days(connection, scope.length, today)
    if days is None:
        log = _rows(connection, "snapshot_log", Filters())
        return Answers(accounts, None, None, {"snapshot_log": log})
    package_id = None if scope.package is None else find_package(connection, scope.package)
    filters = Filters(days[0], day_after(days[1]), package_id)
    undated = Filters(package_id=package_id)
    found = {
        name: _rows(connection, name, undated if name in OF_THE_PRESENT else filters)
        for name in TRENDS
    }
    found["slowdowns"] = slowdowns(found["runtime_by_day"])
    found["package_failure_reasons"] = _package_failure_reasons(connection, filters)
    name = None
    if package_id is not None:
        name = package_names(found).get(package_id, f"package {package_id}")
    return Answers(accounts, days, name, found, _later(connection, days[1], package_id))


def _rows(connection: Connection, name: str, filters: Filters) -> list[dict[str, Any]]:
    columns, rows = trends.rows(connection, name, filters)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _package_failure_reasons(connection: Connection, filters: Filters) -> list[dict[str, Any]]:
    """Return what the trend `failure_reasons` counts, but for every package in one query.

    The trend has one row per reason; asking it for 500 packages in turn takes 15 seconds.
    """
    failures = func.count().label("failures")
    reason = JOBS.c.error_fingerprint.label("reason")
    counted = (
        select(JOBS.c.package_id, reason, failures)
        .where(JOBS.c.status == "failed", JOBS.c.run_date >= filters.since)
        .group_by(JOBS.c.package_id, reason)
        .order_by(failures.desc(), func.max(JOBS.c.id).desc())
    )
    if filters.until is not None:
        counted = counted.where(JOBS.c.run_date < filters.until)
    if filters.package_id is not None:
        counted = counted.where(JOBS.c.package_id == filters.package_id)
    return [dict(row) for row in connection.execute(counted).mappings()]


def _days(connection: Connection, length: timedelta, today: date) -> tuple[date, date] | None:
    """Return the first and the last day of the report, or None if there is no job.

    The first day is not before the first job within the calendar: one job of the year 1 would make
    hundreds of thousands of days without runs.
    """
    last = newest_day(connection, today)
    if last is None:
        return None
    within = JOBS.c.run_date >= select(func.min(CALENDAR.c.day)).scalar_subquery()
    oldest = connection.execute(select(func.min(JOBS.c.run_date)).where(within)).scalar() or last
    first = first_day(last, length)
    return max(first or oldest, min(oldest, last)), last


def _later(connection: Connection, last: date, package_id: int | None) -> int:
    counted = select(func.count()).where(JOBS.c.run_date > last)
    if package_id is not None:
        counted = counted.where(JOBS.c.package_id == package_id)
    return connection.execute(counted).scalar() or 0
