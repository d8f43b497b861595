"""Fixtures of the simulator's tests: an account with a history, a session, and what answers."""

import queue
import threading
from collections.abc import Iterator

import pytest
import requests
from simulated import NOW, Get

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.api import ACCEPT


@pytest.fixture(scope="module")
def populated() -> SimulatedAccount:
    """Return an account with its history; for tests that do not change it."""
    account = SimulatedAccount(now=NOW)
    account.populate()
    return account


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("demo-key", "")
        session.headers["Accept"] = ACCEPT
        yield session


@pytest.fixture
def get(api: str, session: requests.Session) -> Get:
    """Return `get(path, **query)` on the account's API."""
    return lambda path, **query: session.get(f"{api}/acme/api/{path}", params=query, timeout=10)


@pytest.fixture
def handlers(account: SimulatedAccount) -> queue.Queue[threading.Thread]:
    """Return the threads that answer, in the order of their requests."""
    threads: queue.Queue[threading.Thread] = queue.Queue()
    account.before_answer = lambda _: threads.put(threading.current_thread())
    return threads
