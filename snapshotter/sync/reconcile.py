"""Compares the API's list with what is stored, by offset, in few requests.

The list can be requested from any offset. So its jobs are counted by searching for its last
offset, and a difference from what is stored is found by bisection: up to some time both have the
same number of jobs, and after it they do not.
"""

import heapq
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine, Select, func, literal_column, select

from snapshotter.api.narrowing import PAGE_SIZE
from snapshotter.api.records import Record, Reject
from snapshotter.store import pruned, rejects
from snapshotter.store.reject_payload import time_of
from snapshotter.store.tables import JOBS, PRUNED, REJECTS, among, chunks, live
from snapshotter.times import EPOCH

Records = Sequence[Record | Reject]

_NEVER = -(2**63)  # a job without a time comes before all others


class Index:
    """The stored jobs in the list's order, by created_at, in 16 bytes per job."""

    def __init__(self, jobs: Iterable[tuple[int, datetime | None]] = ()) -> None:
        """`jobs` are (id, created_at) in the order of created_at, those without one first."""
        self.ids, self.times = array("q"), array("q")
        for job_id, created_at in jobs:
            self.ids.append(job_id)
            self.times.append(_ticks(created_at))

    def __len__(self) -> int:
        return len(self.ids)

    def before(self, created_at: datetime | None) -> int:
        """Return the number of jobs created earlier."""
        return bisect_left(self.times, _ticks(created_at))


def expected_count(engine: Engine, account_id: str) -> int:
    """Return how many jobs the list should have: stored or pruned and not gone, and rejects."""
    elsewhere = (
        select(func.count()).select_from(PRUNED).where(*pruned.listed(account_id)),
        select(func.count()).select_from(REJECTS).where(*rejects.only_here(account_id)),
    )
    with engine.connect() as connection:
        beside = sum(int(connection.execute(each).scalar_one()) for each in elsewhere)
        return _live_count(connection, account_id) + beside


def _live_count(connection: Connection, account_id: str) -> int:
    """Return how many stored jobs of the account are not gone.

    SQLite counts all rows of a table by its smallest index, ten times as fast as those that match:
    so if all belong to the account, those that are gone are taken off.
    """
    count = select(func.count()).select_from(JOBS)
    if connection.dialect.name == "sqlite" and _is_alone(connection, account_id):
        gone = count.where(JOBS.c.account_id == account_id, JOBS.c.gone_at > literal_column("''"))
        return sum(
            sign * int(connection.execute(each).scalar_one())
            for sign, each in ((1, count), (-1, gone))
        )
    return int(connection.execute(count.where(*live(account_id))).scalar_one())


def _is_alone(connection: Connection, account_id: str) -> bool:
    """Whether no other account has a job."""
    ends = (select(end(JOBS.c.account_id)) for end in (func.min, func.max))
    return all(connection.execute(each).scalar() in (account_id, None) for each in ends)


def present(engine: Engine, account_id: str, job_ids: Iterable[int]) -> set[int]:
    """Return those of the ids that `expected_count` counts."""
    found: set[int] = set()
    counted = [
        select(key).where(*conditions, among(key))
        for key, conditions in (
            (JOBS.c.id, live(account_id)),
            (PRUNED.c.job_id, pruned.listed(account_id)),
            (REJECTS.c.job_id, rejects.only_here(account_id)),
        )
    ]
    for ids in chunks(job_ids):
        with engine.connect() as connection:
            for these in counted:
                found.update(connection.execute(these, {"ids": ids}).scalars())
    return found


def index(
    engine: Engine,
    account_id: str,
    status: str | None = None,
    *,
    without: Collection[int] = (),
) -> Index:
    """Return the jobs that the list should have; with `status`, those known to have it.

    `without`: ids of jobs to leave out.
    """
    rejected = select(REJECTS.c.job_id).where(*rejects.only_here(account_id))
    not_stored: list[tuple[int, datetime | None]] = []
    if status is None:
        with engine.connect() as connection:
            only_here = set(connection.execute(rejected).scalars()) - {None}
        not_stored = [
            (row.job_id, time_of(row, "created_at"))
            for row in (rejects.listed(engine, account_id, with_id=True) if only_here else ())
            if row.job_id in only_here and row.job_id is not None
        ]
    with engine.connect() as connection:
        streaming = connection.execution_options(yield_per=10_000)
        ordered = (
            (row.id, row.created_at)
            for row in streaming.execute(_in_order(account_id, status))
            if row.id not in without
        )
        return Index(heapq.merge(ordered, sorted(not_stored, key=_order), key=_order))


def _in_order(account_id: str, status: str | None) -> Select[tuple[int, datetime | None]]:
    """Return the select of the jobs that are stored or pruned, in the list's order."""
    jobs = select(JOBS.c.id, JOBS.c.created_at).where(*live(account_id))
    removed = select(PRUNED.c.job_id, PRUNED.c.created_at).where(*pruned.listed(account_id))
    if status is not None:
        jobs = jobs.where(JOBS.c.status == status)
        removed = removed.where(PRUNED.c.status == status)
    both = jobs.union_all(removed).subquery()
    # Without the first key, engines sort a job without a time differently.
    return select(both.c.id, both.c.created_at).order_by(
        both.c.created_at.is_not(None), both.c.created_at, both.c.id
    )


def _order(job: tuple[int, datetime | None]) -> tuple[int, int]:
    return _ticks(job[1]), job[0]


class Difference(NamedTuple):
    """What differs in one part of the list.

    `listed`: records that the list has and the database has not; `unlisted`: ids of stored jobs
    that the list lacks.
    """

    listed: list[Record | Reject]
    unlisted: list[int]


class _Range(NamedTuple):
    """A range of offsets in the list, and the range of the index that covers the same times."""

    start: int
    end: int
    index_start: int
    index_end: int


def count(has: Callable[[int], bool], guess: int) -> int:
    """Return how many jobs a list has, by asking whether it has one at an offset.

    Costs two requests if the guess is right, else about two for each doubling of its error.
    """
    low, high, step = 0, None, 1  # at least `low` jobs, and fewer than `high`
    at = guess
    while high is None or high - low > 1:
        if high is not None and not low < at < high:
            at = (low + high) // 2
        if at == 0 or has(at - 1):
            low = max(low, at)
            at = low + step if high is None else (low + high) // 2
        else:
            high = at
            at = max(low, at - step)
        if high is None or low == 0:
            step *= 2
    return low


def differences(fetch: Callable[[int], Records], total: int, index: Index) -> Iterator[Difference]:
    """Yield what differs between a list of `total` jobs and the index.

    `fetch` returns the page at an offset. A part with the same number of jobs on both sides counts
    as equal and is not read. Each difference costs about log2 of the number of pages, and all
    together never more than reading the list twice.
    """
    todo = [_Range(0, total, 0, len(index))]
    while todo:
        part = todo.pop()
        if part.end - part.start == part.index_end - part.index_start:
            continue
        if part.start >= part.end:
            yield Difference([], list(index.ids[part.index_start : part.index_end]))
            continue
        at, records = _middle(fetch, part)
        if not records:  # the list became shorter meanwhile
            todo.append(part._replace(end=at))
            continue
        covered = _covered(at, records, part, index)
        todo.append(_Range(part.start, covered.start, part.index_start, covered.index_start))
        todo.append(_Range(covered.end, part.end, covered.index_end, part.index_end))
        difference = _difference(records[covered.start - at : covered.end - at], covered, index)
        if difference != Difference([], []):
            yield difference


def sample(
    fetch: Callable[[int], Records], offset: int, total: int, index: Index
) -> tuple[Records, list[int]]:
    """Return a page of the list, and the ids of the index that it lacks."""
    records = fetch(offset)[: max(0, total - offset)]
    is_whole = offset == 0 and len(records) == total
    if not is_whole and not _edges(records):  # it does not show where another time begins
        return records, []
    covered = _covered(offset, records, _Range(0, total, 0, len(index)), index)
    return records, _difference(records, covered, index).unlisted


def _covered(at: int, records: Records, part: _Range, index: Index) -> _Range:
    """Return the range that a page surely covers: it may begin and end among jobs of one time."""
    edges, end = _edges(records), at + len(records)
    start, index_start, index_end = at, part.index_start, part.index_end
    if at > part.start:
        start, index_start = at + edges[0], _position(index, records[edges[0]], part)
    if end < part.end and edges:
        end, index_end = at + edges[-1], _position(index, records[edges[-1]], part)
    return _Range(start, end, index_start, max(index_start, index_end))


def _difference(records: Records, covered: _Range, index: Index) -> Difference:
    stored = index.ids[covered.index_start : covered.index_end]
    known, found = set(stored), {record.job_id for record in records}
    return Difference(
        [record for record in records if record.job_id not in known],
        [job_id for job_id in stored if job_id not in found],
    )


def _middle(fetch: Callable[[int], Records], part: _Range) -> tuple[int, list[Record | Reject]]:
    """Return an offset near the middle of a part, and the records from there.

    The records reach the part's end or contain the first job of another time, because many jobs of
    one time can fill a page.
    """
    at = max(part.start, (part.start + part.end - PAGE_SIZE) // 2)
    records = list(fetch(at))
    if at > part.start and not _edges(records):
        at, records = part.start, []
    while at + len(records) < part.end and not _edges(records):
        more = fetch(at + len(records))
        if not more:
            break
        records += more
    return at, records[: part.end - at]


def _edges(records: Records) -> list[int]:
    """Return the positions, from the second on, at which another created_at begins."""
    times = [_ticks(record.created_at) for record in records]
    return [n for n in range(1, len(times)) if times[n] > times[n - 1]]


def _position(index: Index, record: Record | Reject, part: _Range) -> int:
    at = index.before(record.created_at)
    return min(max(at, part.index_start), part.index_end)


def _ticks(at: datetime | None) -> int:
    """Return the microseconds since 1970."""
    return _NEVER if at is None else (at - EPOCH) // timedelta(microseconds=1)
