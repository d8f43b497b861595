"""Removes old jobs with all that belongs to them: what `db prune` does.

A job is as old as its `finished_at`; one that the API deleted before it finished, as its `gone_at`.
An open job stays. Each job that is removed leaves a row in `pruned_jobs`: see `pruned`.

A record that is set aside is as old as the latest of its own times that can be read; one of which
nothing came, as its job, or without one as its last try. It goes if it is old and its job goes too,
or is not stored. A job with a record that is not old stays: that is a later state of it. A record
without an id stays, because the next run could not recognise it.

Of the runs that ended as long ago, those go that no row refers to, except each account's last run
and its last complete one, by which `status` judges.

All is done in small transactions, each whole: a run that is killed has removed some jobs, and the
next one removes the rest.
"""

import json
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
)

from snapshotter.api.records import time_in
from snapshotter.errors import Stopped
from snapshotter.statuses import STATUSES
from snapshotter.store import output_days, owned, pruned, rejects
from snapshotter.store.bulk import encode, insert_encoded
from snapshotter.store.lock import lock
from snapshotter.store.reject_payload import NOTHING_CAME, RejectedRecord
from snapshotter.store.sizes import apply_packet_limit
from snapshotter.store.tables import COMPLETE, JOBS, PRUNED, REJECTS, SNAPSHOTS, among, chunks
from snapshotter.times import now

AT_ONCE = 1_000  # jobs, records or runs of a transaction

_KEPT = ("job_id", "status", "created_at", "updated_at", "gone_at")
_OF_JOBS = (JOBS.c.id, *(JOBS.c[name] for name in _KEPT[1:]))
# Built once: see `among`.
_COUNT_REJECTS = select(func.count()).where(
    REJECTS.c.account_id == bindparam("account"), among(REJECTS.c.job_id)
)
_FORGET_RUNS = delete(SNAPSHOTS).where(among(SNAPSHOTS.c.id))
_TIMES = ("created_at", "started_at", "failed_at", "completed_at", "updated_at")


@dataclass(frozen=True)
class Removed:
    """How many rows were removed, or would be: of jobs, of records set aside, and of runs."""

    jobs: int = 0
    rejected: int = 0
    runs: int = 0

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(
            self.jobs + other.jobs, self.rejected + other.rejected, self.runs + other.runs
        )

    def __bool__(self) -> bool:
        return self != Removed()


def total(counts: Iterable[Removed]) -> Removed:
    return sum(counts, Removed())


class Old(NamedTuple):
    """What is to be removed: what is older than `before` of an account."""

    account_id: str
    before: datetime

    @property
    def jobs(self) -> tuple[ColumnElement[bool], ...]:
        finished, gone = JOBS.c.finished_at, JOBS.c.gone_at
        is_old = or_(finished < self.before, and_(finished.is_(None), gone < self.before))
        return JOBS.c.account_id == self.account_id, is_old


class _Waiting(NamedTuple):
    """A record that is set aside. `has_come`: something was received, and so has times."""

    id: int
    job_id: int
    has_come: bool
    is_old: bool
    status: str | None
    created_at: datetime | None
    updated_at: datetime | None


class _Aside(NamedTuple):
    """The records set aside: `with_jobs` is how many go with a job, `alone` go by themselves.

    `holding`: the ids of the jobs that stay for them, of which `held` would be removed otherwise.
    """

    with_jobs: int
    alone: list[_Waiting]
    holding: set[int]
    held: int


def count(engine: Engine, old: Old) -> Removed:
    """Return what `prune` would remove; of runs, those that no row refers to already."""
    aside = _aside(engine, old)
    jobs = select(func.count()).select_from(JOBS).where(*old.jobs)
    with engine.connect() as connection:
        runs = select(func.count()).select_from(_unused_runs(connection, old).subquery())
        return Removed(
            int(connection.execute(jobs).scalar_one()) - aside.held,
            aside.with_jobs + len(aside.alone),
            int(connection.execute(runs).scalar_one()),
        )


def prune(engine: Engine, olds: Iterable[Old]) -> Generator[Removed]:
    """Remove what is old, and yield after each transaction what it removed.

    Raises `Stopped` in the end if a run of an account was in progress, of which nothing is removed.
    """
    apply_packet_limit(engine)
    busy: list[str] = []
    for old in olds:
        with lock(engine, old.account_id) as check_lock:
            if check_lock is None:
                busy.append(old.account_id)
                continue
            for removed in _prune(engine, old):
                yield removed
                check_lock()
    if busy:
        raise Stopped(
            f"a run of account {', '.join(busy)} is in progress, and nothing of it was removed; "
            "try again when it has ended"
        )


def _prune(engine: Engine, old: Old) -> Iterator[Removed]:
    aside = _aside(engine, old)
    for start in range(0, len(aside.alone), AT_ONCE):
        records = aside.alone[start : start + AT_ONCE]
        with engine.begin() as connection:
            _remember(connection, old, [_of_record(row) for row in records if row.has_come])
            rejects.forget_rows(connection, (row.id for row in records))
        yield Removed(rejected=len(records))
    for column, condition in (
        # As the index has them; a job that is not gone can be old only by its end.
        (JOBS.c.finished_at, and_(JOBS.c.gone_at.is_(None), JOBS.c.finished_at < old.before)),
        (JOBS.c.gone_at, JOBS.c.gone_at.is_not(None)),
    ):
        after = _in_order(engine, old, column, condition)
        yield from _prune_jobs(engine, old, after, aside.holding)
    yield from _prune_runs(engine, old)


def _aside(engine: Engine, old: Old) -> _Aside:
    waiting = [_waiting(row, old) for row in rejects.listed(engine, old.account_id, with_id=True)]
    stored: dict[int, bool] = {}  # whether the job is old
    with engine.connect() as connection:
        for ids in chunks({row.job_id for row in waiting}):
            these = JOBS.c.id.in_(ids)
            stored |= dict.fromkeys(
                connection.execute(select(JOBS.c.id).where(these)).scalars(), False
            )
            old_ones = select(JOBS.c.id).where(these, *old.jobs)
            stored |= dict.fromkeys(connection.execute(old_ones).scalars(), True)
    holding = {row.job_id for row in waiting if row.has_come and not row.is_old}
    go = {job_id for job_id, is_old in stored.items() if is_old} - holding
    return _Aside(
        sum(row.job_id in go for row in waiting),
        [row for row in waiting if row.is_old and row.job_id not in stored],
        holding,
        sum(stored.get(job_id, False) for job_id in holding),
    )


def _waiting(row: RejectedRecord, old: Old) -> _Waiting:
    document = json.loads(row.payload)
    times = {name: time_in(document, name) for name in _TIMES}
    latest = max((at for at in times.values() if at is not None), default=row.rejected_at)
    status = document.get("status") if isinstance(document, dict) else None
    return _Waiting(
        row.id,
        row.job_id or 0,
        row.payload != NOTHING_CAME,
        latest < old.before,
        status if status in STATUSES else None,
        times["created_at"],
        times["updated_at"],
    )


def _of_record(row: _Waiting) -> tuple[Any, ...]:
    return row.job_id, row.status, row.created_at, row.updated_at, None


def _remember(connection: Connection, old: Old, rows: list[tuple[Any, ...]]) -> None:
    """Insert jobs into `pruned_jobs`; `rows` have the columns `_KEPT`."""
    pruned.forget(connection, (row[0] for row in rows))
    encoded = encode(connection.dialect, PRUNED, _KEPT, rows)
    own = {"account_id": old.account_id, "pruned_at": now()}
    insert_encoded(connection, PRUNED, _KEPT, encoded, **own)


def _in_order(
    engine: Engine, old: Old, column: Column[Any], condition: ColumnElement[bool]
) -> Callable[[Row[Any] | None], Select[Any]]:
    """Return what selects the next old jobs after one, in the order of a column."""
    order = [column, JOBS.c.id]
    if engine.dialect.name == "postgresql":
        # It sorts all of them for each batch if `gone_at` does not come first, though it is null
        # in each; MariaDB does so if it does.
        order.insert(0, JOBS.c.gone_at)

    def after(last: Row[Any] | None) -> Select[Any]:
        jobs = select(*_OF_JOBS, column.label("at")).where(*old.jobs, condition)
        if last is not None:
            # The first part is a range of the index; both together are what comes after the row.
            jobs = jobs.where(column >= last.at, or_(column > last.at, JOBS.c.id > last.id))
        return jobs.order_by(*order).limit(AT_ONCE)

    return after


def _prune_jobs(
    engine: Engine,
    old: Old,
    after: Callable[[Row[Any] | None], Select[Any]],
    holding: Collection[int],
) -> Iterator[Removed]:
    last: Row[Any] | None = None
    while True:
        with engine.begin() as connection:
            rows = connection.execute(after(last)).all()
            jobs = {row.id: tuple(row)[: len(_KEPT)] for row in rows if row.id not in holding}
            owned.lock_jobs_first(connection)
            rejected = _count_rejects(connection, old, jobs)
            rejects.forget(connection, old.account_id, jobs)
            groups = output_days.stored_groups(connection, jobs)
            owned.remove(connection, JOBS, jobs)
            output_days.recount(connection, old.account_id, groups)
            _remember(connection, old, [*jobs.values()])
        if not rows:
            return
        last = rows[-1]
        yield Removed(len(jobs), rejected)


def _count_rejects(connection: Connection, old: Old, job_ids: Iterable[int]) -> int:
    return sum(
        int(
            connection.execute(_COUNT_REJECTS, {"account": old.account_id, "ids": ids}).scalar_one()
        )
        for ids in chunks(job_ids)
    )


def _prune_runs(engine: Engine, old: Old) -> Iterator[Removed]:
    while True:
        with engine.begin() as connection:
            unused = _unused_runs(connection, old).limit(AT_ONCE)
            ids = connection.execute(unused).scalars().all()
            for some in chunks(ids):
                connection.execute(_FORGET_RUNS, {"ids": some})
        if not ids:
            return
        yield Removed(runs=len(ids))


def _unused_runs(connection: Connection, old: Old) -> Select[Any]:
    mine = SNAPSHOTS.c.account_id == old.account_id
    newest = [
        connection.execute(select(func.max(SNAPSHOTS.c.id)).where(mine, *which)).scalar()
        for which in ((), COMPLETE)
    ]
    references = (*owned.referring(SNAPSHOTS), REJECTS.c.snapshot_id)
    return select(SNAPSHOTS.c.id).where(
        mine,
        SNAPSHOTS.c.finished_at < old.before,
        SNAPSHOTS.c.id.not_in([run for run in newest if run is not None]),
        *(~exists().where(column == SNAPSHOTS.c.id) for column in references),
    )
