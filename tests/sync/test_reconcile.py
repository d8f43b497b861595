"""The list held against what is stored: as plain logic, then by `sync` over HTTP."""

import json
import logging
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syncer import Syncer, history

from snapshotter.api.records import Reject
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED, Answer, Request
from snapshotter.simulator.history import stamp
from snapshotter.store.tables import ACCOUNTS, JOBS, SNAPSHOTS
from snapshotter.sync import reconcile
from snapshotter.sync.reconcile import Index, count, differences, sample
from snapshotter.sync.sync import Plan

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


# By `sync`


sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def remove(account: SimulatedAccount, *job_ids: int) -> None:
    for job_id in job_ids:
        account.remove_job(job_id)


def gone(syncer: Syncer) -> dict[int, datetime]:
    return {row["id"]: row["gone_at"] for row in syncer.rows(JOBS) if row["gone_at"] is not None}


def by_id(syncer: Syncer) -> list[int]:
    return [int(path[5:]) for path in syncer.asked if path.startswith("jobs/")]


def test_a_finished_job_that_vanished_is_marked(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 350)
    syncer()
    before = {row["id"]: row for row in syncer.rows(JOBS)}
    vanished = sorted(account.jobs)[123]
    remove(account, vanished)
    account.advance(61)
    outcome = syncer()
    assert (outcome.gone, outcome.inserted, outcome.changed) == (1, 0, 0)
    listing, last_offset, number, search = 1, 1, 1, 3
    assert syncer.asked == [
        "rate_limit_status",
        *["jobs"] * (listing + last_offset + number + search),
        f"jobs/{vanished}",
    ]
    marked = {"gone_at": account.now, "last_changed_at": account.now, "snapshot_id": 2}
    expected = {**before, vanished: {**before[vanished], **marked}}
    assert {row["id"]: row for row in syncer.rows(JOBS)} == expected

    account.advance(61)
    assert syncer().gone == 0
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]


@sqlite
@pytest.mark.parametrize("vanished", [[0], [349], [0, 1, 2, 170, 171, 349], [99, 100, 101]])
def test_several_that_vanished(syncer: Syncer, vanished: list[int]) -> None:
    history(syncer.account, 350)
    syncer()
    ids = [sorted(syncer.account.jobs)[place] for place in vanished]
    remove(syncer.account, *ids)
    syncer.account.advance(61)
    assert syncer().gone == len(ids)
    assert sorted(gone(syncer)) == ids
    assert sorted(by_id(syncer)) == ids
    assert len(syncer.asked) <= 14 + len(ids)


def test_of_many_that_vanished_each_is_asked_for(syncer: Syncer) -> None:
    history(syncer.account, 80)
    syncer()
    ids = sorted(syncer.account.jobs)[10:40]
    remove(syncer.account, *ids)
    syncer.account.advance(61)
    outcome = syncer()  # too many at once to be believed
    assert (outcome.gone, len(outcome.noted), gone(syncer)) == (0, 1, {})
    assert len(by_id(syncer)) == 11
    syncer.account.advance(3600)
    outcome = syncer()
    assert (outcome.gone, outcome.noted) == (30, [])
    assert sorted(gone(syncer)) == ids
    assert sorted(by_id(syncer)) == ids
    assert syncer.rows(ACCOUNTS)[0]["vanishing_since"] is None


@sqlite
def test_a_job_that_joins_during_the_search_makes_none_gone(syncer: Syncer) -> None:
    """The later places of the list move, so that pages seem to lack what they have."""
    account = syncer.account
    history(account, 400)
    syncer()
    ids = sorted(account.jobs)[50:104]
    remove(account, *ids)
    account.advance(61)
    early = min(job["created_at"] for job in account.jobs.values())

    def join(_request: Request) -> None:
        account.add_job(created_at=early, updated_at=account.now)

    account.before_answer = join
    syncer()
    account.before_answer = None
    for _ in range(2):
        account.advance(3600)
        syncer()
    assert sorted(gone(syncer)) == ids
    assert {row["id"] for row in syncer.rows(JOBS)} == account.jobs.keys() | set(ids)


@sqlite
def test_an_account_that_became_empty(syncer: Syncer) -> None:
    history(syncer.account, 3)
    syncer()
    ids = sorted(syncer.account.jobs)
    remove(syncer.account, *ids)
    syncer.account.advance(61)
    assert syncer().gone == 3
    assert sorted(gone(syncer)) == ids


class Hiding:
    """Answers the list as the account does, without some jobs that are there by id."""

    def __init__(self, account: SimulatedAccount, hidden: set[int]) -> None:
        self._account, self._hidden = account, hidden

    def __call__(self, request: Request) -> Answer | None:
        account = self._account
        if not request.path.endswith("/jobs"):
            return None
        since = request.query.get("since", "")
        shown = sorted(
            (job["created_at"], job["id"], job)
            for job in account.jobs.values()
            if job["id"] not in self._hidden and job["updated_at"] >= since
        )
        place, limit = int(request.query["offset"]), int(request.query["limit"])
        page = [job for _, _, job in shown[place : place + limit]]
        return Answer(200, {}, json.dumps(page).encode())


@sqlite
def test_a_few_jobs_that_the_list_hides_are_asked_for_each_time(syncer: Syncer) -> None:
    """So few may as well have been missed by a list that moved: nothing is concluded from them."""
    account = syncer.account
    history(account, 150)
    syncer()
    account.intercept = Hiding(account, set(sorted(account.jobs)[20:23]))
    for _ in range(2):
        account.advance(61)
        assert syncer().gone == 0
        assert len(by_id(syncer)) == 3
    assert gone(syncer) == {}


def test_jobs_that_the_list_hides_are_not_gone(
    syncer: Syncer, caplog: pytest.LogCaptureFixture
) -> None:
    account, hidden = syncer.account, 25
    history(account, 150)
    syncer()
    ids = set(sorted(account.jobs)[20 : 20 + hidden])
    account.intercept = Hiding(account, ids)
    account.advance(61)
    with caplog.at_level(logging.WARNING, logger="snapshotter"):
        assert syncer().gone == 0
    assert gone(syncer) == {}
    assert len(by_id(syncer)) == hidden
    assert caplog.messages == [f"the list lacks some {hidden} jobs that the API gives by id"]
    assert syncer.rows(ACCOUNTS)[0]["unlisted"] == hidden

    caplog.clear()
    account.advance(61)
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs", "jobs"]
    assert caplog.messages == []

    account.intercept = None  # the list shows them again, and lacks what is gone
    remove(account, sorted(account.jobs)[100])
    account.advance(61)
    assert syncer().gone == 1


@sqlite
@pytest.mark.parametrize("full", [False, True])
def test_a_job_that_comes_back_is_no_longer_gone(syncer: Syncer, *, full: bool) -> None:
    """A plain run sees it if it was touched; a full one in any case."""
    account = syncer.account
    history(account, 5)
    syncer()
    back = min(account.jobs)
    job = account.jobs[back]
    remove(account, back)
    account.advance(61)
    syncer()
    assert sorted(gone(syncer)) == [back]
    account.jobs[back] = job
    if not full:
        job["updated_at"] = stamp(account.now)
    account.touch()
    account.advance(61)
    outcome = syncer(Plan(full=full))
    assert (outcome.gone, outcome.inserted, outcome.changed) == (0, 0, 1)
    assert gone(syncer) == {}
    syncer.assert_equal_to_the_account()


class Outage:
    """For a while the list shows none of some jobs, and their ids answer 404."""

    def __init__(self, account: SimulatedAccount, lost: set[int]) -> None:
        self._hiding, self._lost = Hiding(account, lost), lost

    def __call__(self, request: Request) -> Answer | None:
        if request.path.rsplit("/", 1)[1] in map(str, self._lost):
            return Answer(404)
        return self._hiding(request)


@sqlite
@pytest.mark.parametrize("part", [1.0, 0.5])
@pytest.mark.parametrize("full", [False, True])
def test_an_outage_of_one_run_makes_no_job_gone(syncer: Syncer, part: float, *, full: bool) -> None:
    account = syncer.account
    history(account, 220)
    old = account.now - timedelta(days=1)
    for _ in range(20):
        account.add_job(status="running", created_at=old, updated_at=old)
    syncer()
    ids = sorted(account.jobs)
    lost = set(ids[: int(len(ids) * part)] + ids[-20:])
    for minutes in (2, 2, 56):
        account.advance(60 * minutes)
        account.intercept = Outage(account, lost)
        outcome = syncer(Plan(full=full))
        assert (outcome.gone, gone(syncer), len(outcome.noted)) == (0, {}, 1)
        assert outcome.noted[0].startswith("more than 12 jobs seem to be gone from the API at once")
        assert len(syncer.asked) < 60
    account.intercept = None
    account.advance(60)
    outcome = syncer()
    assert (outcome.gone, outcome.noted) == (0, [])
    assert syncer.rows(ACCOUNTS)[0]["vanishing_since"] is None
    syncer.assert_equal_to_the_account()


@sqlite
@pytest.mark.parametrize("jobs", [220, 900])
def test_what_a_long_outage_has_made_gone_comes_back(syncer: Syncer, jobs: int) -> None:
    account = syncer.account
    history(account, jobs)
    syncer()
    account.intercept = Outage(account, set(account.jobs))
    account.advance(120)
    assert syncer().gone == 0
    account.advance(3600)
    assert syncer().gone == min(jobs, 500)
    account.advance(3600)
    assert syncer().gone == max(0, jobs - 500)
    assert len(gone(syncer)) == jobs
    account.intercept = None
    account.advance(120)
    outcome = syncer()
    assert (outcome.changed, outcome.gone, outcome.noted) == (jobs, 0, [])
    assert len(syncer.asked) < 40
    syncer.assert_equal_to_the_account()


@sqlite
def test_a_date_that_runs_ahead_and_a_job_of_the_future_hide_no_other(syncer: Syncer) -> None:
    """The listing starts too late to show it: the count does not."""
    account = syncer.account
    account.date_offset = 400 * 86_400
    history(account, 1)
    future = account.now + timedelta(days=365)
    account.add_job(created_at=future, updated_at=future)
    syncer()
    account.advance(3600)
    account.add_job()
    outcome = syncer()
    assert (outcome.inserted, outcome.noted) == (1, [])
    assert len(syncer.asked) <= 5
    syncer.assert_equal_to_the_account()


@sqlite
@pytest.mark.parametrize("hidden", [1, 3, 200])
def test_jobs_that_no_listing_showed_are_found(syncer: Syncer, hidden: int) -> None:
    """They lie anywhere in the list, with times long past."""
    account = syncer.account
    history(account, 700)
    ids = sorted(account.jobs)[3 : 3 + 3 * hidden : 3]
    account.intercept = Hiding(account, set(ids))
    assert syncer().inserted == 700 - hidden
    account.intercept = None
    account.advance(3600)
    outcome = syncer()
    assert (outcome.inserted, outcome.noted) == (hidden, [])
    assert len(syncer.asked) < 30
    syncer.assert_equal_to_the_account()
    account.advance(3600)
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]


@sqlite
def test_jobs_that_join_while_a_run_counts_cost_little(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 700)
    syncer()

    def join(request: Request) -> None:
        if request.query.get("limit") == "2":
            for _ in range(3):
                account.add_job()

    account.before_answer = join
    for _ in range(3):
        account.advance(120)
        outcome = syncer()
        assert (outcome.inserted >= 3, outcome.noted) == (True, [])
        assert syncer.asked == ["rate_limit_status", *["jobs"] * 3]
    syncer.assert_equal_to_the_account()


@sqlite
def test_rows_that_somebody_deleted_come_back(syncer: Syncer) -> None:
    history(syncer.account, 350)
    syncer()
    with syncer.engine.begin() as connection:
        for table in ("output_fields", "job_outputs", "jobs"):
            connection.exec_driver_sql(f"delete from {table}")
    syncer.account.advance(61)
    outcome = syncer()
    assert (outcome.inserted, outcome.noted) == (350, [])
    syncer.assert_equal_to_the_account()


@sqlite
def test_each_run_counts(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 150)
    syncer()
    newest, pages = 1, 2
    assert syncer.asked == ["rate_limit_status", *["jobs"] * (newest + pages)]  # all were seen
    account.advance(61)
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]
    account.advance(1)
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]
    assert syncer.rows(ACCOUNTS)[0]["counted_at"] == account.now
    account.add_job()
    syncer()
    assert syncer.asked == ["rate_limit_status", "jobs", "jobs"]
    assert syncer.rows(ACCOUNTS)[0]["counted_at"] == account.now
    assert [row["status"] for row in syncer.rows(SNAPSHOTS)] == ["completed"] * 4


@sqlite
def test_what_is_set_aside_counts_as_here(syncer: Syncer) -> None:
    history(syncer.account, 5)
    bad = min(syncer.account.jobs)
    syncer.account.jobs[bad]["owner_id"] = GARBLED
    syncer.account.advance(61)
    syncer()
    remove(syncer.account, max(syncer.account.jobs))
    syncer.account.advance(61)
    assert syncer().gone == 1


@sqlite
def test_a_job_that_is_listed_but_not_given_by_id_stays(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 30)
    running = sorted(account.jobs)[14]
    account.jobs[running] |= {"status": "running", "completed_at": None}
    own = f"/jobs/{running}"
    account.intercept = lambda request: Answer(404) if request.path.endswith(own) else None
    for _ in range(3):
        outcome = syncer()
        assert (outcome.gone, outcome.noted) == (0, [])
        account.advance(3600)
    assert [row["id"] for row in syncer.rows(JOBS) if row["gone_at"]] == []
