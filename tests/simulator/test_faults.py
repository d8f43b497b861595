"""Faults of the simulated account, over real HTTP and on the wire."""

import queue
import threading
import time

import pytest
import requests
from simulated import Get, asking

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import fault
from snapshotter.simulator.server import serve

pytest_plugins = ["simulated_fixtures"]


@pytest.mark.parametrize(
    ("kind", "status", "header", "body"),
    [
        ("429", 429, ("Content-Type", "application/json"), "message"),
        ("500", 500, ("Content-Type", "application/json"), "message"),
        ("502", 502, ("Content-Type", "text/html"), "<html>"),
        ("503", 503, ("Retry-After", "1"), "message"),
        ("html", 200, ("Content-Type", "text/html"), "<html>"),
        ("broken", 200, ("Content-Type", "application/json"), '{"limits"'),
    ],
)
def test_a_fault_answers_once_and_is_free(
    account: SimulatedAccount, get: Get, kind: str, status: int, header: tuple[str, str], body: str
) -> None:
    account.failing = [kind, kind]
    for path in ("jobs/77", "rate_limit_status"):
        response = get(path)
        assert response.status_code == status
        assert response.headers[header[0]] == header[1]
    assert body in response.text
    assert account.failing == []
    if kind in ("html", "broken"):
        with pytest.raises(requests.JSONDecodeError):
            response.json()
    assert get("jobs").headers["X-RateLimit-Remaining"] == "4999"
    with pytest.raises(KeyError):
        fault("else")


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        pytest.param("reset", requests.ConnectionError, "reset by peer", id="reset"),
        pytest.param(
            "cut", requests.exceptions.ChunkedEncodingError, "21 bytes read, 21 more", id="cut"
        ),
        pytest.param("hang", requests.ReadTimeout, "timed out", id="hang"),
    ],
)
def test_a_fault_on_the_wire_spoils_one_answer_only(
    account: SimulatedAccount,
    api: str,
    session: requests.Session,
    kind: str,
    error: type[Exception],
    words: str,
) -> None:
    account.failing = [kind]
    url = f"{api}/acme/api/rate_limit_status"
    patience = 0.2 if kind == "hang" else 10
    with pytest.raises(error, match=words):
        session.get(url, timeout=patience)
    assert session.get(url, timeout=10).json() == {"limits": {"limit": 5000, "remaining": 5000}}


@pytest.mark.parametrize("kind", ["reset", "cut", "drip", "hang"])
def test_intercept_can_return_a_fault(account: SimulatedAccount, api: str, kind: str) -> None:
    account.intercept = lambda _: fault(kind, b"12345678")
    with asking(api, "/acme/api/jobs") as client:
        if kind == "reset":
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        elif kind == "hang":
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(1)
        else:
            said = b""
            while not said.endswith(b"12345678" if kind == "drip" else b"\r\n\r\n1234"):
                said += client.recv(1)
            assert b"Content-Length: 8\r\n" in said
            if kind == "cut":
                assert client.recv(1) == b""


def test_drip_sends_the_correct_answer_byte_by_byte(
    account: SimulatedAccount, api: str, session: requests.Session
) -> None:
    account.failing = ["drip", "drip"]
    begin = time.perf_counter()
    response = session.get(f"{api}/acme/api/jobs?offset=9", timeout=10)
    assert time.perf_counter() - begin >= 2 * 0.05
    assert response.json() == []
    assert set(response.links) == {"prev"}
    with session.get(f"{api}/acme/api/jobs/77", timeout=10, stream=True) as response:
        assert response.status_code == 404
    assert account.failing == []


@pytest.mark.parametrize("kind", ["drip", "hang"])
def test_a_fault_ends_when_the_client_disconnects(
    account: SimulatedAccount, handlers: queue.Queue[threading.Thread], kind: str
) -> None:
    account.intercept = lambda _: fault(kind, b" " * 10_000)
    with serve(account) as url:
        with asking(url, "/acme/api/jobs") as client:
            handler = handlers.get(timeout=5)
            assert kind == "hang" or client.recv(1)
        handler.join(5)
        assert not handler.is_alive()


@pytest.mark.parametrize("kind", ["drip", "hang"])
def test_a_fault_ends_with_the_server(
    account: SimulatedAccount, handlers: queue.Queue[threading.Thread], kind: str
) -> None:
    account.intercept = lambda _: fault(kind, b" " * 10_000)
    with serve(account) as url:
        client = asking(url, "/acme/api/jobs")
        handler = handlers.get(timeout=5)
        begin = time.perf_counter()
    assert time.perf_counter() - begin < 5  # the fault itself goes on for minutes
    handler.join(5)
    assert not handler.is_alive()
    with client:
        while client.recv(1000):
            assert kind == "drip"
