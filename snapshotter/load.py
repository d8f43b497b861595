"""Rows into tables, in bulk, inside the caller's transaction.

A job is written only where it differs from what is stored; then its outputs and fields are
replaced whole. An answer older than the stored one, by `updated_at`, is left out.

The API tells less of a job's package and cluster when it is asked for that job alone than it does
in a list: of such a partial answer, what it leaves out stays as it is stored.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError

from snapshotter.bulk import insert_rows, insert_tuples, update_rows
from snapshotter.errors import UsageError
from snapshotter.flatten import JobRows, Row, cluster_wait
from snapshotter.models import Base
from snapshotter.payload import FINAL_STATUSES

_TABLES = Base.metadata.tables
JOBS: Table = _TABLES["jobs"]
OUTPUTS: Table = _TABLES["job_outputs"]
FIELDS: Table = _TABLES["output_fields"]
CHANGES: Table = _TABLES["job_changes"]

# An open job has not finished: that is what the index is on.
OPEN = (
    JOBS.c.finished_at.is_(None),
    or_(JOBS.c.status.is_(None), JOBS.c.status.not_in(FINAL_STATUSES)),
)
_STATE = ("status", "progress", "runtime_in_seconds", "outputs_count")
_CHUNK = 500  # ids in one list: every engine takes that many


def chunks(ids: Iterable[int]) -> Iterator[tuple[int, ...]]:
    """Cut ids into lists that every engine takes."""
    left = iter(ids)
    while chunk := tuple(islice(left, _CHUNK)):
        yield chunk


def live(account_id: str) -> tuple[ColumnElement[bool], ...]:
    """Give the condition on the jobs of an account that are not gone."""
    return JOBS.c.account_id == account_id, JOBS.c.gone_at.is_(None)


class Run(NamedTuple):
    """Who loads: stamped on each row that changes.

    `observed_at` is the server's clock, or this host's where the server does not tell.
    """

    account_id: str
    snapshot_id: int
    observed_at: datetime


class Loaded(NamedTuple):
    """What became of a batch, as job ids. `refused` maps an id to why no table takes it.

    A job that the same run has changed before is in none of the lists.
    """

    inserted: list[int]
    changed: list[int]
    refused: dict[int, str]


class _Stored(NamedTuple):
    rows: JobRows
    account_id: str
    snapshot_id: int
    gone_at: datetime | None


_BOOKKEEPING = frozenset(
    {"account_id", "first_seen_at", "last_changed_at", "snapshot_id", "gone_at"}
)


def load(
    connection: Connection,
    run: Run,
    batch: Iterable[JobRows],
    *,
    partial: bool = False,
    overwrite: bool = False,
) -> Loaded:
    """Bring the tables to what `batch` says; a job that comes twice counts by its newest answer.

    `partial`: the jobs were asked for one by one. `overwrite`: what is stored is known to be wrong,
    so that a newer time of it says nothing. Raises `UsageError` when a job is stored under
    another account.
    """
    jobs = _newest(batch)
    stored = _stored(connection, list(jobs))
    new: list[JobRows] = []
    changed: list[JobRows] = []
    for job_id, rows in jobs.items():
        if (known := stored.get(job_id)) is None:
            new.append(rows)
            continue
        if known.account_id != run.account_id:
            raise UsageError(
                f"job {job_id} of account {run.account_id} is stored under account "
                f"{known.account_id}: one database holds one service, name another database"
            )
        whole = _filled(rows, known.rows) if partial else rows
        if (overwrite or not _is_older(rows.job, known.rows.job)) and (
            known.gone_at or not _same(whole, known.rows)
        ):
            changed.append(whole)
    refused = _write(connection, run, new, changed, stored)
    return Loaded(
        [rows.job["id"] for rows in new if rows.job["id"] not in refused],
        [
            rows.job["id"]
            for rows in changed
            if rows.job["id"] not in refused
            and stored[rows.job["id"]].snapshot_id != run.snapshot_id
        ],
        refused,
    )


def compare(connection: Connection, batch: Iterable[JobRows]) -> dict[int, list[str]]:
    """Name what differs between each job of `batch` and what is stored of it, where anything does.

    The names are those of columns, and of the tables that hang on a job.
    """
    jobs = {rows.job["id"]: rows for rows in batch}
    stored = _stored(connection, list(jobs))
    found: dict[int, list[str]] = {}
    for job_id, rows in jobs.items():
        if (known := stored.get(job_id)) is None:
            found[job_id] = ["jobs"]
        elif differing := _differing(rows, known.rows):
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


def _newest(batch: Iterable[JobRows]) -> dict[int, JobRows]:
    jobs: dict[int, JobRows] = {}
    for rows in batch:
        job_id = rows.job["id"]
        if job_id not in jobs or not _is_older(rows.job, jobs[job_id].job):
            jobs[job_id] = rows
    return jobs


def _is_older(answer: Row, than: Row) -> bool:
    at, stored_at = answer["updated_at"], than["updated_at"]
    return at is not None and stored_at is not None and at < stored_at


def _stored(connection: Connection, ids: Sequence[int]) -> dict[int, _Stored]:
    """Read jobs back as `flatten` gives them, to be compared."""
    found: dict[int, _Stored] = {}
    for chunk in chunks(ids):
        jobs = connection.execute(select(JOBS).where(JOBS.c.id.in_(chunk))).mappings().all()
        if not jobs:
            continue
        present = [job["id"] for job in jobs]
        outputs: dict[int, list[Row]] = defaultdict(list)
        for output in connection.execute(
            select(OUTPUTS).where(OUTPUTS.c.job_id.in_(present))
        ).mappings():
            outputs[output["job_id"]].append(dict(output))
        fields: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
        for job_id, *field in connection.execute(
            select(OUTPUTS.c.job_id, FIELDS.c.output_id, FIELDS.c.position, FIELDS.c.name)
            .join(OUTPUTS, OUTPUTS.c.id == FIELDS.c.output_id)
            .where(OUTPUTS.c.job_id.in_(present))
        ):
            fields[job_id].append((field[0], field[1], field[2]))
        for job in jobs:
            found[job["id"]] = _as_flattened(job, outputs[job["id"]], fields[job["id"]])
    return found


def _as_flattened(
    job: Mapping[Any, Any], outputs: list[Row], fields: list[tuple[int, int, str]]
) -> _Stored:
    row = {name: value for name, value in job.items() if name not in _BOOKKEEPING}
    return _Stored(
        JobRows(row, outputs, fields), job["account_id"], job["snapshot_id"], job["gone_at"]
    )


def _same(rows: JobRows, stored: JobRows) -> bool:
    """Compare a job with what is stored; the tables keep no order of a job's outputs."""
    return (
        rows.job == stored.job
        and sorted(rows.fields) == sorted(stored.fields)
        and sorted(rows.outputs, key=_by_id) == sorted(stored.outputs, key=_by_id)
    )


def _differing(rows: JobRows, stored: JobRows) -> list[str]:
    if _same(rows, stored):
        return []
    columns = [name for name, value in rows.job.items() if value != stored.job[name]]
    tables = {
        "job_outputs": sorted(rows.outputs, key=_by_id) != sorted(stored.outputs, key=_by_id),
        "output_fields": sorted(rows.fields) != sorted(stored.fields),
    }
    return columns + [name for name, differs in tables.items() if differs]


_PARTS = ("package", "cluster")
_COLUMNS_OF_PARTS = tuple(
    (part, column.name)
    for part in _PARTS
    for column in JOBS.columns
    if column.name.startswith(f"{part}_") and column.name != f"{part}_id"
)


def _filled(rows: JobRows, stored: JobRows) -> JobRows:
    """Give a partial answer with what it leaves out, where package or cluster are the same."""
    job, before = rows.job, stored.job
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
    return rows._replace(job=whole)


def _by_id(row: Row) -> int:
    return int(row["id"])


def _write(
    connection: Connection,
    run: Run,
    new: list[JobRows],
    changed: list[JobRows],
    stored: Mapping[int, _Stored],
) -> dict[int, str]:
    """Write what differs; give the jobs that no table takes, with the reason.

    All go in at once; only when the database refuses that are they tried one by one.
    """
    try:
        with connection.begin_nested():
            _write_all(connection, run, new, changed, stored)
    except (IntegrityError, DataError) as error:
        if len(new) + len(changed) == 1:
            job_id = (new or changed)[0].job["id"]
            return {job_id: _reason(connection, (new or changed)[0], error)}
        refused: dict[int, str] = {}
        for rows in new:
            refused |= _write(connection, run, [rows], [], stored)
        for rows in changed:
            refused |= _write(connection, run, [], [rows], stored)
        return refused
    return {}


def _reason(connection: Connection, rows: JobRows, error: IntegrityError | DataError) -> str:
    job_id = rows.job["id"]
    ids = [output["id"] for output in rows.outputs]
    owners = select(OUTPUTS.c.id, OUTPUTS.c.job_id).where(
        OUTPUTS.c.id.in_(ids), OUTPUTS.c.job_id != job_id
    )
    if owner := connection.execute(owners).first():
        index = ids.index(owner.id)
        return (
            f"job {job_id}: Output {owner.id} is job {owner.job_id}'s - at `$.outputs[{index}].id`"
        )
    return f"job {job_id}: the database refuses it: {str(error.orig).splitlines()[0]}"


def _write_all(
    connection: Connection,
    run: Run,
    new: list[JobRows],
    changed: list[JobRows],
    stored: Mapping[int, _Stored],
) -> None:
    stamp = {"last_changed_at": run.observed_at, "snapshot_id": run.snapshot_id, "gone_at": None}
    _delete_children(connection, [rows.job["id"] for rows in changed])
    update_rows(connection, JOBS, [rows.job for rows in changed], **stamp)
    born = {"account_id": run.account_id, "first_seen_at": run.observed_at, **stamp}
    insert_rows(connection, JOBS, [rows.job for rows in new], **born)
    both = [*new, *changed]
    insert_rows(connection, OUTPUTS, [output for rows in both for output in rows.outputs])
    insert_tuples(connection, FIELDS, [field for rows in both for field in rows.fields])
    moved = [
        {"job_id": rows.job["id"], **_state(rows)}
        for rows in both
        if (known := stored.get(rows.job["id"])) is None or _state(rows) != _state(known.rows)
    ]
    insert_rows(
        connection, CHANGES, moved, snapshot_id=run.snapshot_id, observed_at=run.observed_at
    )


def _state(rows: JobRows) -> Row:
    """What `job_changes` keeps of a job."""
    counts = [o["records_count"] for o in rows.outputs if o["records_count"] is not None]
    return {name: rows.job[name] for name in _STATE} | {
        "records_count": sum(counts) if counts else None
    }


def _delete_children(connection: Connection, job_ids: Sequence[int]) -> None:
    for chunk in chunks(job_ids):
        outputs = select(OUTPUTS.c.id).where(OUTPUTS.c.job_id.in_(chunk))
        connection.execute(delete(FIELDS).where(FIELDS.c.output_id.in_(outputs)))
        connection.execute(delete(OUTPUTS).where(OUTPUTS.c.job_id.in_(chunk)))
