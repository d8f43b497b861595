"""What the list has by the time of its jobs' last updates, on real sockets."""

import json
from datetime import UTC, datetime, timedelta

from clients import client
from samples import job
from wire import answer, serve

from snapshotter.api.client import Client
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve as serve_account


def test_the_newest_job_may_be_one_that_cannot_be_read() -> None:
    bad = job(owner_id="x", updated_at="2026-01-03T00:00:00Z")
    worse = {**bad, "updated_at": "soon"}
    with serve(answer(body=json.dumps([bad]).encode())) as wire:
        assert client(wire.url).newest() == datetime(2026, 1, 3, tzinfo=UTC)
    pages = [answer(body=json.dumps(each).encode()) for each in ([worse], [worse, job()])]
    with serve(*pages) as wire:
        assert client(wire.url).newest() == datetime(2026, 1, 2, 3, 6, 5, tzinfo=UTC)


def test_the_jobs_of_a_second_are_found_among_others() -> None:
    account = SimulatedAccount()
    at = account.now - timedelta(hours=2)
    for seconds in (-1, 0, 0, 1, 2):
        account.add_job(updated_at=at + timedelta(seconds=seconds))
    with serve_account(account) as url, Client(Service("acme", Key("demo-key"), url)) as asking:
        found, is_all = asking.touched_at(at)
        assert [each.job_id for each in found][:2] == [1002, 1003]
        assert is_all
        account.page_cap = 1
        found, is_all = asking.touched_at(at)
        assert [each.job_id for each in found] == [1002, 1003, 1004]
        assert not is_all  # a page may hide a job of the one before
