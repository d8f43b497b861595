"""Lists of which pages or single records cannot be had, over real HTTP."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from clock import Impatient

from snapshotter.api.client import Client, ListFilters
from snapshotter.api.paging import Cursor
from snapshotter.api.prefetch_plan import AHEAD, MOST_WASTED
from snapshotter.api.records import Reject
from snapshotter.errors import RequestFailed
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer, Request
from snapshotter.simulator.server import serve

START = datetime(2026, 1, 1, tzinfo=UTC)
FAULTY = Answer(500, {}, b'{"message": "oops"}')


class Server:
    """An account of which some jobs cannot be handed out, or only a few at a time."""

    def __init__(self, seconds: list[int], bad: set[int], *, links: bool = True) -> None:
        """Take the jobs' times of creation, and the places in the list of those that fail."""
        self.account = SimulatedAccount(links="right" if links else "none")
        self.ids = [
            self.account.add_job(created_at=START + timedelta(seconds=second))["id"]
            for second in sorted(seconds)
        ]
        self.bad = {self.ids[place] for place in bad}
        self.most = 100
        self.fault = FAULTY
        self.asked: list[tuple[int, int]] = []
        self.before: Callable[[], None] = lambda: None
        self.account.intercept = self._intercept

    def _intercept(self, request: Request) -> Answer | None:
        if not request.path.endswith("/jobs"):
            return None
        self.before()
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        self.asked.append((offset, limit))
        with self.account.lock:
            order = sorted(self.account.jobs, key=lambda i: (self.account.jobs[i]["created_at"], i))
        page = order[offset : offset + limit]
        return self.fault if self.bad & set(page) or len(page) > self.most else None

    @contextmanager
    def client(self) -> Iterator[Client]:
        with serve(self.account) as url:
            service = Service("acme", Key(self.account.api_key), url, 5.0)
            with Client(service, clock=Impatient()) as client:
                yield client

    def read(self) -> list[int | None]:
        with self.client() as client:
            return [r.job_id for page in client.jobs(ListFilters(), Cursor()) for r in page.records]


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize(
    "bad",
    [
        *({place} for place in (0, 1, 2, 49, 50, 97, 98, 99, 100, 101, 148, 149)),
        {0, 1, 2},
        {97, 98, 99, 100},
        {10, 12, 14, 16, 18, 20},
        {3, 148},
    ],
    ids=str,
)
def test_a_record_that_fails_is_set_aside_alone(bad: set[int], links: bool) -> None:  # noqa: FBT001
    server = Server(list(range(150)), bad, links=links)
    with server.client() as client:
        records = [r for page in client.jobs(ListFilters(), Cursor()) for r in page.records]
    rejects = [r for r in records if isinstance(r, Reject)]
    assert {r.job_id for r in records} - {None} == set(server.ids) - server.bad
    assert {r.reason.split(" of the job list")[0] for r in rejects} == {
        f"the record at offset {place}" for place in bad
    }
    assert all("the API answered 500 (oops)" in r.reason for r in rejects)
    assert all(r.payload == '{"message": "oops"}' for r in rejects)


@pytest.mark.parametrize("tie", [2, 3, 7, 40, 120])
@pytest.mark.parametrize("place", [0, 30, 60, 99, 149])
def test_a_record_that_fails_in_a_group_of_one_moment(tie: int, place: int) -> None:
    server = Server([n // tie for n in range(150)], {place})
    assert set(server.read()) - {None} == set(server.ids) - server.bad


def test_a_record_in_the_middle_costs_few_requests() -> None:
    server = Server(list(range(150)), {50})
    server.read()
    assert len(server.asked) <= 25


def test_pages_that_are_too_heavy_are_read_by_smaller_ones() -> None:
    server = Server(list(range(300)), set())
    server.most = 30
    assert set(server.read()) == set(server.ids)
    assert len(server.asked) <= 40 + AHEAD + MOST_WASTED


def test_pages_grow_again_if_they_are_light() -> None:
    server = Server(list(range(2000)), set())
    server.before = lambda: setattr(server, "most", 100 if len(server.asked) > 10 else 30)
    assert set(server.read()) == set(server.ids)
    assert server.asked[-1][1] == 100
    assert len(server.asked) < 2000 / 29  # pages of 30, each of which begins in the one before


def test_even_a_record_at_a_time() -> None:
    server = Server(list(range(8)), set())
    server.most = 1
    assert set(server.read()) == set(server.ids)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_server_that_is_down_is_given_up_soon(after: int) -> None:
    server = Server(list(range(1000)), set())
    server.before = lambda: setattr(server, "most", 100 if len(server.asked) < after else -1)
    with pytest.raises(RequestFailed, match="answered 500"):
        server.read()
    assert len(server.asked) <= after + 15 + AHEAD + MOST_WASTED  # some are in flight by then


@pytest.mark.parametrize(
    "body", [b"<!doctype html>", b"", b'[{"id": 7, "st', b"{}", b"[" * 5000 + b'"']
)
def test_a_body_that_is_the_same_everywhere_is_the_servers_fault(body: bytes) -> None:
    server = Server(list(range(1000)), set())
    server.most, server.fault = -1, Answer(200, {}, body)
    with pytest.raises(RequestFailed):
        server.read()
    assert len(server.asked) <= 15


def test_a_record_that_is_not_json_is_kept_as_text() -> None:
    server = Server(list(range(5)), {2})
    server.fault = Answer(200, {}, b'[{"id": 3, "errors": "\x00 s3cr3t [}')
    with server.client() as client:
        records = [r for page in client.jobs(ListFilters(), Cursor()) for r in page.records]
    (reject,) = {r for r in records if isinstance(r, Reject)}
    assert reject.payload == '[{"id": 3, "errors": "\ufffd s3cr3t [}'
    assert {r.job_id for r in records} - {None} == set(server.ids) - server.bad


def test_a_refusal_of_a_page_is_of_one_record() -> None:
    server = Server(list(range(150)), {70})
    server.fault = Answer(422, {}, b'{"message": "no"}')
    assert set(server.read()) - {None} == set(server.ids) - server.bad


@pytest.mark.slow
def test_what_vanishes_around_a_bad_record_hides_no_other() -> None:
    """The list moves left by one, whichever request of a page in pieces that comes before."""
    needed = Server(list(range(30)), {10})
    needed.read()
    for moment in range(1, len(needed.asked)):
        server = Server(list(range(30)), {10})

        def vanish(server: Server = server, moment: int = moment) -> None:
            if len(server.asked) == moment:
                server.account.remove_job(server.ids[5])

        server.before = vanish
        assert set(server.ids) - server.bad - {server.ids[5]} <= set(server.read()), moment


def test_one_job_and_the_newest_behind_a_bad_one() -> None:
    server = Server(list(range(150)), {149})
    server.account.jobs[server.ids[149]]["updated_at"] = "2026-01-30T00:00:00Z"
    with server.client() as client:
        assert client.page(149, limit=1).records[0].job_id is None
        assert json.dumps([r.job_id for r in client.page(148, limit=1).records])


@pytest.mark.slow
def test_threads_that_prefetch_narrow_too() -> None:
    server = Server(list(range(4000)), {2500, 2501, 3700})
    assert set(server.read()) - {None} == set(server.ids) - server.bad


def test_the_newest_job_may_be_refused() -> None:
    """It is the first of a list that has the newest first; the others are read all the same."""
    server = Server(list(range(150)), set())
    refused = Answer(422, {}, b'{"message": "no"}')
    server.account.intercept = lambda request: refused if request.query["offset"] == "0" else None
    for job_id, second in zip(server.ids, range(150), strict=True):
        server.account.jobs[job_id]["updated_at"] = (
            f"2026-01-02T03:{second // 60:02}:{second % 60:02}Z"
        )
    server.account.touch()
    with server.client() as client:
        assert client.newest() == datetime(2026, 1, 2, 3, 2, 28, tzinfo=UTC)
