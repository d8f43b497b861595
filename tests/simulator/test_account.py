"""The state and the clock of the simulated account."""

from typing import Any

import pytest
import requests
from simulated import NOW, Get, ids, visible

from snapshotter.simulator.account import Links, SimulatedAccount
from snapshotter.simulator.api import ACCEPT
from snapshotter.simulator.server import serve

pytest_plugins = ["simulated_fixtures"]


@pytest.mark.slow
def test_the_same_seed_makes_the_same_jobs(populated: SimulatedAccount) -> None:
    same, other = SimulatedAccount(now=NOW), SimulatedAccount(now=NOW, seed=2)
    same.populate()
    other.populate()
    assert same.jobs == populated.jobs
    assert other.jobs != populated.jobs


def test_the_steps_of_the_clock_make_no_difference() -> None:
    once, often = SimulatedAccount(now=NOW), SimulatedAccount(now=NOW)
    once.populate(days=2)
    often.populate(days=2)
    before = len(once.jobs)
    once.advance(86_400)
    for _ in range(24 * 60 * 2):
        often.advance(29.9)
        often.advance(0.1)
    assert once.jobs == often.jobs
    assert len(once.jobs) > before


@pytest.mark.parametrize("lag", [0, 60])
def test_a_removed_job_is_gone_at_once(account: SimulatedAccount, get: Get, lag: float) -> None:
    for job_id in (1, 2, 3):
        account.add_job(id=job_id, status="running")
    assert ids(get("jobs", direction="asc")) == [1, 2, 3]
    account.lag = lag
    account.remove_job(2)
    assert ids(get("jobs", direction="asc")) == [1, 3]
    assert get("jobs/2").status_code == 404
    with account.lock:
        del account.jobs[3]
        account.touch()
    assert ids(get("jobs")) == [1]
    account.add_job(id=2, status="suspended")
    account.advance(3600)
    assert {i: job["status"] for i, job in visible(get).items()} == {1: "completed", 2: "suspended"}


@pytest.mark.parametrize("option", [{"lag": 60}, {"shuffles_ties": True}, {"varies_cap": True}])
def test_the_same_seed_is_equally_hard_to_read(option: dict[str, Any]) -> None:
    def readings(seed: int) -> list[list[int]]:
        account = SimulatedAccount(seed=seed, **option)
        seen = []
        with serve(account) as url, requests.Session() as session:
            session.auth, session.trust_env = ("demo-key", ""), False
            session.headers["Accept"] = ACCEPT
            for _ in range(20):
                account.add_job(created_at=NOW)
                account.advance(10)
                seen.append(ids(session.get(f"{url}/acme/api/jobs", timeout=10)))
        return seen

    assert readings(1) == readings(1) != readings(2)


def test_an_account_takes_its_behaviour_as_arguments() -> None:
    links: Links = "none"
    account = SimulatedAccount(
        lag=5,
        shuffles_ties=True,
        varies_cap=True,
        links=links,
        date_offset=None,
        failing=["500"],
        before_answer=print,
    )
    assert (account.lag, account.shuffles_ties, account.varies_cap) == (5, True, True)
    assert (account.links, account.date_offset, account.failing) == ("none", None, ["500"])
    assert account.before_answer is print
