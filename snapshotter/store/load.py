"""Loads prepared records into the tables, in bulk, inside the caller's transaction.

Decides which jobs of a batch are written: `diff` compares, `write` writes. A job is written only if
it differs from what is stored; then its outputs and fields are replaced completely. An answer older
than the stored one, by `updated_at`, is skipped.

A single job's answer has less of its package and cluster than a list has: what such a partial
answer leaves out stays as it is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, update

from snapshotter.errors import UsageError
from snapshotter.flatten import Row, cluster_wait
from snapshotter.store import diff
from snapshotter.store.diff import Stored
from snapshotter.store.prepared import Prepared
from snapshotter.store.tables import JOBS
from snapshotter.store.write import Batch, Stamp, write
from snapshotter.texts import of_another_account

_PARTS = ("package", "cluster")
_COLUMNS_OF_PARTS = tuple(
    (part, column.name)
    for part in _PARTS
    for column in JOBS.columns
    if column.name.startswith(f"{part}_") and column.name != f"{part}_id"
)


class Loaded(NamedTuple):
    """What was done with a batch, as job ids. `refused`: the reasons, by id.

    A job that the same run has changed before is in none of the lists.
    """

    inserted: list[int]
    changed: list[int]
    refused: dict[int, str]


class Mode(NamedTuple):
    """How to load. `partial`: the jobs were asked for one by one.

    `overwrite`: apply even if the stored row has a later `updated_at`, because it is known to be
    wrong. `restores`: store a job that was pruned, too. `limit`: the bytes of a row that the
    database takes; a job with a longer one is refused before it is sent.
    """

    partial: bool = False
    overwrite: bool = False
    restores: bool = False
    limit: int | None = None


def load(
    connection: Connection,
    stamp: Stamp,
    batch: Iterable[Prepared],
    mode: Mode = Mode(),  # noqa: B008 - immutable
) -> Loaded:
    """Store a batch of jobs; of a job that comes twice, the newest answer counts.

    Raises `UsageError` if a job is stored under another account.
    """
    jobs = _newest(batch)
    stored = diff.stored(connection, jobs)
    new = [job for job_id, job in jobs.items() if job_id not in stored]
    changed = _changed(connection, _known(stamp, jobs, stored, mode), stored)
    moved = diff.moved(connection, [job.rows for job in changed], stored)
    moved |= {job.job_id for job in new}
    rows = {job_id: each.job for job_id, each in stored.items()}
    refused = write(connection, stamp, Batch([*new, *changed], rows, moved), mode.limit)
    return Loaded(
        [job.job_id for job in new if job.job_id not in refused],
        [
            job.job_id
            for job in changed
            if job.job_id not in refused and stored[job.job_id].snapshot_id != stamp.snapshot_id
        ],
        refused,
    )


def _known(
    stamp: Stamp, jobs: Mapping[int, Prepared], stored: Mapping[int, Stored], mode: Mode
) -> list[Prepared]:
    """Return the answers that are not older than what is stored, complete."""
    known: list[Prepared] = []
    for job_id, job in jobs.items():
        if (before := stored.get(job_id)) is None:
            continue
        if before.account_id != stamp.account_id:
            raise UsageError(of_another_account(job_id, stamp.account_id, before.account_id))
        if mode.overwrite or not _is_older(job.rows.job, before.job):
            known.append(_filled(job, before.job) if mode.partial else job)
    return known


def _changed(
    connection: Connection, known: Sequence[Prepared], stored: Mapping[int, Stored]
) -> list[Prepared]:
    """Return the jobs that differ from what is stored; one that was gone does."""
    back = {job.job_id for job in known if stored[job.job_id].gone_at}
    here = [job.rows for job in known if job.job_id not in back]
    differing = diff.differences(connection, here, stored, in_full=False)
    return [job for job in known if job.job_id in back or job.job_id in differing]


def mark_gone(connection: Connection, stamp: Stamp, job_id: int) -> bool:
    """Mark a job as deleted at the API; its rows stay. Return whether it was not marked before."""
    result = connection.execute(
        update(JOBS)
        .where(JOBS.c.id == job_id, JOBS.c.account_id == stamp.account_id, JOBS.c.gone_at.is_(None))
        .values(
            gone_at=stamp.observed_at,
            last_changed_at=stamp.observed_at,
            snapshot_id=stamp.snapshot_id,
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


def _filled(answer: Prepared, before: Row) -> Prepared:
    """Return a partial answer with what it leaves out, if package or cluster are the same."""
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
