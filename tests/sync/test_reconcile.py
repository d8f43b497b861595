"""The list compared with what is stored, as plain logic."""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapshotter.api.records import Reject
from snapshotter.sync import reconcile
from snapshotter.sync.reconcile import Index, count, differences, sample

START = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 100
Jobs = dict[int, int]  # ids, and the second of their created_at


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


class List:
    """The server's side: sorted by time, in pages of at most 100, or of any length below.

    Jobs of one moment come in another order at each request, unless `is_stable`.
    """

    def __init__(
        self, jobs: Jobs, chance: random.Random, *, shortest: int = PAGE, is_stable: bool = False
    ) -> None:
        self.jobs, self.chance = jobs, chance
        self.shortest, self.is_stable = shortest, is_stable
        self.requests = 0

    def fetch(self, offset: int) -> list[Reject]:
        self.requests += 1
        tie = (lambda job_id: job_id) if self.is_stable else (lambda _: self.chance.random())
        order = sorted(self.jobs, key=lambda job_id: (self.jobs[job_id], tie(job_id)))
        length = self.chance.randint(self.shortest, PAGE)
        return [
            Reject(job_id, at(self.jobs[job_id]), "", None)
            for job_id in order[offset : offset + length]
        ]

    def hold_against(self, stored: Jobs) -> tuple[set[int | None], set[int]]:
        """Return the ids that only the list has, and those that only the index has."""
        found = list(differences(self.fetch, len(self.jobs), index_of(stored)))
        listed = {record.job_id for difference in found for record in difference.listed}
        return listed, {job_id for difference in found for job_id in difference.unlisted}


def index_of(jobs: Jobs) -> Index:
    ordered = sorted(jobs, key=lambda job_id: (jobs[job_id], job_id))
    return Index((job_id, at(jobs[job_id])) for job_id in ordered)


# The number of jobs


def counted(jobs: int, guess: int) -> tuple[int, int]:
    """Return the number that `count` finds in a list of `jobs`, and its requests."""
    asked: list[int] = []

    def has(offset: int) -> bool:
        asked.append(offset)
        return offset < jobs

    found = count(has, guess)
    assert min(asked) >= 0
    return found, len(asked)


COUNTS = [  # jobs, guess, requests
    (0, 0, 1),
    (1, 1, 2),
    (100_000, 100_000, 2),
    (100_000, 100_001, 2),
    (100_000, 99_999, 4),
    (100_000, 100_030, 10),
    (100_000, 99_970, 10),
    (100_000, 50_000, 32),
    (100_000, 0, 33),
    (0, 100_000, 32),
]


@pytest.mark.parametrize(("jobs", "guess", "requests"), COUNTS)
def test_a_list_is_counted_in_few_requests(jobs: int, guess: int, requests: int) -> None:
    assert counted(jobs, guess) == (jobs, requests)


@given(jobs=st.integers(0, 10**6), guess=st.integers(0, 10**6))
def test_any_guess_leads_to_the_number(jobs: int, guess: int) -> None:
    found, requests = counted(jobs, guess)
    assert found == jobs
    assert requests <= 2 * math.log2(abs(jobs - guess) + 1) + 2


# When the two differ


class Case:
    """A list with up to `tie` jobs a second on the average, and some jobs to lack or to have."""

    def __init__(self, seed: int, jobs: int, tie: int, differing: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a test's order
        seconds = [self.chance.randint(0, jobs // tie) for _ in range(jobs)]
        self.all: Jobs = dict(enumerate(seconds, 1))
        self.some = set(self.chance.sample(sorted(self.all), min(jobs, differing)))
        self.most = {k: second for k, second in self.all.items() if k not in self.some}


cases = st.builds(
    Case, st.integers(), st.integers(0, 700), st.sampled_from([1, 3, 20]), st.integers(0, 9)
)
lengths = st.sampled_from([1, 30, PAGE])


@settings(max_examples=60, deadline=None)
@given(case=cases, shortest=lengths)
def test_all_that_vanished_are_found(case: Case, shortest: int) -> None:
    """A page may end within a moment: some too many are then named, and none too few."""
    _, unlisted = List(case.most, case.chance, shortest=shortest).hold_against(case.all)
    assert unlisted >= case.some


@settings(max_examples=60, deadline=None)
@given(case=cases, shortest=lengths)
def test_all_that_are_not_stored_are_found(case: Case, shortest: int) -> None:
    """If a moment has more jobs than an answer brings, it takes a stable order."""
    server = List(case.all, case.chance, shortest=shortest, is_stable=shortest < PAGE)
    listed, _ = server.hold_against(case.most)
    assert listed >= case.some


@settings(max_examples=60, deadline=None)
@given(case=cases)
def test_whole_pages_name_no_job_that_is_on_both_sides(case: Case) -> None:
    assert List(case.most, case.chance).hold_against(case.all) == (set(), case.some)
    assert List(case.all, case.chance).hold_against(case.most) == (case.some, set())


@settings(max_examples=60, deadline=None)
@given(
    case=st.builds(
        Case, st.integers(), st.integers(0, 3000), st.sampled_from([1, 20]), st.integers(0, 300)
    )
)
def test_the_cost_is_bounded(case: Case) -> None:
    server = List(case.most, case.chance, is_stable=True)
    server.hold_against(case.all)
    pages = len(case.most) // PAGE + 1
    assert server.requests <= len(case.some) * (math.log2(pages) + 1) + 1
    assert server.requests <= 2 * pages + 2


@settings(max_examples=100, deadline=None)
@given(case=cases, joined=st.integers(0, 9))
def test_what_is_left_out_has_as_many_on_both_sides(case: Case, joined: int) -> None:
    """Some jobs vanished and others joined: a part is left out only if the numbers agree."""
    new = {10**6 + n: case.chance.choice([0, *case.all.values()]) for n in range(joined)}
    server = List({**case.most, **new}, case.chance)
    listed, unlisted = server.hold_against(case.all)
    assert listed <= set(new)
    assert unlisted <= case.some
    assert len(new) - len(listed) == len(case.some) - len(unlisted)


def test_one_job_gone_of_a_hundred_thousand() -> None:
    chance = random.Random(7)  # noqa: S311 - a test's order
    stored = {job_id: job_id // 3 for job_id in range(100_000)}
    records = [Reject(job_id, at(second), "", None) for job_id, second in stored.items()]
    index = index_of(stored)
    for gone in (0, 99_999, *(chance.randrange(100_000) for _ in range(20))):
        asked: list[int] = []
        listed = records[:gone] + records[gone + 1 :]

        def fetch(offset: int, asked: list[int] = asked, listed: list[Reject] = listed) -> Any:
            asked.append(offset)
            return listed[offset : offset + PAGE]

        assert list(differences(fetch, 99_999, index)) == [reconcile.Difference([], [gone])]
        assert len(asked) <= 12


def test_more_jobs_of_one_moment_than_a_page_holds() -> None:
    stored = {n: 0 if n < 50 else 1 if n < 300 else 2 for n in range(400)}
    server = List({n: s for n, s in stored.items() if n not in (0, 100, 399)}, random.Random(1))  # noqa: S311
    _, unlisted = server.hold_against(stored)
    assert unlisted >= {0, 100, 399}


def test_a_list_that_is_shorter_than_it_was_when_counted() -> None:
    stored = {n: n for n in range(250)}
    server = List({n: n for n in range(60)}, random.Random(1))  # noqa: S311
    found = list(differences(server.fetch, 249, index_of(stored)))
    assert {job_id for difference in found for job_id in difference.unlisted} == set(range(60, 250))


def test_a_list_that_becomes_shorter_between_two_requests() -> None:
    stored = {n: n for n in range(400)}
    server = List({n: n for n in range(399)}, random.Random(1))  # noqa: S311

    def fetch(offset: int) -> list[Reject]:
        records = server.fetch(offset)
        server.jobs = {n: n for n in range(100)}
        return records

    found = list(differences(fetch, 399, index_of(stored)))
    read_first = 149 + PAGE
    unlisted = {job_id for difference in found for job_id in difference.unlisted}
    assert unlisted >= set(range(read_first, 400))


@pytest.mark.parametrize("offset", [0, 100, 200])
def test_a_sample_shows_what_a_page_lacks(offset: int) -> None:
    stored = {n: n // 2 for n in range(250)}
    gone = {50, 151, 240}
    server = List({n: s for n, s in stored.items() if n not in gone}, random.Random(1))  # noqa: S311
    records, unlisted = sample(server.fetch, offset, 247, index_of(stored))
    assert len(records) == min(PAGE, 247 - offset)
    assert unlisted == [sorted(gone)[offset // PAGE]]


@pytest.mark.parametrize("offset", [0, 100])
def test_a_sample_within_one_moment_shows_nothing_of_the_rest(offset: int) -> None:
    stored = dict.fromkeys(range(400), 0)
    server = List(stored, random.Random(1))  # noqa: S311
    records, unlisted = sample(server.fetch, offset, 400, index_of(stored))
    assert (len(records), unlisted) == (PAGE, [])
