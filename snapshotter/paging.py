"""Reads a list that changes while it is read, and misses nothing that was in it at the start.

The list is sorted by `created_at`, ascending; jobs join it anywhere and may vanish from it, and
jobs of one `created_at` have no promised order. So each page is asked for from one job before the
group that shares the last `created_at` of the page before (the edge), and must begin with a job
older than that group: then everything from the edge on is still ahead. A page that begins
otherwise shows that the list moved left, and the reader goes back.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from snapshotter.errors import Stopped
from snapshotter.payload import Record, Reject

MAX_BARREN_REQUESTS = 200  # in a row, with no job that was not met before: far past any shift
MAX_PASSES = 30  # over one long group; each pass of two or more pages meets half of it, or better

_REMEMBERED = 1_000  # jobs met lately, to tell what is new


class Cursor(NamedTuple):
    """Where a listing goes on: all jobs created before `edge` were read (None: none yet)."""

    offset: int = 0
    edge: datetime | None = None


class Listed(NamedTuple):
    """One answer of the list. `more` is the server's word, None where it gave none."""

    records: Sequence[Record | Reject]
    more: bool | None


class Page(NamedTuple):
    """What one answer brought, and where the listing goes on once it is stored."""

    records: Sequence[Record | Reject]
    cursor: Cursor


def pages(fetch: Callable[[int], Listed], cursor: Cursor) -> Iterator[Page]:
    """Yield the list's pages from `cursor` on; jobs at the pages' edges come more than once.

    Raises `Stopped` when the server keeps answering and the listing does not advance.
    """
    read = _Reader(fetch)
    step = 1
    while True:
        listed = read(cursor.offset)
        if cursor.edge is not None and not _begins_before(cursor, listed.records):
            cursor = Cursor(max(0, cursor.offset - step), cursor.edge)
            step *= 2
            continue
        step = 1
        if not listed.records:
            return
        start, edge = _last_group(listed.records)
        if listed.more is False or (
            listed.more is None and read.ended and (yield from _is_last(read, cursor, listed))
        ):
            yield Page(listed.records, Cursor(cursor.offset + max(0, start - 1), edge))
            return
        if edge is None or start > 1:
            ahead = start - 1 if start > 1 else len(listed.records)
            cursor = Cursor(cursor.offset + ahead, edge)
            yield Page(listed.records, cursor)
            continue
        if listed.more is None:
            yield Page(listed.records, cursor)
        # The page holds one group alone: its end is further on, and its order may change meanwhile.
        if cursor.edge is not None and edge < cursor.edge:
            edge = cursor.edge
        after = yield from _long_group(read, Cursor(cursor.offset, edge), edge)
        if after is None:
            return
        cursor = after


class _Reader:
    """Counts the answers in a row that bring nothing new, so that no listing runs for ever.

    `ended`: the last answer ended with the same job as the one before, from further on.
    """

    def __init__(self, fetch: Callable[[int], Listed]) -> None:
        self._fetch = fetch
        self._met: set[int | None] = set()
        self._barren = 0
        self.patience = MAX_BARREN_REQUESTS
        self._offset = -1
        self._last: int | None = None
        self.ended = False

    def __call__(self, offset: int) -> Listed:
        listed = self._fetch(offset)
        ids = _ids(listed)
        last = listed.records[-1].job_id if listed.records else None
        # Asked from further on, a server that cut the answer short would have come further.
        self.ended = offset > self._offset and last is not None and last == self._last
        self._offset, self._last = offset, last
        fresh = not ids <= self._met
        self._met = ids if len(self._met) > _REMEMBERED else self._met | ids
        self._barren = 0 if fresh else self._barren + 1
        if self._barren > self.patience:
            raise Stopped(
                f"the job list does not advance at offset {offset}: {self._barren} answers "
                "in a row brought nothing new; run again later"
            )
        return listed


def _is_last(read: _Reader, cursor: Cursor, listed: Listed) -> Generator[Page, None, bool]:
    """Tell whether nothing is behind a page, of a server that does not say.

    It may have handed out few: only an empty answer further on is an end, and only if the list did
    not move left meanwhile, by which this page comes again as it was.
    """
    behind = read(cursor.offset + len(listed.records))
    if behind.records:
        yield Page(behind.records, cursor)
        return False
    again = read(cursor.offset)
    yield Page(again.records, cursor)
    return _begins_before(cursor, again.records) and _ids(again) >= _ids(listed)


def _long_group(
    read: _Reader, anchor: Cursor, edge: datetime
) -> Generator[Page, None, Cursor | None]:
    """Yield the pages of a group that fills more than one, until all of it was met.

    The group has as many jobs as it has places; when a pass over it meets no new one and as many
    were met, it is whole. Records without an id, which look all alike, are counted by their places.
    Returns where to go on, None at the list's end.
    """
    group: set[int] = set()
    for _ in range(MAX_PASSES):
        # A pass to confirm brings no news, however long the group.
        read.patience = max(read.patience, MAX_BARREN_REQUESTS + 3 * len(group))
        known, offset, start = len(group), anchor.offset, None
        nameless: set[int] = set()
        while True:
            listed = read(offset)
            if offset == anchor.offset and not _begins_before(anchor, listed.records):
                return anchor  # the list moved left: to be seen to by the caller
            times = [record.created_at for record in listed.records]
            nameless |= {n for n, r in enumerate(listed.records, offset) if r.job_id is None}
            named = (r for r in listed.records if r.created_at in (edge, None))
            group |= {r.job_id for r in named if r.job_id is not None}
            if start is None and edge in times:
                start = offset + times.index(edge)
            newer = next((i for i, at in enumerate(times) if at is not None and at > edge), None)
            yield Page(listed.records, anchor)
            if newer is not None or not times or listed.more is False:
                break
            offset += max(1, len(times) - 1)
        end = offset + (len(times) if newer is None else newer)
        places = end - (end if start is None else start)
        if len(group) == known and len(group) + len(nameless) >= places:
            if newer is None:
                return None
            return Cursor(max(0, end - 1), times[newer])
    raise Stopped(
        f"the order of the {len(group)} jobs created at {edge:%Y-%m-%dT%H:%M:%SZ} keeps changing: "
        f"{MAX_PASSES} passes did not meet them all; run again later"
    )


def _ids(listed: Listed) -> set[int | None]:
    return {record.job_id for record in listed.records}


def _begins_before(cursor: Cursor, records: Sequence[Record | Reject]) -> bool:
    """Tell whether everything from the edge on is at `cursor.offset` or behind it."""
    if cursor.offset == 0:
        return True
    first = records[0].created_at if records else None
    return first is not None and cursor.edge is not None and first < cursor.edge


def _last_group(records: Sequence[Record | Reject]) -> tuple[int, datetime | None]:
    """Give the place where the jobs begin that share the page's last `created_at`, and that time.

    A record whose time cannot be read counts as one of the group: the reader then goes back more.
    """
    edge = next((r.created_at for r in reversed(records) if r.created_at is not None), None)
    start = len(records)
    while start and records[start - 1].created_at in (edge, None):
        start -= 1
    return start, edge
