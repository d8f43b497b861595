"""Holds the API's list against what is stored, by position, in few requests.

The list can be asked for any place in it. So the number of its jobs is found by searching for its
last place, and where it differs from what is stored, by halving: up to some moment both have as
many jobs, from another moment on not.
"""

import heapq
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from snapshotter.api.records import Record, Reject
from snapshotter.store import rejects
from snapshotter.store.tables import JOBS, REJECTS, chunks, live
from snapshotter.times import EPOCH

Records = Sequence[Record | Reject]

_PAGE = 100  # what a list answer has at most
_NEVER = -(2**63)  # a job without a time stands before all others


class Shelf:
    """The jobs that are stored, in the list's order, by created_at: 16 bytes a job."""

    def __init__(self, jobs: Iterable[tuple[int, datetime | None]] = ()) -> None:
        """Take (id, created_at) in the order of created_at, those without one first."""
        self.ids, self.times = array("q"), array("q")
        for job_id, created_at in jobs:
            self.ids.append(job_id)
            self.times.append(_ticks(created_at))

    def __len__(self) -> int:
        return len(self.ids)

    def before(self, created_at: datetime | None) -> int:
        """Count the jobs created earlier."""
        return bisect_left(self.times, _ticks(created_at))


def stored(engine: Engine, account_id: str) -> int:
    """Count what the list should have: the jobs stored and not gone, and those set aside."""
    jobs = select(func.count()).select_from(JOBS).where(*live(account_id))
    apart = select(func.count()).select_from(REJECTS).where(*rejects.only_here(account_id))
    with engine.connect() as connection:
        return sum(int(connection.execute(each).scalar_one()) for each in (jobs, apart))


def present(engine: Engine, account_id: str, job_ids: Iterable[int]) -> set[int]:
    """Return those of the ids that `stored` counts."""
    found: set[int] = set()
    jobs = select(JOBS.c.id).where(*live(account_id))
    apart = select(REJECTS.c.job_id).where(*rejects.only_here(account_id))
    for ids in chunks(job_ids):
        with engine.connect() as connection:
            found.update(connection.execute(jobs.where(JOBS.c.id.in_(ids))).scalars())
            found.update(connection.execute(apart.where(REJECTS.c.job_id.in_(ids))).scalars())
    return found


def shelf(
    engine: Engine,
    account_id: str,
    status: str | None = None,
    *,
    without: Collection[int] = (),
) -> Shelf:
    """Read the ids and times of what the list should have; `status`: of the jobs stored with it.

    `without`: jobs that the list should not have, after all.
    """
    jobs = select(JOBS.c.id, JOBS.c.created_at).where(*live(account_id))
    if status is not None:
        jobs = jobs.where(JOBS.c.status == status)
    # Where the engines would put a job without a time, they disagree.
    jobs = jobs.order_by(JOBS.c.created_at.is_not(None), JOBS.c.created_at, JOBS.c.id)
    apart = select(REJECTS.c.job_id).where(*rejects.only_here(account_id))
    aside: list[tuple[int, datetime | None]] = []
    if status is None:
        with engine.connect() as connection:
            only_here = set(connection.execute(apart).scalars()) - {None}
        aside = [
            (row.job_id, rejects.time_of(row, "created_at"))
            for row in (rejects.listed(engine, account_id, with_id=True) if only_here else ())
            if row.job_id in only_here and row.job_id is not None
        ]
    with engine.connect() as connection:
        streaming = connection.execution_options(yield_per=10_000)
        ordered = (
            (row.id, row.created_at) for row in streaming.execute(jobs) if row.id not in without
        )
        return Shelf(heapq.merge(ordered, sorted(aside, key=_order), key=_order))


def _order(job: tuple[int, datetime | None]) -> tuple[int, int]:
    return _ticks(job[1]), job[0]


class Stretch(NamedTuple):
    """A part of the list where the two differ.

    `listed`: the list's records there that are not stored; `unlisted`: ids stored there alone.
    """

    listed: list[Record | Reject]
    unlisted: list[int]


class _Span(NamedTuple):
    """A range of places in the list, and the range on the shelf of the same moments."""

    start: int
    end: int
    shelf_start: int
    shelf_end: int


def count(has: Callable[[int], bool], guess: int) -> int:
    """Count a list's jobs by asking whether it has one at a place, counted from 0.

    Two requests where the guess is right, else about two for each doubling of its error.
    """
    low, high, step = 0, None, 1  # there are `low` jobs at least, and fewer than `high`
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


def differences(fetch: Callable[[int], Records], total: int, shelf: Shelf) -> Iterator[Stretch]:
    """Yield where a list of `total` jobs and the shelf differ; `fetch` gives a page from a place.

    A part that has as many jobs on both sides is taken for the same, and is not read. The cost is
    about log2 of the pages for each place that differs, and never more than two readings of all.
    """
    todo = [_Span(0, total, 0, len(shelf))]
    while todo:
        span = todo.pop()
        if span.end - span.start == span.shelf_end - span.shelf_start:
            continue
        if span.start >= span.end:
            yield Stretch([], list(shelf.ids[span.shelf_start : span.shelf_end]))
            continue
        at, records = _middle(fetch, span)
        if not records:  # the list became shorter meanwhile
            todo.append(span._replace(end=at))
            continue
        covered = _covered(at, records, span, shelf)
        todo.append(_Span(span.start, covered.start, span.shelf_start, covered.shelf_start))
        todo.append(_Span(covered.end, span.end, covered.shelf_end, span.shelf_end))
        stretch = _stretch(records[covered.start - at : covered.end - at], covered, shelf)
        if stretch != Stretch([], []):
            yield stretch


def sample(
    fetch: Callable[[int], Records], place: int, total: int, shelf: Shelf
) -> tuple[Records, list[int]]:
    """Read a page of the list; give it, and the ids on the shelf that it lacks."""
    records = fetch(place)[: max(0, total - place)]
    is_whole = place == 0 and len(records) == total
    if not is_whole and not _edges(records):  # it says nothing of where another moment begins
        return records, []
    covered = _covered(place, records, _Span(0, total, 0, len(shelf)), shelf)
    return records, _stretch(records, covered, shelf).unlisted


def _covered(at: int, records: Records, span: _Span, shelf: Shelf) -> _Span:
    """Give what of a span a page covers for sure: it can begin and end within a moment."""
    edges, end = _edges(records), at + len(records)
    start, shelf_start, shelf_end = at, span.shelf_start, span.shelf_end
    if at > span.start:
        start, shelf_start = at + edges[0], _place(shelf, records[edges[0]], span)
    if end < span.end and edges:
        end, shelf_end = at + edges[-1], _place(shelf, records[edges[-1]], span)
    return _Span(start, end, shelf_start, max(shelf_start, shelf_end))


def _stretch(records: Records, covered: _Span, shelf: Shelf) -> Stretch:
    stored = shelf.ids[covered.shelf_start : covered.shelf_end]
    known, found = set(stored), {record.job_id for record in records}
    return Stretch(
        [record for record in records if record.job_id not in known],
        [job_id for job_id in stored if job_id not in found],
    )


def _middle(fetch: Callable[[int], Records], span: _Span) -> tuple[int, list[Record | Reject]]:
    """Read about the middle of a span: from its start, or from where some moment begins.

    What is read reaches the span's end, or has the beginning of another moment, too: many jobs of
    one moment can fill a page.
    """
    at = max(span.start, (span.start + span.end - _PAGE) // 2)
    records = list(fetch(at))
    if at > span.start and not _edges(records):
        at, records = span.start, []
    while at + len(records) < span.end and not _edges(records):
        more = fetch(at + len(records))
        if not more:
            break
        records += more
    return at, records[: span.end - at]


def _edges(records: Records) -> list[int]:
    """Give the places from the second on at which another created_at begins."""
    times = [_ticks(record.created_at) for record in records]
    return [n for n in range(1, len(times)) if times[n] > times[n - 1]]


def _place(shelf: Shelf, record: Record | Reject, span: _Span) -> int:
    at = shelf.before(record.created_at)
    return min(max(at, span.shelf_start), span.shelf_end)


def _ticks(at: datetime | None) -> int:
    """Count the microseconds since 1970."""
    return _NEVER if at is None else (at - EPOCH) // timedelta(microseconds=1)
