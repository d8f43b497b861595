"""One request on the wire: no answer, a slow one, redirects and cookies."""

import json
import socket

import pytest
import requests
from clients import client, read
from clock import Impatient
from samples import job
from wire import answer, drip, reset, serve

from snapshotter.api.bodies import TooLarge
from snapshotter.api.client import Client
from snapshotter.api.transport import Bounds, Session, get
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


def test_an_answer_comes_whole_with_its_headers() -> None:
    with serve(answer(418, b"tea", "X-Pot: small\r\n")) as wire, Session() as session:
        response, body = get(session, f"{wire.url}/x", {"a": "b c"}, Bounds(5.0))
    assert (response.status_code, response.headers["X-Pot"], body) == (418, "small", b"tea")
    assert wire.requests[0].startswith(b"GET /x?a=b+c HTTP/1.1\r\n")


def test_a_body_larger_than_its_bound_is_not_read() -> None:
    with (
        serve(answer(body=b"x" * 1_000)) as wire,
        Session() as session,
        pytest.raises(TooLarge) as caught,
    ):
        get(session, wire.url, {}, Bounds(5.0, body=999))
    assert caught.value.head.startswith(b"xxx")


def test_an_aborted_session_fails_at_once() -> None:
    with serve(answer(body=b"x")) as wire, Session() as session:
        session.abort()
        with pytest.raises(requests.RequestException):
            get(session, wire.url, {}, Bounds(300.0))
    assert session.is_aborted


def test_a_session_like_another_shares_its_settings() -> None:
    with Session() as first:
        first.auth, first.trust_env, first.verify = ("s3cr3t", ""), False, "/etc/certificates"
        second = Session(like=first)
    assert second.headers is first.headers
    assert second.adapters is first.adapters
    assert (second.auth, second.trust_env, second.verify) == (
        *(("s3cr3t", ""), False, "/etc/certificates"),
    )
