"""Paging as plain logic: a list in memory that changes between any two requests."""

import contextlib
import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from snapshotter.api.paging import Cursor, Listed, pages
from snapshotter.api.prefetch_plan import AHEAD, MOST_WASTED, Prefetch, PrefetchPlan
from snapshotter.api.records import Reject
from snapshotter.errors import Stopped

START = datetime(2026, 1, 1, tzinfo=UTC)


def job(job_id: int, second: int | None) -> Reject:
    """Return a record as paging sees one: an id and a time."""
    created_at = None if second is None else START + timedelta(seconds=second)
    return Reject(job_id, created_at, "", None)


class List:
    """The server's side: a list sorted by time, ties in any order, answered page by page."""

    def __init__(self, seconds: list[int], limit: int, seed: int = 0) -> None:
        self.jobs = dict(enumerate(seconds, 1))
        self.limit = limit
        self.random = random.Random(seed)  # noqa: S311 - a test's order
        self.requests = 0
        self.offsets: list[int] = []
        self.change: Callable[[], None] = lambda: None
        self.says_more = True
        self.shuffles = False
        self.varies = False

    def fetch(self, offset: int) -> Listed[Reject]:
        self.requests += 1
        self.offsets.append(offset)
        if self.requests > 1:
            self.change()
        tie = (lambda _: self.random.random()) if self.shuffles else (lambda job_id: job_id)
        order = sorted(self.jobs, key=lambda job_id: (self.jobs[job_id], tie(job_id)))
        limit = self.random.randint(1, self.limit) if self.varies else self.limit
        found = [job(job_id, self.jobs[job_id]) for job_id in order[offset : offset + limit]]
        if self.says_more:
            return Listed(found, offset + limit < len(order))
        return Listed(found, None if found else False)

    def read(
        self,
        cursor: Cursor = Cursor(),  # noqa: B008 - immutable
        prefetch: Prefetch[Reject] | None = None,
    ) -> set[int | None]:
        plan = None if prefetch is None else PrefetchPlan(prefetch)
        return {r.job_id for page in pages(self.fetch, cursor, plan) for r in page.records}


class AnyTime:
    """Sends each request at any moment between start and take, in any order."""

    def __init__(self, account: List, seed: int = 0) -> None:
        self._account = account
        self._random = random.Random(seed)  # noqa: S311 - a test's order
        self._started: dict[int, Listed[Reject] | None] = {}
        self.most = 0

    def room(self) -> float:
        return math.inf

    def start(self, offset: int) -> None:
        assert offset not in self._started
        self._started[offset] = None
        self.most = max(self.most, len(self._started))
        self._let_some_come()

    def has(self, offset: int) -> bool:
        self._let_some_come()
        return self._started[offset] is not None

    def wait(self, offset: int) -> Listed[Reject]:
        listed = self._started[offset] = self.take(offset)
        return listed

    def take(self, offset: int) -> Listed[Reject]:
        self._let_some_come()
        return self._started.pop(offset) or self._account.fetch(offset)

    def drop(self, offset: int) -> None:
        del self._started[offset]

    def _let_some_come(self) -> None:
        waiting = [offset for offset, listed in self._started.items() if listed is None]
        self._random.shuffle(waiting)
        for offset in waiting[: self._random.randint(0, 3)]:
            self._started[offset] = self._account.fetch(offset)


def test_a_quiet_list_costs_its_pages() -> None:
    account = List(list(range(1000)), limit=100)
    assert account.read() == set(range(1, 1001))
    assert account.requests == 11


@pytest.mark.slow
def test_a_quiet_list_costs_the_same_when_it_is_prefetched() -> None:
    account = List(list(range(15_000)), limit=100)
    prefetch = AnyTime(account)
    assert account.read(prefetch=prefetch) == set(account.jobs)
    needed = 154
    assert len(set(account.offsets)) == account.requests <= needed + MOST_WASTED
    assert AHEAD < prefetch.most <= AHEAD + MOST_WASTED


def test_jobs_of_one_moment_at_the_ends_of_pages_cost_few_more_requests() -> None:
    """If each page leads less far than the one before, some guesses are too far on."""
    account = List([second // 10 for second in range(5000)], limit=100)
    account.read()
    in_order, account.requests = account.requests, 0
    assert account.read(prefetch=AnyTime(account)) == set(account.jobs)
    assert account.requests <= in_order * 1.2 + 1


def test_an_empty_list_costs_one_request() -> None:
    account = List([], limit=100)
    assert account.read() == set()
    assert account.requests == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("says_more", [True, False])
def test_a_server_may_hand_out_fewer_than_asked(limit: int, says_more: bool) -> None:  # noqa: FBT001
    account = List([second // 2 for second in range(60)], limit=limit)
    account.says_more = says_more
    assert account.read() == set(account.jobs)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("says_more", [True, False])
def test_a_server_may_hand_out_any_number(seed: int, says_more: bool) -> None:  # noqa: FBT001
    account = List([second // 2 for second in range(60)], limit=20, seed=seed)
    account.says_more, account.varies, account.shuffles = says_more, True, True
    assert account.read() == set(account.jobs)


def test_without_a_next_link_only_an_empty_answer_is_the_end() -> None:
    account = List([1, 2, 3, 4, 5], limit=3)
    account.says_more = False
    assert account.read() == set(account.jobs)
    asked = account.offsets
    assert asked[-2:] == [5, 3]  # nothing behind, and nothing moved meanwhile


@pytest.mark.parametrize("size", [99, 100, 101, 250])
@pytest.mark.parametrize("says_more", [True, False])
def test_a_group_longer_than_a_page_in_no_stable_order(size: int, says_more: bool) -> None:  # noqa: FBT001
    account = List([1, 2, *[3] * size, 4, 5], limit=100, seed=size)
    account.shuffles, account.says_more = True, says_more
    assert account.read() == set(account.jobs)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_long_group_behind_tiny_pages(limit: int) -> None:
    account = List([1, *[2] * 300, 3], limit)
    assert account.read() == set(account.jobs)


def test_a_record_without_a_time_stops_nothing() -> None:
    records = [job(1, 1), job(2, None), job(3, 3), job(4, None), job(5, None)]
    read = pages(lambda at: Listed(records[at : at + 3], at + 3 < len(records)), Cursor())
    assert {r.job_id for page in read for r in page.records} == {1, 2, 3, 4, 5}


def test_records_without_an_id_in_a_group_that_fills_pages() -> None:
    records = [job(1, 1), *(Reject(None, START + timedelta(seconds=2), "", n) for n in range(7))]
    records += [job(2, 2), job(3, 3)]
    read = pages(lambda at: Listed(records[at : at + 3], None if records[at:] else False), Cursor())
    assert {r.job_id for page in read for r in page.records} == {1, 2, 3, None}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            lambda _: Listed([job(1, 1), job(2, 2), job(3, 3)], more=True), id="no offset"
        ),
        pytest.param(lambda _: Listed([job(1, 1)], more=True), id="always one job"),
        pytest.param(lambda _: Listed([job(1, 1), job(2, 1)], more=True), id="always one group"),
        pytest.param(lambda _: Listed([job(1, None)], more=True), id="no times"),
        pytest.param(lambda at: Listed([] if at else [job(1, 1)], more=True), id="nothing behind"),
    ],
)
def test_every_listing_ends(answer: Callable[[int], Listed[Reject]]) -> None:
    seen = set()
    with contextlib.suppress(Stopped):
        for page in pages(answer, Cursor()):
            seen |= {r.job_id for r in page.records}
    assert 1 in seen


@pytest.mark.parametrize("more", [True, None])
def test_a_listing_ends_if_the_jobs_at_its_checkpoint_have_vanished(more: bool | None) -> None:  # noqa: FBT001
    records, asked = [job(1, 1), job(2, 2)], []

    def fetch(at: int) -> Listed[Reject]:
        asked.append(at)
        found = records[at : at + 100]
        return Listed(found, more if found else False)

    left = Cursor(0, START + timedelta(seconds=5))
    assert {r.job_id for page in pages(fetch, left) for r in page.records} == {1, 2}
    assert len(asked) < 10


@pytest.mark.parametrize("size", [2, 7, 250])
def test_a_reversed_list_is_noticed_at_once(size: int) -> None:
    records = [job(n, n) for n in range(size, 0, -1)]
    asked = []

    def fetch(at: int) -> Listed[Reject]:
        asked.append(at)
        return Listed(records[at : at + 100], at + 100 < len(records))

    with pytest.raises(Stopped, match="twice the newest came first, in spite of direction=asc"):
        list(pages(fetch, Cursor()))
    assert asked == [0, 0]


def test_a_reversed_list_behind_a_long_moment_is_noticed() -> None:
    records = [job(n, 200) for n in range(150)] + [job(n, 400 - n) for n in range(201, 400)]
    asked = []

    def fetch(at: int) -> Listed[Reject]:
        asked.append(at)
        return Listed(records[at : at + 100], at + 100 < len(records))

    with pytest.raises(Stopped, match="the newest came first"):
        list(pages(fetch, Cursor()))
    assert asked == [0, 0, 99, 99]  # the group is begun anew, and the answer asked for again


def test_a_list_in_no_order_is_noticed_at_once() -> None:
    order = random.Random(1).sample(range(250), 250)  # noqa: S311 - a test's order
    records, asked = [job(n + 1, n) for n in order], []

    def fetch(at: int) -> Listed[Reject]:
        asked.append(at)
        return Listed(records[at : at + 100], at + 100 < len(records))

    with pytest.raises(Stopped, match="in no order of their creation"):
        list(pages(fetch, Cursor()))
    assert asked == [0, 0]


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("more", [True, None])
def test_a_list_that_ignores_the_offset_is_noticed_at_once(size: int, more: bool | None) -> None:  # noqa: FBT001
    records, asked = [job(n, n) for n in range(1, size + 1)], []

    def fetch(at: int) -> Listed[Reject]:
        asked.append(at)
        return Listed(records, more)

    with pytest.raises(Stopped, match="brought the same jobs"):
        list(pages(fetch, Cursor()))
    assert len(asked) <= 4


def test_a_few_odd_times_are_not_a_disorder() -> None:
    records = [job(n, n) for n in range(1, 251)]
    records[30], records[60] = job(31, 5), job(61, 200)
    read = pages(lambda at: Listed(records[at : at + 100], at + 100 < len(records)), Cursor())
    assert {r.job_id for page in read for r in page.records} == set(range(1, 251))


def test_a_list_reversed_once_is_not_refused() -> None:
    account = List(list(range(250)), limit=100)
    turned = iter([True])

    def fetch(at: int) -> Listed[Reject]:
        found = account.fetch(at)
        return found._replace(records=found.records[::-1]) if next(turned, False) else found

    with contextlib.suppress(Stopped):
        seen = {r.job_id for page in pages(fetch, Cursor()) for r in page.records}
        assert seen == set(account.jobs)


def test_a_resumed_listing_goes_back_when_the_list_moved_left() -> None:
    account = List(list(range(500)), limit=100)
    read = pages(account.fetch, Cursor())
    first_four = [next(read) for _ in range(4)]
    met = {r.job_id for page in first_four for r in page.records}
    for job_id in range(1, 200):
        account.jobs.pop(job_id)
    rest = account.read(first_four[-1].cursor)
    assert set(account.jobs) <= met | rest
    assert 500 in rest


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(
    seconds=st.lists(st.integers(0, 40), max_size=120),
    limit=st.integers(2, 12),
    changes=st.lists(st.tuples(st.sampled_from(["join", "vanish"]), st.integers(0, 2**16))),
    seed=st.integers(0, 2**16),
    shuffles=st.booleans(),
    varies=st.booleans(),
    in_order=st.booleans(),
)
@example(
    seconds=[0, 0, 0, 0, 0, 1, 1],
    limit=6,
    changes=[("vanish", 862)],
    seed=0,
    shuffles=False,
    varies=False,
    in_order=False,
)
@example(
    seconds=[1, 1, 0],
    limit=2,
    changes=[("vanish", 0), ("vanish", 1)],
    seed=64,
    shuffles=False,
    varies=True,
    in_order=True,
)
def test_no_job_that_stays_is_missed(
    seconds: list[int],
    limit: int,
    changes: list[tuple[str, int]],
    seed: int,
    shuffles: bool,  # noqa: FBT001
    varies: bool,  # noqa: FBT001
    in_order: bool,  # noqa: FBT001
) -> None:
    """Whatever joins or vanishes between requests, what was there and stays is read."""
    account = List(seconds, limit, seed)
    account.shuffles, account.varies = shuffles, varies
    before = set(account.jobs)
    todo = iter(changes)

    def change() -> None:
        kind, number = next(todo, ("", 0))
        if kind == "join":
            account.jobs[10_000 + len(account.jobs) + account.requests] = number % 41
        elif kind == "vanish":
            for job_id in sorted(account.jobs)[number % 41 :][: 1 + number % 4]:
                account.jobs.pop(job_id)

    account.change = change
    try:
        seen = account.read(prefetch=None if in_order else AnyTime(account, seed))
    except Stopped:
        return  # a run that stops reports it, and moves no watermark
    assert before & set(account.jobs) <= seen
