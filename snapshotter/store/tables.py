"""The tables as handles that every query uses, and the conditions that several share."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Table, and_, bindparam, func, or_

from snapshotter.models import METADATA
from snapshotter.statuses import FINAL_STATUSES

_Value = TypeVar("_Value")

_TABLES = METADATA.tables
ACCOUNTS: Table = _TABLES["accounts"]
CALENDAR: Table = _TABLES["calendar"]
CHANGES: Table = _TABLES["job_changes"]
FIELDS: Table = _TABLES["output_fields"]
JOBS: Table = _TABLES["jobs"]
LOG_SUMMARIES: Table = _TABLES["log_summaries"]
OUTPUT_DAYS: Table = _TABLES["output_days"]
OUTPUTS: Table = _TABLES["job_outputs"]
PRUNED: Table = _TABLES["pruned_jobs"]
REJECTS: Table = _TABLES["rejected_records"]
SNAPSHOTS: Table = _TABLES["snapshots"]

# An account whose name is mistyped has a row, which its run refers to, and never answers.
ANSWERED = ACCOUNTS.c.api_url != ""
# The first condition is implied by the second, and the one that has an index.
OPEN = (
    JOBS.c.finished_at.is_(None),
    or_(JOBS.c.status.is_(None), JOBS.c.status.not_in(FINAL_STATUSES)),
)
# A run that read the whole list to its end. Only such a run moves the watermark: one of single ids,
# or of jobs that match filters, completes without it, whatever its kind.
COMPLETE = (SNAPSHOTS.c.status == "completed", SNAPSHOTS.c.watermark.is_not(None))
# The summary of the log of a job's latest failure; the job may have failed again since an earlier.
SUMMARIZED = and_(
    LOG_SUMMARIES.c.job_id == JOBS.c.id,
    func.coalesce(LOG_SUMMARIES.c.finished_epoch, 0) == func.coalesce(JOBS.c.finished_epoch, 0),
)
_CHUNK = 500  # ids in one list; every engine accepts that many


def chunks(values: Iterable[_Value]) -> Iterator[tuple[_Value, ...]]:
    """Yield the values, most often ids, in lists of a length that every engine accepts."""
    left = iter(values)
    while chunk := tuple(islice(left, _CHUNK)):
        yield chunk


def among(column: Column[Any]) -> ColumnElement[bool]:
    """Return the condition that a column is one of the `ids` with which a statement is executed.

    For what a load executes again and again: a condition made of the ids themselves is in a cycle,
    so that they stay in memory until the collector finds them, which is rare during a load.
    """
    return column.in_(bindparam("ids", expanding=True))


def live(account_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return the condition on the jobs of an account that are not gone."""
    return JOBS.c.account_id == account_id, JOBS.c.gone_at.is_(None)
