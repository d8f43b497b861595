"""The way to the API step by step: each step names what is wrong with it."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from middlemen import certificate, proxy, silent, speaking, tls
from wire import answer, reset, serve

from snapshotter.api import probe
from snapshotter.api.probe import Target
from snapshotter.api.proxies import Proxy
from snapshotter.errors import Failure, KeyRefused, RequestFailed, UsageError
from snapshotter.settings import Key, Service

SECONDS = 5.0
SHORT = 0.2
NOBODY = 1  # a port of loopback that nothing listens on

pytest_plugins = ["https_fixtures"]
pytestmark = pytest.mark.usefixtures("without_certificates_of_the_host")


def by(url: str, credentials: str = "") -> Proxy:
    to = probe.target(url)
    return Proxy("HTTPS_PROXY", "http", to.host, to.port, credentials)


@pytest.mark.parametrize(
    ("url", "target", "text"),
    [
        ("https://api.example", Target("api.example", 443), "api.example:443"),
        ("https://api.example:8443/base", Target("api.example", 8443), "api.example:8443"),
        ("http://[::1]", Target("::1", 80), "[::1]:80"),
    ],
)
def test_the_host_and_the_port_of_a_url(url: str, target: Target, text: str) -> None:
    assert probe.target(url) == target
    assert str(target) == text


def test_a_name_that_resolves() -> None:
    assert "127.0.0.1" in probe.addresses(Target("localhost", 80))


@pytest.mark.parametrize("host", ["a" * 64, "a..b"])
def test_a_name_that_cannot_be_resolved(host: str) -> None:
    with pytest.raises(Failure, match=f"cannot resolve the name '{host}'"):
        probe.addresses(Target(host, 80))


def test_the_name_server_does_not_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(Failure, match=r"'api\.example' \(Name or service not known\)"):
        probe.addresses(Target("api.example", 443))


def test_nobody_listens() -> None:
    with pytest.raises(Failure, match=r"no connection to 127\.0\.0\.1:1 \(Connection refused\)"):
        probe.connect(Target("127.0.0.1", NOBODY), SECONDS)


def test_a_certificate_that_is_trusted(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serve(answer()) as wire, tls(wire.url, trusted) as url:
        found = probe.certificate(probe.target(url), None, SECONDS)
    assert found.issuer == "Invented Authority"
    assert found.bundle == trusted
    left = found.expires_at - datetime.now(UTC)
    assert timedelta(days=399) < left < timedelta(days=401)


def test_a_certificate_of_a_folder(
    trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with (
        serve(answer()) as wire,
        tls(wire.url, trusted) as url,
        pytest.raises(UsageError, match=r"certificate .* is refused"),
    ):
        probe.certificate(probe.target(url), None, SECONDS)


def test_a_certificate_that_has_expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = certificate(tmp_path, days=-1, began=3)
    monkeypatch.setenv("SSL_CERT_FILE", str(old))
    with (
        serve(answer()) as wire,
        tls(wire.url, old) as url,
        pytest.raises(UsageError, match=r"is refused \(certificate has expired\)"),
    ):
        probe.certificate(probe.target(url), None, SECONDS)


def test_a_certificate_of_nobody_known(trusted: Path) -> None:
    with (
        serve(answer()) as wire,
        tls(wire.url, trusted) as url,
        pytest.raises(UsageError, match=r"is refused \(self.signed"),
    ):
        probe.certificate(probe.target(url), None, SECONDS)


def test_a_certificate_for_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = certificate(tmp_path, host="127.0.0.2")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with (
        serve(answer()) as wire,
        tls(wire.url, other) as url,
        pytest.raises(UsageError, match=r"is refused .*127\.0\.0\.1"),
    ):
        probe.certificate(probe.target(url), None, SECONDS)


def test_a_server_without_tls() -> None:
    greeting = b"220 mail.example ESMTP\r\n"
    with speaking(greeting) as port, pytest.raises(Failure, match=r"no TLS with 127\.0\.0\.1"):
        probe.certificate(Target("127.0.0.1", port), None, SECONDS)


def test_a_server_that_hangs() -> None:
    with silent() as port, pytest.raises(Failure, match=r"no answer within 0\.2 s"):
        probe.certificate(Target("127.0.0.1", port), None, SHORT)


def test_the_certificate_through_a_proxy(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serve(answer()) as wire, tls(wire.url, trusted) as url, proxy() as middleman:
        found = probe.certificate(probe.target(url), by(middleman.url, "joe:Pr0xy"), SECONDS)
    assert found.issuer == "Invented Authority"
    (request,) = middleman.requests
    assert "Proxy-Authorization: Basic am9lOlByMHh5\r\n" in request


def test_a_proxy_that_connects() -> None:
    with serve(answer()) as wire, proxy() as middleman:
        probe.tunnel(probe.target(wire.url), by(middleman.url), SECONDS)
    assert not wire.requests[0:1] or wire.requests[0] == b""


@pytest.mark.parametrize("status", [b"407 Proxy Authentication Required", b"403 Forbidden"])
def test_a_proxy_that_refuses(status: bytes) -> None:
    with (
        proxy(b"HTTP/1.1 " + status + b"\r\n\r\n") as middleman,
        pytest.raises(UsageError, match=r"the proxy refuses to connect .*; check the user"),
    ):
        probe.tunnel(Target("127.0.0.1", NOBODY), by(middleman.url), SECONDS)


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\xff\xfe\r\n\r\n"])
def test_what_is_not_a_proxy(garbage: bytes) -> None:
    with proxy(garbage) as middleman, pytest.raises(Failure, match="the proxy's answer is not"):
        probe.tunnel(Target("127.0.0.1", NOBODY), by(middleman.url), SECONDS)


def test_a_proxy_that_hangs() -> None:
    with proxy(b"") as middleman, pytest.raises(Failure, match=r"no answer within 0\.2 s"):
        probe.tunnel(Target("127.0.0.1", NOBODY), by(middleman.url), SHORT)


def test_no_proxy_listens() -> None:
    with pytest.raises(Failure, match=r"by the proxy .Connection refused"):
        probe.tunnel(Target("127.0.0.1", 80), by(f"http://127.0.0.1:{NOBODY}"), SECONDS)


def ask(url: str, seconds: float = SECONDS) -> probe.Answer:
    return probe.ask(Service("acme", Key("s3cr3t"), url), seconds)


def test_the_credits_are_asked_for_once() -> None:
    body = json.dumps({"limits": {"limit": 5000, "remaining": 4321}}).encode()
    with serve(answer(body=body, headers="Date: Sat, 31 Jan 2026 12:00:00 GMT\r\n")) as wire:
        found = ask(wire.url)
    assert (found.error, found.limit, found.remaining) == (None, 5000, 4321)
    assert found.server_clock == datetime(2026, 1, 31, 12, tzinfo=UTC)
    (request,) = wire.requests
    assert request.startswith(b"GET /acme/api/rate_limit_status HTTP/1.1")


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, KeyRefused, "the key is refused, check XPLENTY_API_KEY"),
        (404, UsageError, "check XPLENTY_ACCOUNT_ID"),
        (503, RequestFailed, "the API answered 503"),
    ],
)
def test_a_refusal_is_not_asked_again(status: int, kind: type[Exception], words: str) -> None:
    with serve(answer(status)) as wire:
        found = ask(wire.url)
    assert isinstance(found.error, kind)
    assert words in str(found.error)
    assert found.came_at is not None
    assert len(wire.requests) == 1


def test_an_answer_that_is_not_the_apis() -> None:
    with serve(answer(body=b"<html>log in to the hotel's network</html>")) as wire:
        found = ask(wire.url)
    assert "rate_limit_status" in str(found.error)


def test_no_answer_at_all() -> None:
    with serve(reset) as wire:
        found = ask(wire.url)
    assert isinstance(found.error, RequestFailed)
    assert found.came_at is None
    assert len(wire.requests) == 1
    with silent() as port:
        assert "no whole answer within 0.2 s" in str(ask(f"http://127.0.0.1:{port}", SHORT).error)
