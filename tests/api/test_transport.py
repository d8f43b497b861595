"""One request on the wire: no answer, a slow one, redirects and cookies."""

import json
import socket

import pytest
from clients import client, read
from clock import Impatient
from samples import job
from wire import answer, drip, reset, serve

from snapshotter.api.client import Client
from snapshotter.errors import Stopped, UsageError
from snapshotter.settings import Key, Service

ONE = json.dumps(job()).encode()


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nX-Slow:", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n["],
    ids=["headers", "body"],
)
def test_a_server_that_drips_is_cut_off(start: bytes) -> None:
    with serve(drip(start), answer(body=b"[]")) as wire, client(wire.url, timeout=0.5) as asking:
        assert read(asking) == []
        assert asking.requests_sent == 2


def test_no_server() -> None:
    with serve(reset) as wire:
        url = wire.url
    with pytest.raises(Stopped, match=r"no connection .*refused"):
        read(client(url))


@pytest.mark.parametrize("to", ["http://[::1", "/caf\xe9", "http://evil.example/"])
def test_the_target_of_a_redirect_is_ignored(to: str) -> None:
    def redirect(connection: socket.socket, _number: int) -> None:
        head = f"HTTP/1.1 302 X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(head.encode("latin-1"))

    with (
        serve(redirect) as wire,
        client(wire.url) as asking,
        pytest.raises(UsageError, match="a redirect, which is not followed"),
    ):
        read(asking)


def test_cookies_are_not_kept() -> None:
    cookie = "Set-Cookie: session=1; Path=/\r\n"
    with serve(answer(body=ONE, headers=cookie)) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 5.0)
        with Client(service, clock=Impatient()) as client:
            client.job(7)
            client.job(7)
    assert not any(b"cookie" in request.lower() for request in wire.requests)
