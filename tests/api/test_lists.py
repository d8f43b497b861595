"""What the pages of a list show of the server: whether it names further ones, their size."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from clients import client, read
from clock import Impatient
from samples import job
from wire import answer, serve

from snapshotter.api.client import Client, ListFilters
from snapshotter.api.paging import Cursor
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer, Request
from snapshotter.simulator.server import serve as serve_account

PAGE = json.dumps([job()]).encode()


def test_a_link_shows_whether_there_is_more_and_never_where() -> None:
    first = answer(
        body=json.dumps(
            [job(id=n, created_at=f"2026-01-0{n}T00:00:00Z") for n in (1, 2, 3)]
        ).encode(),
        headers='Link: <http://evil.example/steal>; rel="next"\r\n',
    )
    second = answer(
        body=json.dumps(
            [job(id=n, created_at=f"2026-01-0{n}T00:00:00Z") for n in (2, 3, 4)]
        ).encode(),
        headers='Link: <http://evil.example/steal>; rel="prev"\r\n',
    )
    with serve(first, second) as wire, client(wire.url) as asking:
        assert read(asking) == [1, 2, 3, 4]
    # Pages ahead come in any order; one that is not needed may close its connection unused.
    asked = {request.split()[1] for request in wire.requests if request}
    assert any(path.endswith(b"&offset=1") for path in asked)
    assert all(path.startswith(b"/acme/api/jobs?") for path in asked)


def link(rel: str) -> str:
    return f'Link: <http://evil.example/?offset=4000>; rel="{rel}"\r\n'


def test_a_server_that_names_pages_is_believed_when_it_names_none() -> None:
    many = json.dumps([job(id=n, created_at=f"2026-01-0{n}T00:00:00Z") for n in (1, 2, 3)])
    few = json.dumps([job(id=n, created_at=f"2026-01-0{n}T00:00:00Z") for n in (2, 3)])
    first, alone = answer(body=many.encode(), headers=link("next")), answer(body=few.encode())
    with serve(first, alone) as wire, client(wire.url) as asking:
        asking.page(0)
        assert read(asking) == [2, 3]
    assert len(wire.requests) == 2


def test_a_server_that_names_no_page_before_has_ceased_to_name_any() -> None:
    first, later = answer(body=PAGE, headers=link("next")), answer(body=PAGE)
    with serve(first, later) as wire, client(wire.url) as asking:
        asking.page(0)
        assert asking.sends_links
        asking.page(1)
        assert not asking.sends_links


@pytest.mark.parametrize("jobs", [101, 1_001, 6_000, 20_000])
def test_a_server_that_ignores_the_limit_is_read(jobs: int) -> None:
    account = SimulatedAccount(links="none")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    records = [
        {"id": n, "created_at": (start + timedelta(seconds=n)).isoformat()}
        for n in range(1, jobs + 1)
    ]

    def rest_of_the_list(request: Request) -> Answer:
        return Answer(200, {}, json.dumps(records[int(request.query["offset"]) :]).encode())

    account.intercept = rest_of_the_list
    with serve_account(account) as url:
        service = Service("acme", Key(account.api_key), url, 20.0)
        with Client(service, clock=Impatient()) as client:
            read = {r.job_id for page in client.jobs(ListFilters(), Cursor()) for r in page.records}
    assert read == set(range(1, jobs + 1))


def test_the_largest_page_so_far_is_known() -> None:
    pages = [
        answer(body=json.dumps([job(id=n) for n in range(1, 1 + size)]).encode()) for size in (3, 2)
    ]
    with serve(*pages) as wire, client(wire.url) as asking:
        assert asking.page_size == 0
        for _ in range(2):
            asking.page(0)
            assert asking.page_size == 3
