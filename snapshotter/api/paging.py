"""Reads a list that changes while it is read, and misses nothing that was in it at the start.

The list is sorted by `created_at`, ascending; jobs join it anywhere and may vanish from it, and
jobs of one `created_at` have no promised order. So each page is asked for from one job before the
group that shares the last `created_at` of the page before (the edge), and must begin with a job
older than that group: then everything from the edge on is still ahead. A page that begins
otherwise shows that the list moved left, and the reader goes back.

Pages may be prefetched, at offsets that the reader is expected to reach. The proof holds for
answers in any order of time: each is a stretch of the list as it was at some moment of the listing,
and a job that is there all the while is in every stretch with an older job at its start and a newer
one at its end.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Generic, NamedTuple, Protocol, TypeVar

from snapshotter.api.records import Reject
from snapshotter.errors import AGAIN, Stopped

MAX_BARREN_REQUESTS = 200  # in a row, with no job that was not met before: far past any shift
MAX_PASSES = 30  # over one long group; each pass of two or more pages meets half of it, or better

_FALLS_OF_A_MESS = 4  # one in four jobs was created before the one ahead of it
_REMEMBERED = 1_000  # jobs met in the last answers, to see what is new


class Cursor(NamedTuple):
    """Where a listing continues: all jobs created before `edge` were read (None: none yet)."""

    offset: int = 0
    edge: datetime | None = None


class Item(Protocol):
    """What a listing is of: a record as it was read, or what has been made of it."""

    @property
    def job_id(self) -> int | None: ...
    @property
    def created_at(self) -> datetime | None: ...


ItemT = TypeVar("ItemT", bound=Item)


class Listed(NamedTuple, Generic[ItemT]):
    """One answer of the list. `more`: whether there is more, None if the server does not say."""

    records: Sequence[ItemT]
    more: bool | None


class Page(NamedTuple, Generic[ItemT]):
    """What one answer brought, and where the listing continues once it is stored.

    `next_is_here`: the next page has already arrived.
    """

    records: Sequence[ItemT]
    cursor: Cursor
    next_is_here: bool = False


class Plan(Protocol[ItemT]):
    """What is requested before the reader comes there."""

    def follow(self, asked: Cursor, listed: Listed[ItemT], cursor: Cursor) -> None:
        """Request more, now that the answer from `asked` has led to `cursor`."""

    def offset_for(self, cursor: Cursor) -> int | None:
        """Return the furthest requested offset from which nothing ahead is left out, if any."""

    def has(self, cursor: Cursor) -> bool:
        """Return whether the answer from there has arrived."""

    def take(self, offset: int) -> Listed[ItemT]:
        """Return the answer and forget it, or raise what the request has raised."""

    def drop(self) -> None:
        """Forget all requests: the list is not as it was."""


def pages(
    fetch: Callable[[int], Listed[ItemT]], cursor: Cursor, plan: Plan[ItemT] | None = None
) -> Iterator[Page[ItemT]]:  # a branch for each way on
    """Yield the list's pages from `cursor` on; jobs at the edges of pages come more than once.

    Without a plan each page is requested when the reader comes to it.

    Raises `Stopped` if the server keeps answering and the listing does not advance.
    """
    read = _Reader(fetch)
    plan = plan or _NoPlan(fetch)
    previous: set[int | None] = set()
    while True:
        answer = _read_on(read, plan, cursor)
        asked, listed, _, is_prefetched = answer
        cursor = cursor if is_prefetched else asked
        if not listed.records:
            return
        # The page before may have been read after this one: what both have counts as it had it.
        records = [r for r in listed.records if not is_prefetched or r.job_id not in previous]
        previous = _ids(listed) - {None}
        start, edge = _last_group(listed.records)
        is_end = yield from _is_end(read, answer)
        if is_end:
            yield Page(records, Cursor(asked.offset + max(0, start - 1), edge))
            return
        if is_prefetched and not _leads_on(cursor, Cursor(asked.offset + start - 1, edge)):
            yield Page(records, cursor)
        elif edge is None or start > 1:
            step_on = start - 1 if start > 1 else len(listed.records)
            cursor = Cursor(asked.offset + step_on, edge)
            plan.follow(asked, listed, cursor)
            yield Page(records, cursor, plan.has(cursor))
        else:
            if listed.more is None:
                yield Page(records, cursor)
            # The page holds one group alone: its end is further on, and its order may change.
            plan.drop()
            edge = max(edge, cursor.edge or edge)
            after = yield from _long_group(read, Cursor(cursor.offset, edge), edge)
            if after is None:
                return
            cursor = after


class _Answer(NamedTuple, Generic[ItemT]):
    """An answer, and where it was asked for. `repeats_last`: see `_Reader.next`."""

    cursor: Cursor
    listed: Listed[ItemT]
    repeats_last: bool
    is_prefetched: bool


def _read_on(read: "_Reader[ItemT]", plan: Plan[ItemT], cursor: Cursor) -> _Answer[ItemT]:
    """Return the next answer that leaves nothing out."""
    step = 1
    while True:
        offset = plan.offset_for(cursor)
        is_prefetched = offset is not None
        asked = cursor if offset is None else Cursor(offset, cursor.edge)
        listed, repeats_last = read.next(asked.offset, plan.take if is_prefetched else None)
        if asked.edge is None or _begins_before(asked, listed.records):
            return _Answer(asked, listed, repeats_last, is_prefetched)
        plan.drop()
        if not is_prefetched:
            cursor = Cursor(max(0, cursor.offset - step), cursor.edge)
            step *= 2


class _NoPlan(Generic[ItemT]):
    """The plan of requesting nothing early."""

    def __init__(self, fetch: Callable[[int], Listed[ItemT]]) -> None:
        self.take = fetch

    def follow(self, asked: Cursor, listed: Listed[ItemT], cursor: Cursor) -> None:
        pass

    def offset_for(self, _cursor: Cursor) -> int | None:
        return None

    def has(self, _cursor: Cursor) -> bool:
        return False

    def drop(self) -> None:
        pass


def _leads_on(cursor: Cursor, further: Cursor) -> bool:
    if cursor.edge is None or further.edge is None:
        return False
    return further.offset > cursor.offset and further.edge > cursor.edge


class _Reader(Generic[ItemT]):
    """Counts the answers in a row that bring nothing new, so that every listing ends."""

    def __init__(self, fetch: Callable[[int], Listed[ItemT]]) -> None:
        self._fetch = fetch
        self._met: set[int | None] = set()
        self._barren = 0
        self._most_barren = MAX_BARREN_REQUESTS
        self._offset = -1
        self._last: object = None
        self._first: tuple[int, list[int | None]] | None = None
        self._knows_order = False

    def allow(self, barren: int) -> None:
        """Allow that many answers in a row that bring nothing new."""
        self._most_barren = max(self._most_barren, barren)

    def next(
        self, offset: int, fetch: Callable[[int], Listed[ItemT]] | None = None
    ) -> tuple[Listed[ItemT], bool]:
        """Return an answer, and whether it ends with the job of the one before, from further on.

        Raises `Stopped` if the listing does not advance, or is not in the order asked for.
        """
        listed = (fetch or self._fetch)(offset)
        self._refuse_other_order(offset, listed)
        ids = _ids(listed)
        last = _name(listed.records[-1]) if listed.records else None
        # Asked from further on, a server that cut the answer short would have come further.
        repeats_last = offset > self._offset and last is not None and last == self._last
        self._offset, self._last = offset, last
        fresh = not ids <= self._met
        self._met = ids if len(self._met) > _REMEMBERED else self._met | ids
        self._barren = 0 if fresh else self._barren + 1
        if self._barren > self._most_barren:
            raise Stopped(
                f"the job list does not advance at offset {offset}: {self._barren} answers "
                f"in a row brought nothing new{AGAIN}"
            )
        return listed, repeats_last

    def _refuse_other_order(self, offset: int, listed: Listed[ItemT]) -> None:
        """Raise `Stopped` if the list is not in the order, or not from the offset, asked for.

        One answer is in order whatever changes meanwhile, and two offsets have different jobs. What
        looks otherwise is requested once more, so that chance is not taken for a habit.
        """
        wrong = self._other_order(offset, listed) or self._other_offset(offset, listed)
        if wrong:
            raise Stopped(
                f"the API does not list jobs as asked for: {wrong}. Does a proxy or a cache drop "
                f"what follows the ? in URLs?{AGAIN}"
            )

    def _other_order(self, offset: int, listed: Listed[ItemT]) -> str:
        """Return what is wrong with the order of the first answer with more than one moment."""
        if self._knows_order:
            return ""
        self._knows_order = len({record.created_at for record in listed.records} - {None}) > 1
        return _disorder(self._fetch(offset)) if _disorder(listed) else ""

    def _other_offset(self, offset: int, listed: Listed[ItemT]) -> str:
        """Return what is wrong if the second offset has the jobs of the first."""
        ids = _ids_in_order(listed)
        if self._first is None:
            self._first = offset, ids
            return ""
        first_offset, first = self._first
        if not first or offset <= first_offset:
            return ""
        self._first = offset, []  # only the second offset is compared with the first
        further = offset + len(ids)
        if ids != first or _ids_in_order(self._fetch(further)) != ids:
            return ""
        return f"offsets {first_offset}, {offset} and {further} brought the same jobs"


def _disorder(listed: Listed[ItemT]) -> str:
    """Return what is wrong with the order; a few odd times prove nothing.

    The times of rejects count only if there is nothing else: they may be malformed, too.
    """
    good = [r for r in listed.records if not isinstance(r, Reject)] or listed.records
    times = [r.created_at for r in good if r.created_at is not None]
    falls = sum(one > other for one, other in pairwise(times))
    rises = sum(one < other for one, other in pairwise(times))
    if falls and not rises:
        return "twice the newest came first, in spite of direction=asc"
    if falls * _FALLS_OF_A_MESS >= len(times) and falls > 1:
        return "twice they came in no order of their creation, in spite of sort=created"
    return ""


def _name(record: Item) -> object:
    """Return what identifies a record: its id, or else what came."""
    if record.job_id is None and isinstance(record, Reject):
        return record.reason, record.payload
    return record.job_id


def _ids_in_order(listed: Listed[ItemT]) -> list[int | None]:
    return [record.job_id for record in listed.records]


def _is_end(read: "_Reader[ItemT]", answer: _Answer[ItemT]) -> Generator[Page[ItemT], None, bool]:
    """Return whether nothing is behind an answer; yield what was read to find out.

    A server that does not say may have handed out few: only an empty answer further on is an end,
    and only if the list did not move left meanwhile, by which this page comes again as it was.
    """
    cursor, listed = answer.cursor, answer.listed
    if listed.more is not None or not answer.repeats_last:
        return listed.more is False
    behind, _ = read.next(cursor.offset + len(listed.records))
    if behind.records:
        yield Page(behind.records, cursor)
        return False
    again, _ = read.next(cursor.offset)
    yield Page(again.records, cursor)
    return _begins_before(cursor, again.records) and _ids(again) >= _ids(listed)


def _long_group(
    read: "_Reader[ItemT]", anchor: Cursor, edge: datetime
) -> Generator[Page[ItemT], None, Cursor | None]:
    """Yield the pages of a group that fills more than one, until all of it was met.

    The group has as many jobs as it has offsets; when a pass over it meets no new one and as many
    were met, it is complete. Records without an id, which look all alike, are counted by their
    offsets. Returns where to continue, None at the list's end.
    """
    group: set[int] = set()
    was_empty = False
    for _ in range(MAX_PASSES):
        # A pass to confirm brings nothing new, however long the group.
        read.allow(MAX_BARREN_REQUESTS + 3 * len(group))
        known = len(group)
        found = yield from _one_pass(read, anchor, edge, group)
        if found is None:
            return anchor  # the list moved left: the caller goes back
        if found.start is None and found.after is None and not group:
            if was_empty:
                return None  # all of it has vanished, and the list ends before it
            was_empty = True
            continue
        if found.start is None and found.has_several_pages:
            return anchor  # none of the group on several pages: it can have slipped between two
        size = 0 if found.start is None else found.end - found.start
        if len(group) == known and len(group) + found.without_id >= size:
            return None if found.after is None else Cursor(max(0, found.end - 1), found.after)
    raise Stopped(
        f"the order of the {len(group)} jobs created at {edge:%Y-%m-%dT%H:%M:%SZ} keeps changing: "
        f"{MAX_PASSES} passes did not meet them all{AGAIN}"
    )


class _Pass(NamedTuple):
    """Where a pass has found a group: from `start` (None: nowhere) to before `end`.

    `after` is the time of the first newer job, None at the list's end.
    """

    start: int | None
    end: int
    after: datetime | None
    without_id: int
    has_several_pages: bool


def _one_pass(
    read: "_Reader[ItemT]", anchor: Cursor, edge: datetime, group: set[int]
) -> Generator[Page[ItemT], None, _Pass | None]:
    """Read from `anchor` past the group's end; add the ids met to `group`.

    Returns None if the list does not begin before the group any more.
    """
    offset, start = anchor.offset, None
    without_id: set[int] = set()
    while True:
        listed, _ = read.next(offset)
        if offset == anchor.offset and not _begins_before(anchor, listed.records):
            return None
        times = [record.created_at for record in listed.records]
        without_id |= {n for n, r in enumerate(listed.records, offset) if r.job_id is None}
        named = (r for r in listed.records if r.created_at in (edge, None))
        group |= {r.job_id for r in named if r.job_id is not None}
        if start is None and edge in times:
            start = offset + times.index(edge)
        newer = ((n, at) for n, at in enumerate(times, offset) if at is not None and at > edge)
        end, after = next(newer, (offset + len(times), None))
        yield Page(listed.records, anchor)
        if after is not None or not times or listed.more is False:
            return _Pass(start, end, after, len(without_id), offset > anchor.offset)
        offset += max(1, len(times) - 1)


def _ids(listed: Listed[ItemT]) -> set[int | None]:
    return {record.job_id for record in listed.records}


def _begins_before(cursor: Cursor, records: Sequence[Item]) -> bool:
    """Return whether everything from the edge on is at `cursor.offset` or behind it."""
    if cursor.offset == 0:
        return True
    first = records[0].created_at if records else None
    return first is not None and cursor.edge is not None and first < cursor.edge


def _last_group(records: Sequence[Item]) -> tuple[int, datetime | None]:
    """Return where the jobs begin that share the page's last `created_at`, and that time.

    A record whose time cannot be read counts as one of the group: the reader then goes back more.
    """
    edge = next((r.created_at for r in reversed(records) if r.created_at is not None), None)
    start = len(records)
    while start and records[start - 1].created_at in (edge, None):
        start -= 1
    return start, edge
