"""The jobs that `db prune` has removed, in `pruned_jobs`: what the runs need to know of them.

The API still lists such a job. An answer that is as the job was when it was pruned is seen, and not
stored; one that has changed since, or a job that is requested by its id, is stored as a new job and
leaves the table. So a job is in `jobs` or here, and never in both.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, update

from snapshotter.api.records import Record, Reject, time_in
from snapshotter.errors import UsageError
from snapshotter.statuses import is_open
from snapshotter.store.prepared import Prepared
from snapshotter.store.tables import PRUNED, among, chunks
from snapshotter.store.write import Stamp
from snapshotter.texts import of_another_account


class PrunedJob(NamedTuple):
    """A row of `pruned_jobs`, as far as an answer is compared with it."""

    job_id: int
    account_id: str
    status: str | None
    updated_at: datetime | None
    gone_at: datetime | None

    def is_same(self, answer: Prepared | Record | Reject) -> bool:
        """Whether an answer is about the job as it was pruned, or as it was before."""
        if isinstance(answer, Reject):
            return self._is_same_time(time_in(answer.payload, "updated_at"))
        job = answer.record.job if isinstance(answer, Prepared) else answer.job
        if _is_before(job.updated_at, self.updated_at):
            return True
        is_same_status = job.status == self.status and not is_open(job.status)
        return is_same_status and self._is_same_time(job.updated_at)

    def _is_same_time(self, at: datetime | None) -> bool:
        return at == self.updated_at or _is_before(at, self.updated_at)


# Built once: see `among`.
_FIND = select(*(PRUNED.c[name] for name in PrunedJob._fields)).where(among(PRUNED.c.job_id))
_FORGET = delete(PRUNED).where(among(PRUNED.c.job_id))
_MARK_BACK = update(PRUNED).where(among(PRUNED.c.job_id)).values(gone_at=None)


def _is_before(at: datetime | None, other: datetime | None) -> bool:
    return at is not None and other is not None and at < other


def listed(account_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return the condition on the pruned jobs of an account that are not gone."""
    return PRUNED.c.account_id == account_id, PRUNED.c.gone_at.is_(None)


def are_there(engine: Engine) -> bool:
    """Whether any job of any account is pruned."""
    with engine.connect() as connection:
        return connection.execute(select(PRUNED.c.job_id).limit(1)).first() is not None


def count(connection: Connection, account_id: str) -> int:
    """Return how many jobs of the account are pruned, those that are gone included."""
    counted = select(func.count()).where(PRUNED.c.account_id == account_id)
    return int(connection.execute(counted).scalar_one())


def find(connection: Connection, job_ids: Iterable[int]) -> dict[int, PrunedJob]:
    """Return those of the jobs that are pruned, by id."""
    return {
        row.job_id: PrunedJob(*row)
        for ids in chunks(job_ids)
        for row in connection.execute(_FIND, {"ids": ids})
    }


def forget(connection: Connection, job_ids: Iterable[int]) -> None:
    """Remove the rows of these jobs."""
    for ids in chunks(job_ids):
        connection.execute(_FORGET, {"ids": ids})


def settle(
    connection: Connection,
    stamp: Stamp,
    answers: Sequence[Prepared | Reject],
    *,
    restores: bool,
) -> set[int]:
    """Return the ids of the answers that are not to be stored, because the job stays pruned.

    The jobs that are to be stored leave the table; with `restores` these are all. A job whose own
    call failed stays as it is. Raises `UsageError` if a job was pruned from another account.
    """
    came: dict[int, list[Prepared | Reject]] = defaultdict(list)
    for each in answers:
        if each.job_id is not None and not (isinstance(each, Reject) and each.payload is None):
            came[each.job_id].append(each)
    found = find(connection, came)
    for known in found.values():
        if known.account_id != stamp.account_id:
            raise UsageError(of_another_account(known.job_id, stamp.account_id, known.account_id))
    stays = {
        job_id
        for job_id, known in found.items()
        if not restores and all(map(known.is_same, came[job_id]))
    }
    forget(connection, found.keys() - stays)
    for ids in chunks(job_id for job_id in stays if found[job_id].gone_at is not None):
        connection.execute(_MARK_BACK, {"ids": ids})
    return stays


def mark_gone(connection: Connection, stamp: Stamp, job_ids: Iterable[int]) -> int:
    """Mark pruned jobs as deleted at the API; return how many were not marked before."""
    gone = update(PRUNED).where(*listed(stamp.account_id), among(PRUNED.c.job_id))
    gone = gone.values(gone_at=stamp.observed_at)
    return sum(connection.execute(gone, {"ids": ids}).rowcount for ids in chunks(job_ids))
