"""The records that are set aside in `rejected_records`: reads them, and removes them.

`set_aside` writes them. A record stays there, with the reason, until it can be stored. It is tried
again after pauses that grow, or at once if the record or this program has changed.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)

from snapshotter import __version__
from snapshotter.store import backoff, reject_reasons
from snapshotter.store.reject_payload import RejectedRecord
from snapshotter.store.tables import JOBS, REJECTS, among, chunks, live

CHARACTERS_AT_ONCE = 8_000_000  # of payloads, read or written together
ROWS_AT_ONCE = 500

_FORGET = delete(REJECTS).where(
    REJECTS.c.account_id == bindparam("account"), among(REJECTS.c.job_id)
)
_FORGET_ROWS = delete(REJECTS).where(among(REJECTS.c.id))


class RejectState(NamedTuple):
    """A row of `rejected_records` without the record itself."""

    id: int
    account_id: str
    job_id: int | None
    reason: str
    rejected_at: datetime
    snapshot_id: int
    attempts: int | None
    next_attempt_at: datetime | None
    program_version: str | None
    digest: str | None

    @property
    def has_come(self) -> bool:
        """Whether a record was received; none is if the job's own call fails."""
        return self.digest is not None

    def is_due(self, now: datetime) -> bool:
        """Whether the record should be tried now: after its pause, or by a new version at once."""
        if self.program_version != __version__:
            return True
        return backoff.is_due(self.next_attempt_at, self.attempts or 0, now)


@dataclass(frozen=True)
class Group:
    """The records set aside for one reason. `job_ids` are the first few."""

    reason: str
    count: int
    job_ids: list[int]
    first_at: datetime
    last_at: datetime
    next_attempt_at: datetime | None


def listed(
    engine: Engine, account_id: str | None = None, *, with_id: bool = False
) -> Iterator[RejectedRecord]:
    """Yield the records, oldest first, reading a few megabytes at a time.

    `with_id`: only those with a job id.
    """
    sizes_of = select(REJECTS.c.id, func.length(REJECTS.c.payload))
    sizes_of = sizes_of.where(*_which(account_id)).order_by(REJECTS.c.id)
    if with_id:
        sizes_of = sizes_of.where(REJECTS.c.job_id.is_not(None))
    with engine.connect() as connection:
        lengths = [(row[0], int(row[1])) for row in connection.execute(sizes_of)]
    columns = select(*(REJECTS.c[name] for name in RejectedRecord._fields))
    statement = columns.where(among(REJECTS.c.id)).order_by(REJECTS.c.id)
    for ids in _batches(lengths):
        with engine.connect() as connection:
            rows = connection.execute(statement, {"ids": ids}).all()
        for row in rows:
            yield RejectedRecord(*row)


def _batches(lengths: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Group rows, as (id, characters), into batches that are read together."""
    batch: list[int] = []
    size = 0
    for row_id, length in lengths:
        if batch and (size + length > CHARACTERS_AT_ONCE or len(batch) == ROWS_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(row_id)
        size += length
    if batch:
        yield batch


def record(engine: Engine, row_id: int) -> RejectedRecord | None:
    """Return one row with its record; None if it is not there any longer."""
    statement = select(*(REJECTS.c[name] for name in RejectedRecord._fields))
    with engine.connect() as connection:
        row = connection.execute(statement.where(REJECTS.c.id == row_id)).first()
    return None if row is None else RejectedRecord(*row)


def states(engine: Engine, account_id: str | None = None) -> list[RejectState]:
    """Return every row without its record, the longest waiting first."""
    statement = select(*(REJECTS.c[name] for name in RejectState._fields)).order_by(
        REJECTS.c.next_attempt_at.is_not(None), REJECTS.c.next_attempt_at, REJECTS.c.id
    )
    with engine.connect() as connection:
        return [
            RejectState(*row) for row in connection.execute(statement.where(*_which(account_id)))
        ]


def grouped(engine: Engine, account_id: str | None = None) -> list[Group]:
    """Return the records grouped by reason, the most frequent first."""
    groups: dict[str, Group] = {}
    for row in sorted(states(engine, account_id), key=lambda row: row.id):
        reason = reject_reasons.group_of(row.reason)
        known = groups.get(reason) or Group(reason, 0, [], row.rejected_at, row.rejected_at, None)
        is_first = row.job_id is not None and len(known.job_ids) < reject_reasons.SHOWN
        next_at = [at for at in (known.next_attempt_at, row.next_attempt_at) if at is not None]
        groups[reason] = Group(
            reason,
            known.count + 1,
            [*known.job_ids, row.job_id] if is_first and row.job_id is not None else known.job_ids,
            min(known.first_at, row.rejected_at),
            max(known.last_at, row.rejected_at),
            min(next_at, default=None),
        )
    return sorted(groups.values(), key=lambda group: -group.count)


def count(engine: Engine, account_id: str) -> int:
    statement = select(func.count()).select_from(REJECTS).where(*_which(account_id))
    with engine.connect() as connection:
        return int(connection.execute(statement).scalar_one())


def only_here(account_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return the condition on the records that the list should have besides the stored jobs.

    A job whose own call fails may not be in the list.
    """
    stored = exists().where(JOBS.c.id == REJECTS.c.job_id, *live(account_id))
    came = REJECTS.c.job_id.is_(None) | REJECTS.c.digest.is_not(None)
    return REJECTS.c.account_id == account_id, came, ~stored


def _which(account_id: str | None) -> Iterator[ColumnElement[bool]]:
    if account_id is not None:
        yield REJECTS.c.account_id == account_id


def forget(connection: Connection, account_id: str, job_ids: Iterable[int]) -> None:
    """Remove the records of these jobs: they could be read, or are gone."""
    for ids in chunks(job_ids):
        connection.execute(_FORGET, {"account": account_id, "ids": ids})


def forget_unseen(
    engine: Engine, account_id: str, snapshot_id: int, row_ids: Collection[int] | None
) -> None:
    """Remove records without an id that a run has not met, of these rows or of all."""
    unseen = [
        row.id
        for row in states(engine, account_id)
        if row.job_id is None
        and row.snapshot_id != snapshot_id
        and (row_ids is None or row.id in row_ids)
    ]
    with engine.begin() as connection:
        forget_rows(connection, unseen)


def forget_rows(connection: Connection, row_ids: Iterable[int]) -> None:
    for ids in chunks(row_ids):
        connection.execute(_FORGET_ROWS, {"ids": ids})


def note_version(engine: Engine, row_ids: Iterable[int]) -> None:
    """Note that this version of the program has tried these rows."""
    tried = update(REJECTS).where(among(REJECTS.c.id)).values(program_version=__version__)
    with engine.begin() as connection:
        for ids in chunks(row_ids):
            connection.execute(tried, {"ids": ids})
