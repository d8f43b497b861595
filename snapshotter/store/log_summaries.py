"""Stores the summaries of failed jobs' logs, and decides which are to be requested.

A failure is asked about once, whatever the answer. A request that failed leaves a row, too: it is
tried again after the pauses of `backoff`, so that it holds back no other.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    delete,
    func,
    insert,
    or_,
    select,
)

from snapshotter.api.summaries import Summary
from snapshotter.store import backoff, sizes
from snapshotter.store.engine import reading
from snapshotter.store.fallback import execute_first_taken
from snapshotter.store.tables import JOBS, LOG_SUMMARIES, SUMMARIZED, live

_SHORT = 10_000  # characters of a text, if the database does not take all of it
_TEXTS = ("error_summary", "openai_extract", "body")
_DOCUMENTS = ("action_items", "extra")


class FailedJob(NamedTuple):
    """A failed job. `attempts`: requests of this failure's summary that have failed."""

    id: int
    finished_epoch: int | None
    attempts: int


def due(engine: Engine, account_id: str, now: datetime) -> list[FailedJob]:
    """Return the failed jobs whose summary is to be requested.

    Those that were not asked about since they failed come first, the latest failure first.
    """
    attempts = func.coalesce(LOG_SUMMARIES.c.attempts, 0)
    statement = (
        select(JOBS.c.id, JOBS.c.finished_epoch, attempts, LOG_SUMMARIES.c.next_attempt_at)
        .select_from(JOBS.outerjoin(LOG_SUMMARIES, SUMMARIZED))
        .where(*live(account_id), JOBS.c.status == "failed", _is_open())
        .order_by(attempts > 0, func.coalesce(JOBS.c.finished_epoch, 0).desc(), JOBS.c.id.desc())
    )
    with reading(engine).connect() as connection:
        return [
            FailedJob(job_id, finished_epoch, tried)
            for job_id, finished_epoch, tried, at in connection.execute(statement)
            if backoff.is_due(at, tried, now)
        ]


def _is_open() -> ColumnElement[bool]:
    return or_(LOG_SUMMARIES.c.job_id.is_(None), LOG_SUMMARIES.c.attempts.is_not(None))


def put(connection: Connection, job: FailedJob, summary: Summary | None, now: datetime) -> None:
    """Store what the API has returned for a job; None if it has no summary.

    What the database does not take is cut.
    """
    known = {} if summary is None else _values(summary)
    _replace(connection, {**_mark(job, now), **known})


def put_failure(connection: Connection, job: FailedJob, now: datetime) -> None:
    """Note that a request has failed, and when the next one is due."""
    attempts = job.attempts + 1
    again = {"attempts": attempts, "next_attempt_at": now + backoff.pause(attempts)}
    _replace(connection, {**_mark(job, now), **again})


def _mark(job: FailedJob, now: datetime) -> dict[str, Any]:
    return {"job_id": job.id, "finished_epoch": job.finished_epoch, "requested_at": now}


def _values(summary: Summary) -> dict[str, Any]:
    known, extra = summary
    return {
        "summary_id": known.id,
        "error_summary": known.error_summary,
        "openai_extract": known.openai_extract,
        "action_items": known.action_items,
        "body": known.body,
        "created_at": known.created_at,
        "extra": extra or None,
    }


def _replace(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(delete(LOG_SUMMARIES).where(LOG_SUMMARIES.c.job_id == row["job_id"]))
    rows = list(_less_and_less(row))
    limit = sizes.limit_of(connection)
    if limit is not None and sizes.sent(map(_sent, row.values())) > limit:
        rows = rows[2:]  # a longer statement would cost the connection
    execute_first_taken(connection, map(insert(LOG_SUMMARIES).values, rows))


def _sent(value: Any) -> Any:
    return value if isinstance(value, str) else repr(value)


def _less_and_less(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the row whole, in ASCII, in short, and without any content."""
    yield row
    yield {name: _in_ascii(value) for name, value in row.items()}
    short = {
        name: value[:_SHORT] if isinstance(value, str) else value
        for name, value in row.items()
        if name not in _DOCUMENTS
    }
    yield {name: _in_ascii(value) for name, value in short.items()}
    yield {name: value for name, value in short.items() if name not in _TEXTS}


def _in_ascii(value: Any) -> Any:
    match value:
        case str():
            return value.encode("ascii", "backslashreplace").decode()
        case list():
            return [_in_ascii(item) for item in value]
        case dict():
            return {_in_ascii(name): _in_ascii(item) for name, item in value.items()}
        case _:
            return value
