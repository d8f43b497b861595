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
