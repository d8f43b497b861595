"""Fixtures of the simulator's tests: a session, a short way to request, and what answers."""

import queue
import threading
from collections.abc import Iterator

import pytest
import requests
from simulated import Get

from snapshotter.simulator.account import Account
from snapshotter.simulator.api import ACCEPT


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
def handlers(account: Account) -> queue.Queue[threading.Thread]:
    """Return the threads that answer, in the order of their requests."""
    threads: queue.Queue[threading.Thread] = queue.Queue()
    account.before_answer = lambda _: threads.put(threading.current_thread())
    return threads
