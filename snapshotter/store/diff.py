"""What differs between jobs as they come and as they are stored. It is decided here alone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from snapshotter.flatten import JobRows, Row
from snapshotter.store.prepared import (
    FLATTENED,
    KEPT_ASIDE,
    OUTPUT,
    OUTPUT_NAMES,
    STATE,
    records_count,
    total,
)
from snapshotter.store.tables import FIELDS, JOBS, OUTPUTS, among, chunks

_READ_JOBS = select(*(JOBS.c[name] for name in (*FLATTENED, *KEPT_ASIDE))).where(among(JOBS.c.id))
_READ_OUTPUTS = select(OUTPUTS).where(among(OUTPUTS.c.job_id))
_READ_COUNTS = select(OUTPUTS.c.job_id, OUTPUTS.c.records_count).where(among(OUTPUTS.c.job_id))
_READ_FIELDS = (
    select(OUTPUTS.c.job_id, FIELDS.c.output_id, FIELDS.c.position, FIELDS.c.name)
    .join(OUTPUTS, OUTPUTS.c.id == FIELDS.c.output_id)
    .where(among(OUTPUTS.c.job_id))
)
_STATE = frozenset(STATE)
_ID = itemgetter(OUTPUT_NAMES.index("id"))


class Stored(NamedTuple):
    """The row of a job as `flatten` returns it, and what else the table holds of the job."""

    job: Row
    account_id: str
    snapshot_id: int
    gone_at: datetime | None


def stored(connection: Connection, ids: Iterable[int]) -> dict[int, Stored]:
    """Return the rows of the jobs that are stored, by id."""
    found: dict[int, Stored] = {}
    for chunk in chunks(ids):
        for row in connection.execute(_READ_JOBS, {"ids": chunk}).all():
            values = tuple(row)
            job = dict(zip(FLATTENED, values, strict=False))
            found[job["id"]] = Stored(job, *values[len(FLATTENED) :])
    return found


def columns(job: Row, before: Row) -> list[str]:
    """Return the names of the columns in which two rows of a job differ."""
    if job == before:
        return []
    return [name for name, value in job.items() if value != before[name]]


def differences(
    connection: Connection, batch: Iterable[JobRows], before: Mapping[int, Stored], *, in_full: bool
) -> dict[int, list[str]]:
    """Return the names of what differs, by the id of the job; only of jobs that differ.

    The names are those of columns, and of the tables whose rows belong to a job. Unless `in_full`,
    those tables are read only for jobs whose own rows are alike: most differ there, which is known.
    """
    found: dict[int, list[str]] = {}
    to_read: list[JobRows] = []
    for rows in batch:
        job_id = rows.job["id"]
        found[job_id] = columns(rows.job, before[job_id].job)
        if in_full or not found[job_id]:
            to_read.append(rows)
    for table, job_ids in _in_children(connection, to_read).items():
        for job_id in job_ids:
            found[job_id].append(table)
    return {job_id: names for job_id, names in found.items() if names}


def compare(connection: Connection, batch: Iterable[JobRows]) -> dict[int, list[str]]:
    """Return the names of what differs, in full; of a job that is not stored, "jobs"."""
    jobs = {rows.job["id"]: rows for rows in batch}
    before = stored(connection, jobs)
    present = [rows for job_id, rows in jobs.items() if job_id in before]
    found = differences(connection, present, before, in_full=True)
    found |= {job_id: ["jobs"] for job_id in jobs if job_id not in before}
    return {job_id: found[job_id] for job_id in jobs if job_id in found}


def moved(
    connection: Connection, changed: Sequence[JobRows], before: Mapping[int, Stored]
) -> set[int]:
    """Return the ids of the changed jobs whose state, as `job_changes` keeps it, differs."""
    jobs = {rows.job["id"]: rows for rows in changed}
    found = {
        job_id
        for job_id, rows in jobs.items()
        if not _STATE.isdisjoint(columns(rows.job, before[job_id].job))
    }
    counts: dict[int, list[int | None]] = defaultdict(list)
    for chunk in chunks(job_id for job_id in jobs if job_id not in found):
        for job_id, count in connection.execute(_READ_COUNTS, {"ids": chunk}):
            counts[job_id].append(count)
    return found | {
        job_id
        for job_id, rows in jobs.items()
        if job_id not in found and records_count(rows) != total(counts[job_id])
    }


def _in_children(connection: Connection, batch: Sequence[JobRows]) -> dict[str, list[int]]:
    """Return the ids of the jobs whose outputs differ, and those whose fields do, by table.

    The tables keep no order of a job's outputs.
    """
    job_ids = [rows.job["id"] for rows in batch]
    outputs: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    fields: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for chunk in chunks(job_ids):
        for output in connection.execute(_READ_OUTPUTS, {"ids": chunk}).all():
            outputs[output.job_id].append(tuple(output))
        for job_id, output_id, position, name in connection.execute(
            _READ_FIELDS, {"ids": chunk}
        ).all():
            fields[job_id].append((output_id, position, name))
    by_id = dict(zip(job_ids, batch, strict=True))
    return {
        OUTPUTS.name: [
            job_id
            for job_id, rows in by_id.items()
            if sorted(map(OUTPUT, rows.outputs), key=_ID) != sorted(outputs[job_id], key=_ID)
        ],
        FIELDS.name: [
            job_id
            for job_id, rows in by_id.items()
            if sorted(rows.fields) != sorted(fields[job_id])
        ],
    }
