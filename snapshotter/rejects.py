"""The records set aside, in `rejected_records`: whole, with the reason, until they can be read."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    delete,
    exists,
    func,
    insert,
    select,
)

from snapshotter.load import JOBS, Run, chunks, live
from snapshotter.models import Base
from snapshotter.payload import Record, Reject, read_all, time_in

REJECTS: Table = Base.metadata.tables["rejected_records"]

FIRST_IDS = 5  # of the jobs that a reason is about
_OF_A_DEEP_ONE = {"id", "created_at"}  # all that is kept of a record that nests too deep


class SetAside(NamedTuple):
    """A row of `rejected_records`; `payload` is JSON text, secrets hidden."""

    id: int
    account_id: str
    job_id: int | None
    reason: str
    payload: str
    rejected_at: datetime


def set_aside(
    connection: Connection, run: Run, reject: Reject, redact: Callable[[Any], Any]
) -> bool:
    """Set a record aside, once; True unless this run has it there already."""
    payload = json.dumps(redact(reject.payload))
    mine = REJECTS.c.account_id == run.account_id
    same = (
        (REJECTS.c.job_id == reject.job_id)
        if reject.job_id is not None
        else REJECTS.c.job_id.is_(None) & (REJECTS.c.payload == payload)
    )
    before = connection.execute(select(REJECTS.c.snapshot_id).where(mine, same)).scalars().all()
    connection.execute(delete(REJECTS).where(mine, same))
    connection.execute(
        insert(REJECTS).values(
            snapshot_id=run.snapshot_id,
            account_id=run.account_id,
            job_id=reject.job_id,
            reason=reject.reason,
            payload=payload,
            rejected_at=run.observed_at,
        )
    )
    return run.snapshot_id not in before


def forget(connection: Connection, account_id: str, job_ids: Iterable[int]) -> None:
    """Remove what was set aside of these jobs: they could be read, or are gone."""
    mine = REJECTS.c.account_id == account_id
    for ids in chunks(job_ids):
        connection.execute(delete(REJECTS).where(mine, REJECTS.c.job_id.in_(ids)))


def forget_rows(connection: Connection, rows: Iterable[SetAside]) -> None:
    for ids in chunks(row.id for row in rows):
        connection.execute(delete(REJECTS).where(REJECTS.c.id.in_(ids)))


def listed(
    engine: Engine,
    account_id: str | None = None,
    *,
    not_of_run: int | None = None,
    nameless: bool = False,
) -> list[SetAside]:
    """Give what is set aside, oldest first.

    `not_of_run`: without what that run has seen; `nameless`: just the records without an id.
    """
    statement = select(*(REJECTS.c[name] for name in SetAside._fields)).order_by(REJECTS.c.id)
    statement = statement.where(*_which(account_id, not_of_run))
    if nameless:
        statement = statement.where(REJECTS.c.job_id.is_(None))
    with engine.connect() as connection:
        return [SetAside(*row) for row in connection.execute(statement)]


@dataclass(frozen=True)
class Group:
    """Records that were set aside for one reason: how many, the first ids of their jobs, when."""

    reason: str
    count: int
    job_ids: list[int]
    first_at: datetime
    last_at: datetime
    next_attempt_at: datetime | None


def grouped(engine: Engine, account_id: str | None = None) -> list[Group]:
    """Return what is set aside by its reason, the most frequent first."""
    groups: dict[str, list[SetAside]] = defaultdict(list)
    for row in listed(engine, account_id):
        groups[row.reason.removeprefix(f"job {row.job_id}: ")].append(row)
    found = [
        Group(
            reason,
            len(rows),
            [row.job_id for row in rows if row.job_id is not None][:FIRST_IDS],
            min(row.rejected_at for row in rows),
            max(row.rejected_at for row in rows),
            None,
        )
        for reason, rows in groups.items()
    ]
    return sorted(found, key=lambda group: -group.count)


def job_ids(engine: Engine, account_id: str, *, not_of_run: int | None = None) -> set[int]:
    """Give the ids of the jobs that something is set aside of."""
    has_id = REJECTS.c.job_id.is_not(None)
    statement = select(REJECTS.c.job_id).where(has_id, *_which(account_id, not_of_run))
    with engine.connect() as connection:
        return set(connection.execute(statement).scalars())


def count(engine: Engine, account_id: str) -> int:
    statement = select(func.count()).select_from(REJECTS).where(*_which(account_id, None))
    with engine.connect() as connection:
        return int(connection.execute(statement).scalar_one())


def only_here(account_id: str) -> tuple[ColumnElement[bool], ...]:
    """Give the condition on what is set aside of jobs that are not in `jobs`, or gone there."""
    stored = exists().where(JOBS.c.id == REJECTS.c.job_id, *live(account_id))
    return REJECTS.c.account_id == account_id, ~stored


def _which(account_id: str | None, not_of_run: int | None) -> Iterator[ColumnElement[bool]]:
    if account_id is not None:
        yield REJECTS.c.account_id == account_id
    if not_of_run is not None:
        yield REJECTS.c.snapshot_id != not_of_run


def time_of(row: SetAside, name: str) -> datetime | None:
    """Give a time of the record, where it has one that can be read."""
    return time_in(json.loads(row.payload), name)


def read_again(row: SetAside) -> Record | Reject:
    """Read a record as it is kept: this version may understand what an earlier one did not."""
    (record,) = read_all([row.payload.encode()])
    is_whole = not isinstance(record, Record) or not record.document.keys() <= _OF_A_DEEP_ONE
    if is_whole and row.job_id in (None, record.job_id):
        return record
    return Reject(row.job_id, None, row.reason, json.loads(row.payload))
