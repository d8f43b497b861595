"""Connections to the simulated account."""

import time
from statistics import median

import pytest
import requests
from simulated import Get

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve

pytest_plugins = ["simulated_fixtures"]


def test_a_kept_connection_does_not_stall(account: SimulatedAccount, get: Get) -> None:
    account.add_job()
    get("jobs")
    took = []
    for _ in range(50):
        begin = time.perf_counter()
        get("jobs")
        took.append(time.perf_counter() - begin)
    # A busy machine delays some requests, a delayed acknowledgement each of them.
    assert median(took) < 0.04, "as slow as delayed acknowledgements"


def test_the_end_of_serving_cuts_kept_connections(
    account: SimulatedAccount, session: requests.Session
) -> None:
    with serve(account) as url:
        assert session.get(f"{url}/acme/api/jobs", timeout=10).status_code == 200
    with pytest.raises(requests.ConnectionError):
        session.get(f"{url}/acme/api/jobs", timeout=10)
