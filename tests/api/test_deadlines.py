"""Requests end in time, whatever the server sends and whatever the run waits for."""

import json
import signal
import socket
import time

import pytest
from clock import Impatient
from samples import job
from wire import answer, drip, serve

from snapshotter.api.client import Client, ListFilters
from snapshotter.api.deadlines import GRACE, Deadline, current
from snapshotter.api.limits import Limits
from snapshotter.api.paging import Cursor
from snapshotter.errors import Stopped
from snapshotter.settings import Key, Service

ONE = json.dumps(job()).encode()


@pytest.mark.parametrize("has_threads", [True, False])
def test_without_a_thread_a_drip_ends_all_the_same(
    has_threads: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(drip(b"HTTP/1.1 200 OK\r\nX-Slow:"), answer(body=ONE)) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 1.0)
        client = Client(service, clock=Impatient())
        if not has_threads:
            monkeypatch.setattr("snapshotter.api.deadlines._WATCHDOG.add", lambda _: False)
        assert client.job(7) is not None
    assert len(wire.requests) == 2
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_a_signal_ends_the_wait_for_an_answer() -> None:
    clock = Impatient()

    def silent(connection: socket.socket, _number: int) -> None:
        clock.interrupted = "stopped by SIGTERM"
        connection.recv(1)

    with serve(silent) as wire:
        client = Client(Service("acme", Key("s3cr3t"), wire.url, 300.0), Limits(), clock=clock)
        began = time.monotonic()
        with pytest.raises(Stopped, match="stopped by SIGTERM"):
            list(client.jobs(ListFilters(), Cursor()))
        assert time.monotonic() - began < 100  # and not the 300 that the answer may take
    assert len(wire.requests) == 1


def test_a_connection_is_shut_down_when_the_time_is_up() -> None:
    here, there = socket.socketpair()
    with here, there, Deadline(0.05) as deadline:
        deadline.show(here)
        assert here.recv(1) == b""
        assert deadline.passed
        assert deadline.left() == 0


def test_a_connection_shown_too_late_is_shut_down_at_once() -> None:
    here, there = socket.socketpair()
    with here, there, Deadline(300) as deadline:
        deadline.cut()
        deadline.show(here)
        assert here.recv(1) == b""


def test_a_request_to_stop_leaves_the_answer_a_moment() -> None:
    asks_to_stop: list[str] = []
    deadline = Deadline(300, lambda: asks_to_stop)
    assert deadline.left() > GRACE
    asks_to_stop.append("SIGTERM")
    assert 0 < deadline.left() <= GRACE
    assert not deadline.passed


def test_a_deadline_is_current_only_in_its_block() -> None:
    assert current() is None
    with Deadline(300) as deadline:
        assert current() is deadline
    assert current() is None
