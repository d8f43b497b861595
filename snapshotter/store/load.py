"""Rows into tables, in bulk, inside the caller's transaction.

A job is written only where it differs from what is stored; then its outputs and fields are
replaced whole. An answer older than the stored one, by `updated_at`, is left out.

The API tells less of a job's package and cluster when it is asked for that job alone than it does
in a list: of such a partial answer, what it leaves out stays as it is stored.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from snapshotter.errors import UsageError
from snapshotter.flatten import JobRows, Row, cluster_wait
from snapshotter.store.prepared import FLATTENED, KEPT_ASIDE, OUTPUT, Prepared
from snapshotter.store.tables import CHANGES, FIELDS, JOBS, OPEN, OUTPUTS, chunks, live
from snapshotter.store.write import STATE, Batch, Run, records, total, write

__all__ = [
    "CHANGES",
    "FIELDS",
    "JOBS",
    "OPEN",
    "OUTPUTS",
    "Loaded",
    "Run",
    "chunks",
    "compare",
    "live",
    "load",
    "mark_gone",
]


class Loaded(NamedTuple):
    """What became of a batch, as job ids. `refused` maps an id to why no table takes it.

    A job that the same run has changed before is in none of the lists.
    """

    inserted: list[int]
    changed: list[int]
    refused: dict[int, str]


class _Stored(NamedTuple):
    """The row of a job as `flatten` gives it, and what else the table knows of the job."""

    job: Row
    account_id: str
    snapshot_id: int
    gone_at: datetime | None


def load(
    connection: Connection,
    run: Run,
    batch: Iterable[Prepared],
    *,
    partial: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
) -> Loaded:
    """Bring the tables to what `batch` says; a job that comes twice counts by its newest answer.

    `partial`: the jobs were asked for one by one. `overwrite`: what is stored is known to be wrong,
    so that a newer time of it says nothing. `limit`: bytes of a row that the database takes; what
    is longer is refused before it is sent. Raises `UsageError` when a job is stored under another
    account.
    """
    jobs = _newest(batch)
    stored = _stored(connection, jobs)
    new: list[Prepared] = []
    known: list[Prepared] = []
    for job_id, job in jobs.items():
        if (before := stored.get(job_id)) is None:
            new.append(job)
            continue
        if before.account_id != run.account_id:
            raise UsageError(
                f"job {job_id} of account {run.account_id} is stored under account "
                f"{before.account_id}: if that account has a new name, run 'snapshotter accounts "
                f"rename {before.account_id} {run.account_id}', else name another database"
            )
        if overwrite or not _is_older(job.rows.job, before.job):
            known.append(_filled(job, before.job) if partial else job)
    changed = _changed(connection, known, stored)
    moved = _moved(connection, changed, stored) | {job.job_id for job in new}
    refused = write(connection, run, Batch([*new, *changed], stored.keys(), moved), limit)
    return Loaded(
        [job.job_id for job in new if job.job_id not in refused],
        [
            job.job_id
            for job in changed
            if job.job_id not in refused and stored[job.job_id].snapshot_id != run.snapshot_id
        ],
        refused,
    )


def compare(connection: Connection, batch: Iterable[JobRows]) -> dict[int, list[str]]:
    """Name what differs between each job of `batch` and what is stored of it, where anything does.

    The names are those of columns, and of the tables that hang on a job.
    """
    jobs = {rows.job["id"]: rows for rows in batch}
    stored = _stored(connection, jobs)
    present = [rows for job_id, rows in jobs.items() if job_id in stored]
    in_children = _differing_children(connection, present)
    found: dict[int, list[str]] = {}
    for job_id, rows in jobs.items():
        if (before := stored.get(job_id)) is None:
            found[job_id] = ["jobs"]
            continue
        columns = [name for name, value in rows.job.items() if value != before.job[name]]
        if differing := columns + [table for table in in_children if job_id in in_children[table]]:
            found[job_id] = differing
    return found


def mark_gone(connection: Connection, run: Run, job_id: int) -> bool:
    """Note that the API has a job no more; its rows stay. True where that is news."""
    result = connection.execute(
        update(JOBS)
        .where(JOBS.c.id == job_id, JOBS.c.account_id == run.account_id, JOBS.c.gone_at.is_(None))
        .values(
            gone_at=run.observed_at, last_changed_at=run.observed_at, snapshot_id=run.snapshot_id
        )
    )
    return bool(result.rowcount)


def _newest(batch: Iterable[Prepared]) -> dict[int, Prepared]:
    jobs: dict[int, Prepared] = {}
    for job in batch:
        known = jobs.get(job.job_id)
        if known is None or not _is_older(job.rows.job, known.rows.job):
            jobs[job.job_id] = job
    return jobs


def _is_older(answer: Row, than: Row) -> bool:
    at, stored_at = answer["updated_at"], than["updated_at"]
    return at is not None and stored_at is not None and at < stored_at


def _stored(connection: Connection, ids: Iterable[int]) -> dict[int, _Stored]:
    found: dict[int, _Stored] = {}
    for chunk in chunks(ids):
        for row in connection.execute(_READ_JOBS.where(JOBS.c.id.in_(chunk))).all():
            values = tuple(row)
            job = dict(zip(FLATTENED, values, strict=False))
            found[job["id"]] = _Stored(job, *values[len(FLATTENED) :])
    return found


_READ_JOBS = select(*(JOBS.c[name] for name in (*FLATTENED, *KEPT_ASIDE)))


def _changed(
    connection: Connection, known: Sequence[Prepared], stored: Mapping[int, _Stored]
) -> list[Prepared]:
    """Give the jobs that differ from what is stored: most do in the job's own row, read already."""
    differing = {
        job.job_id
        for job in known
        if stored[job.job_id].gone_at or job.rows.job != stored[job.job_id].job
    }
    alike = [job.rows for job in known if job.job_id not in differing]
    differing.update(*_differing_children(connection, alike).values())
    return [job for job in known if job.job_id in differing]


def _differing_children(connection: Connection, batch: Sequence[JobRows]) -> dict[str, set[int]]:
    """Name the jobs whose outputs differ, and those whose fields do, by table.

    The tables keep no order of a job's outputs.
    """
    job_ids = [rows.job["id"] for rows in batch]
    outputs: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    fields: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for chunk in chunks(job_ids):
        of_these = OUTPUTS.c.job_id.in_(chunk)
        for output in connection.execute(select(OUTPUTS).where(of_these)).all():
            outputs[output.job_id].append(tuple(output))
        of_fields = select(OUTPUTS.c.job_id, FIELDS.c.output_id, FIELDS.c.position, FIELDS.c.name)
        for job_id, output_id, position, name in connection.execute(
            of_fields.join(OUTPUTS, OUTPUTS.c.id == FIELDS.c.output_id).where(of_these)
        ).all():
            fields[job_id].append((output_id, position, name))
    return {
        "job_outputs": {
            job_id
            for job_id, rows in zip(job_ids, batch, strict=True)
            if sorted(map(OUTPUT, rows.outputs), key=_ID) != sorted(outputs[job_id], key=_ID)
        },
        "output_fields": {
            job_id
            for job_id, rows in zip(job_ids, batch, strict=True)
            if sorted(rows.fields) != sorted(fields[job_id])
        },
    }


_ID = itemgetter(list(OUTPUTS.columns.keys()).index("id"))


def _moved(
    connection: Connection, changed: Sequence[Prepared], stored: Mapping[int, _Stored]
) -> set[int]:
    """Name the changed jobs whose state, as `job_changes` keeps it, is another than before."""
    moved = {
        job.job_id
        for job in changed
        if any(job.rows.job[name] != stored[job.job_id].job[name] for name in STATE)
    }
    counts: dict[int, list[int | None]] = defaultdict(list)
    for chunk in chunks(job.job_id for job in changed if job.job_id not in moved):
        for job_id, count in connection.execute(
            select(OUTPUTS.c.job_id, OUTPUTS.c.records_count).where(OUTPUTS.c.job_id.in_(chunk))
        ):
            counts[job_id].append(count)
    return moved | {
        job.job_id
        for job in changed
        if job.job_id not in moved and records(job.rows) != total(counts[job.job_id])
    }


_PARTS = ("package", "cluster")
_COLUMNS_OF_PARTS = tuple(
    (part, column.name)
    for part in _PARTS
    for column in JOBS.columns
    if column.name.startswith(f"{part}_") and column.name != f"{part}_id"
)


def _filled(answer: Prepared, before: Row) -> Prepared:
    """Give a partial answer with what it leaves out, where package or cluster are the same."""
    job = answer.rows.job
    same = [part for part in _PARTS if job[f"{part}_id"] == before[f"{part}_id"]]
    kept = {
        column: before[column]
        for part, column in _COLUMNS_OF_PARTS
        if part in same and job[column] is None
    }
    extra = dict(job["extra"] or {})
    for part in same:
        known = (before["extra"] or {}).get(part)
        if isinstance(known, dict):
            extra[part] = {**known, **(extra.get(part) or {})}
    whole = {**job, **kept, "extra": extra or None}
    whole["cluster_wait_seconds"] = cluster_wait(
        whole["created_at"], whole["started_at"], whole["cluster_available_since"]
    )
    return Prepared(answer.record, answer.rows._replace(job=whole))
