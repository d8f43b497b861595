"""Which rows an export has: of which table or trend, of which days, package, account, status."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, exists, select

from snapshotter.errors import UsageError
from snapshotter.models import METADATA, UTCDateTime
from snapshotter.statuses import STATUSES
from snapshotter.store.tables import JOBS, OUTPUTS
from snapshotter.texts import nearest, suggestion
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters, refuse_filters

TABLES = METADATA.tables
NO_MONTH = "__HIVE_DEFAULT_PARTITION__"  # Hive's name for rows without a value

# Rows of these tables go by their job's day; those of others by the day in these columns.
OF_JOBS = ("jobs", "job_outputs", "output_fields", "job_changes", "log_summaries")
_DAYS = {
    "calendar": "day",
    "output_days": "run_date",
    "pruned_jobs": "pruned_at",
    "rejected_records": "rejected_at",
    "snapshots": "started_at",
}
_ALL = Filters()


@dataclass(frozen=True)
class Selection:
    """Which rows of which table or trend. `month` is like `2026-01`, or `NO_MONTH`.

    `folder` has a user's own trends, and then the name is that of a trend; `limit` is for trends.
    """

    name: str
    filters: Filters = _ALL
    status: str | None = None
    month: str | None = None
    folder: Path | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.folder is not None:
            trends.require(self.name, self.folder)
            return
        require(self.name, {*self.filters.kinds(), *(["status"] if self.status else [])})


def require(name: str, kinds: set[str]) -> None:
    """Raise `UsageError` for an unknown name, and for a kind of filter that does not apply."""
    if name not in names():
        hint = nearest(name, names()) or f"; there are {', '.join(names())}"
        raise UsageError(f"no table or trend {name!r}{hint}")
    refuse_filters(name, kinds - narrowed_by(name))


def names() -> list[str]:
    return [*sorted(TABLES), *trends.names()]


def narrowed_by(name: str) -> set[str]:
    """Return the filters that a table or a trend can be narrowed by."""
    if name in OF_JOBS:
        return {"day", "package", "account", "status"}
    if name in TABLES:
        narrowing = {"day": name in _DAYS, "account": "account_id" in TABLES[name].columns}
        return {what for what, is_possible in narrowing.items() if is_possible}
    return trends.narrowed_by(name)


def require_status(connection: Connection, status: str | None) -> None:
    """Raise `UsageError` for a status that is neither documented nor stored: a typing error."""
    if status is None or status in STATUSES:
        return
    has_it = select(JOBS.c.id).where(JOBS.c.status == status).limit(1)
    if connection.execute(has_it).first() is None:
        stored = connection.execute(select(JOBS.c.status).distinct()).scalars()
        known = sorted({*STATUSES, *filter(None, stored)})
        hint = suggestion(status, known)
        raise UsageError(f"--status {status!r}: no job has it{hint}")


def months(connection: Connection, selection: Selection) -> list[str]:
    """Return the months of the jobs that the rows belong to, and `NO_MONTH`, which may be empty."""
    of_jobs = Selection("jobs", selection.filters, selection.status)
    days = select(JOBS.c.run_date).where(*conditions(JOBS, of_jobs)).distinct()
    found = {day.isoformat()[:7] for day in connection.execute(days).scalars() if day is not None}
    return [*sorted(found), NO_MONTH]


def conditions(source: Table, selection: Selection) -> Iterator[ColumnElement[bool]]:
    """Return what the rows of a table must fulfil to be selected."""
    filters = selection.filters
    if source.name in OF_JOBS:
        conditions = [
            JOBS.c.run_date >= filters.since if filters.since else None,
            JOBS.c.run_date < filters.until if filters.until else None,
            JOBS.c.package_id == filters.package_id if filters.package_id is not None else None,
            JOBS.c.account_id == filters.account_id if filters.account_id is not None else None,
            JOBS.c.status == selection.status if selection.status is not None else None,
        ]
        if selection.month not in (None, NO_MONTH):
            conditions.append(JOBS.c.run_date.between(*_ends(selection.month)))
        asked = [condition for condition in conditions if condition is not None]
        if asked:
            yield from asked if source is JOBS else [_of_jobs(source, asked)]
        if selection.month == NO_MONTH:
            yield JOBS.c.run_date.is_(None) if source is JOBS else _has_no_day(source)
        return
    if filters.account_id is not None:
        yield source.columns["account_id"] == filters.account_id
    if filters.since or filters.until:
        day = source.columns[_DAYS[source.name]]
        if filters.since:
            yield day >= _as_held(day, filters.since)
        if filters.until:
            yield day < _as_held(day, filters.until)


def _of_jobs(source: Table, jobs: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    ids = select(JOBS.c.id).where(*jobs)
    if source.name == "output_fields":
        return source.c.output_id.in_(select(OUTPUTS.c.id).where(OUTPUTS.c.job_id.in_(ids)))
    return source.c.job_id.in_(ids)


def _has_no_day(source: Table) -> ColumnElement[bool]:
    """Select the rows that no month has, so that all months together are the table."""
    dated = JOBS.c.run_date.is_not(None)
    if source.name == "output_fields":
        return ~exists().where(
            OUTPUTS.c.id == source.c.output_id, JOBS.c.id == OUTPUTS.c.job_id, dated
        )
    return ~exists().where(JOBS.c.id == source.c.job_id, dated)


def _ends(month: str) -> tuple[date, date]:
    first = date.fromisoformat(f"{month}-01")
    return first, first.replace(day=monthrange(first.year, first.month)[1])


def _as_held(column: Column[Any], day: date) -> date | datetime:
    """Return a day as the column holds it; for a column of times, that is the day's midnight."""
    return datetime.combine(day, time(), UTC) if isinstance(column.type, UTCDateTime) else day
