"""What is requested early, over a line on which every answer takes one unit of time."""

import heapq
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from snapshotter.api.paging import Cursor, Listed, pages
from snapshotter.api.prefetch import THREADS
from snapshotter.api.prefetch_plan import AHEAD, MOST_WASTED, ROOM_TO_GUESS, PrefetchPlan
from snapshotter.api.records import Reject

START = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = (0, 1, 99, 100, 101, 150, 198, 199, 200, 250, 296, 400, 1000, 1500, 2000, 3004, 4000)


class SlowLine:
    """A quiet list, jobs by the seconds of their creation, and the time that requests take."""

    def __init__(self, seconds: list[int], *, room: float = math.inf, links: bool = True) -> None:
        self._seconds, self._room, self._links = seconds, room, links
        self._threads = [0.0] * THREADS  # when each is free
        self._started: dict[int, float] = {}
        self._failing: Callable[[int], bool] = lambda _: False
        self.offsets: list[int] = []
        self.now, self.most = 0.0, 0

    def fetch(self, offset: int) -> Listed[Reject]:
        self.offsets.append(offset)
        self.now += 1
        return self._listed(offset)

    def _listed(self, offset: int) -> Listed[Reject]:
        some = enumerate(self._seconds[offset : offset + 100], offset)
        jobs = [Reject(n, START + timedelta(seconds=at), "", None) for n, at in some]
        if self._links:
            return Listed(jobs, offset + 100 < len(self._seconds))
        return Listed(jobs, None if jobs else False)

    def room(self) -> float:
        return self._room - len(self.offsets)

    def start(self, offset: int) -> None:
        self.offsets.append(offset)
        self._started[offset] = max(self.now, heapq.heappop(self._threads)) + 1
        heapq.heappush(self._threads, self._started[offset])
        self.most = max(self.most, len(self._started))

    def has(self, offset: int) -> bool:
        return self._started[offset] <= self.now

    def wait(self, offset: int) -> Listed[Reject] | None:
        self.now = max(self.now, self._started[offset])
        return None if self._failing(offset) else self._listed(offset)

    def take(self, offset: int) -> Listed[Reject]:
        self.now = max(self.now, self._started.pop(offset))
        return self._listed(offset)

    def drop(self, offset: int) -> None:
        del self._started[offset]

    def fail(self, offsets: Callable[[int], bool]) -> None:
        """Let the requests at some offsets fail for who waits for them, but not when taken."""
        self._failing = offsets

    def read(self, alone: int = 1, seconds_a_page: float = 0) -> "SlowLine":
        met = set()
        for page in pages(self.fetch, Cursor(), PrefetchPlan(self, alone)):
            met |= {record.job_id for record in page.records}
            self.now += seconds_a_page
        assert met == set(range(len(self._seconds)))
        return self

    def past_the_end(self) -> int:
        return sum(offset >= len(self._seconds) > 0 for offset in self.offsets)


def one_by_one(seconds: list[int], *, links: bool = True) -> int:
    """Return how many requests a list costs if none is early."""
    line = SlowLine(seconds, links=links)
    assert len(list(pages(line.fetch, Cursor()))) <= len(line.offsets)
    return len(line.offsets)


@pytest.mark.parametrize("jobs", [*SIZES, 20_000])
def test_a_first_load_wastes_at_most_four_requests(jobs: int) -> None:
    seconds = list(range(jobs))
    line = SlowLine(seconds).read()
    needed = one_by_one(seconds)
    assert len(line.offsets) == len(set(line.offsets)) <= needed + MOST_WASTED
    assert line.past_the_end() <= MOST_WASTED


@pytest.mark.parametrize("jobs", SIZES)
def test_a_server_without_links_costs_no_more(jobs: int) -> None:
    seconds = list(range(jobs))
    line = SlowLine(seconds, links=False).read()
    assert len(line.offsets) <= one_by_one(seconds, links=False) + MOST_WASTED


@pytest.mark.parametrize("jobs", [0, 1, 99, 100])
@pytest.mark.parametrize("links", [True, False])
def test_a_short_first_page_costs_nothing(jobs: int, links: bool) -> None:  # noqa: FBT001
    seconds = list(range(jobs))
    line = SlowLine(seconds, links=links).read()
    assert len(line.offsets) == one_by_one(seconds, links=links)


@pytest.mark.parametrize(
    ("jobs", "longest"), [(101, 2), (1000, 4), (4000, 7), (20_000, 28), (100_000, 131)]
)
def test_a_long_list_takes_about_an_eighth_of_the_time(jobs: int, longest: int) -> None:
    line = SlowLine(list(range(jobs))).read()
    assert line.now <= longest
    assert line.most <= AHEAD + MOST_WASTED


@pytest.mark.parametrize("seconds_a_page", [0.1, 0.25, 1, 3])
def test_who_stores_pages_waits_for_the_first_ones_only(seconds_a_page: float) -> None:
    line = SlowLine(list(range(4000))).read(seconds_a_page=seconds_a_page)
    assert line.now <= max(3 + 41 * seconds_a_page, 7 + 10 * seconds_a_page)


@pytest.mark.parametrize("seconds_a_page", [0, 0.25, 3])
def test_what_is_requested_does_not_depend_on_time(seconds_a_page: float) -> None:
    for jobs in (1000, 3004, 4000):
        offsets = SlowLine(list(range(jobs))).read(seconds_a_page=seconds_a_page).offsets
        assert offsets == SlowLine(list(range(jobs))).read().offsets


@pytest.mark.parametrize("jobs", [jobs for jobs in SIZES if jobs <= 98 * 12])
def test_alone_for_twelve_pages_nothing_is_wasted(jobs: int) -> None:
    seconds = list(range(jobs))
    line = SlowLine(seconds).read(alone=12)
    assert len(line.offsets) == one_by_one(seconds)
    assert line.most <= 1


def test_a_long_list_with_filters_is_prefetched_too() -> None:
    seconds = list(range(20_000))
    line = SlowLine(seconds).read(alone=12)
    assert len(line.offsets) <= one_by_one(seconds) + MOST_WASTED
    assert line.now <= 12 + 28


@pytest.mark.parametrize("room", range(2, ROOM_TO_GUESS))
def test_near_a_limit_nothing_is_requested_that_is_not_read(room: int) -> None:
    line = SlowLine(list(range(98 * room - 10)), room=room)
    line.read()
    assert len(line.offsets) == room
    assert line.past_the_end() == 0


@pytest.mark.parametrize("group", [2, 3, 10, 20])
def test_jobs_of_one_moment_cost_few_more_requests(group: int) -> None:
    seconds = [second // group for second in range(5000)]
    line = SlowLine(seconds).read()
    assert len(line.offsets) <= one_by_one(seconds) * 1.08 + MOST_WASTED


def test_one_short_step_does_not_shorten_the_others() -> None:
    """Once in 500 jobs 80 of them are of one moment."""
    seconds = [n - n % 500 if n % 500 < 80 else n for n in range(5000)]
    line = SlowLine(seconds).read()
    assert len(line.offsets) <= one_by_one(seconds) * 1.25


def test_a_guess_that_fails_is_no_end() -> None:
    seconds = list(range(10_000))
    line = SlowLine(seconds)
    line.fail(lambda offset: offset == 98 * 12)
    line.read()
    assert len(line.offsets) <= one_by_one(seconds) + MOST_WASTED
    assert line.now <= 13 + 13


def test_a_list_that_grows_is_read_to_its_end() -> None:
    seconds = list(range(300))
    line = SlowLine(seconds)
    read = pages(line.fetch, Cursor(), PrefetchPlan(line))
    met = {record.job_id for record in next(read).records}
    seconds.extend(range(300, 3000))
    met |= {record.job_id for page in read for record in page.records}
    assert met == set(range(3000))
    assert line.now <= 9
