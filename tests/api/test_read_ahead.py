"""Jobs that are requested before they are needed, at a simulated account on loopback."""

import threading
from collections.abc import Callable, Iterator

import pytest
from clock import Impatient

from snapshotter.api.client import Client
from snapshotter.api.limits import LEAST_REQUESTS, Limits
from snapshotter.api.lists import PREFETCHED_BODY
from snapshotter.api.prefetch import THREADS
from snapshotter.errors import KeyRefused, RequestFailed, Stopped
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer, Request
from snapshotter.simulator.server import serve

MISSING = 999_999


@pytest.fixture
def account() -> SimulatedAccount:
    account = SimulatedAccount()
    for _ in range(3 * THREADS):
        account.add_job()
    return account


@pytest.fixture
def open_client(account: SimulatedAccount) -> Iterator[Callable[..., Client]]:
    with serve(account) as url:
        service = Service("acme", Key(account.api_key), url, 60.0)

        def opened(**limits: int) -> Client:
            client = Client(service, Limits(**limits), clock=Impatient())
            client.page(0)
            account.requests.clear()
            return client

        yield opened


def asked(account: SimulatedAccount) -> list[int]:
    return [int(path.rsplit("/", 1)[1]) for path, _ in account.requests if "/jobs/" in path]


def test_jobs_come_in_turn_and_each_is_requested_once(
    account: SimulatedAccount, open_client: Callable[..., Client]
) -> None:
    job_ids = [*account.jobs, MISSING]
    client = open_client()
    with client.jobs_in_turn(job_ids) as ask:
        found = [ask(job_id) for job_id in job_ids]
    assert [job and job.job_id for job in found] == [*account.jobs, None]
    assert sorted(asked(account)) == sorted(job_ids)
    assert client.requests_sent == 1 + len(job_ids)


def test_eight_are_requested_at_a_time_once_some_were_answered(
    account: SimulatedAccount, open_client: Callable[..., Client]
) -> None:
    job_ids = list(account.jobs)
    together = [f"/acme/api/jobs/{job_id}" for job_id in job_ids[THREADS : 2 * THREADS]]
    all_ask = threading.Barrier(THREADS, timeout=30)

    def meet(request: Request) -> None:
        if request.path in together:
            all_ask.wait()

    account.before_answer = meet
    with open_client().jobs_in_turn(job_ids) as ask:
        assert all(ask(job_id) for job_id in job_ids)
    assert not all_ask.broken


def test_what_fails_is_raised_in_its_turn_and_then_one_is_requested_at_a_time(
    account: SimulatedAccount, open_client: Callable[..., Client]
) -> None:
    job_ids = list(account.jobs)
    failing = {f"/acme/api/jobs/{job_id}" for job_id in job_ids[1:]}
    account.intercept = lambda request: Answer(500) if request.path in failing else None
    client = open_client()
    with client.jobs_in_turn(job_ids) as ask:
        assert ask(job_ids[0])
        for job_id in job_ids[1:4]:
            with pytest.raises(RequestFailed, match=f"jobs/{job_id}"):
                ask(job_id)
        assert set(asked(account)) == set(job_ids[:4])


def test_the_key_is_refused_in_an_early_answer(
    account: SimulatedAccount, open_client: Callable[..., Client]
) -> None:
    job_ids = list(account.jobs)
    client = open_client()
    with client.jobs_in_turn(job_ids) as ask:
        assert ask(job_ids[0])
        account.intercept = lambda _: Answer(401)
        with pytest.raises(KeyRefused):
            ask(job_ids[1])


@pytest.mark.parametrize("most", range(LEAST_REQUESTS, 3 * THREADS))
def test_no_limit_is_passed_and_nothing_requested_is_lost(
    account: SimulatedAccount, open_client: Callable[..., Client], most: int
) -> None:
    job_ids = list(account.jobs)
    with open_client(requests=most).jobs_in_turn(job_ids) as ask:
        for job_id in job_ids[: most - 1]:
            assert ask(job_id)
        with pytest.raises(Stopped, match="--max-requests"):
            ask(job_ids[most - 1])
    assert len(asked(account)) == most - 1


def test_a_job_too_large_to_keep_is_requested_again(
    account: SimulatedAccount, open_client: Callable[..., Client]
) -> None:
    job_ids = list(account.jobs)
    client = open_client()
    account.jobs[job_ids[2]]["errors"] = "x" * PREFETCHED_BODY
    account.touch()
    with client.jobs_in_turn(job_ids[:4]) as ask:
        assert [job.job_id for job_id in job_ids[:4] if (job := ask(job_id))] == job_ids[:4]
    assert asked(account).count(job_ids[2]) == 2
