"""Pings of a monitor: what is sent where, and that no monitor can delay or fail a run."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from wire import Wire, answer, drip, reset, serve

from snapshotter import logs
from snapshotter.api.ping import MOST, Monitor, shown_url
from snapshotter.errors import UsageError
from snapshotter.message_mask import Mask

UUID = "0b6d1f4e-5a3c-4e2f-9d3b-000000000007"
PATIENCE = 30.0  # seconds; far more than any of this takes


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_secrets", set())
    monkeypatch.setattr(logs, "_mask", Mask())


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the last ping take half a second, so that tests of slow monitors do not take five."""
    monkeypatch.setattr(Monitor.end, "__defaults__", (0.5,))


@contextmanager
def refusing() -> Iterator[str]:
    """Yield the URL of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


def arrived(wire: Wire, number: int) -> list[bytes]:
    """Wait for a number of requests; return their first lines."""
    end = time.monotonic() + PATIENCE
    while len(wire.requests) < number:
        assert time.monotonic() < end, wire.requests
        time.sleep(0.01)
    return [request.split(b"\r\n", 1)[0] for request in wire.requests]


def test_start_success_and_failure_have_urls_of_their_own() -> None:
    with serve(answer()) as wire:
        monitor = Monitor(f"{wire.url}/{UUID}?create=1&rid=x#top")
        monitor.start()
        arrived(wire, 1)
        monitor.end(0, "3 jobs seen")
        monitor.end(75, "stopped")
        assert arrived(wire, 3) == [
            f"POST /{UUID}/start?create=1&rid=x HTTP/1.1".encode(),
            f"POST /{UUID}?create=1&rid=x HTTP/1.1".encode(),
            f"POST /{UUID}/75?create=1&rid=x HTTP/1.1".encode(),
        ]


@pytest.mark.parametrize(
    ("path", "started"), [("", "/start"), ("/", "/start"), (f"/{UUID}/", f"/{UUID}/start")]
)
def test_the_word_is_a_part_of_the_path(path: str, started: str) -> None:
    with serve(answer()) as wire:
        Monitor(f"{wire.url}{path}").start()
        assert arrived(wire, 1) == [f"POST {started} HTTP/1.1".encode()]


def test_the_body_is_the_last_line_masked_and_not_too_long() -> None:
    logs.learn("hunter22")
    with serve(answer()) as wire:
        monitor = Monitor(f"{wire.url}/{UUID}")
        monitor.end(1, f"the key hunter22 é {'x' * 20_000}")
        monitor.end(1, f"lost {wire.url}/{UUID}")
    first, second = (request.partition(b"\r\n\r\n")[2] for request in wire.requests)
    assert first.startswith("the key *** é xxx".encode())
    assert len(first) == MOST
    assert UUID.encode() not in second


def test_a_user_and_a_password_are_sent_as_such() -> None:
    with serve(answer()) as wire:
        url = wire.url.replace("http://", "http://joe:hunter%402@")
        Monitor(url).end(0, "")
        (request,) = wire.requests
    assert b"Authorization: Basic am9lOmh1bnRlckAy" in request
    assert b"hunter" not in request
    assert logs.masked("hunter@2 hunter%402") == "*** ***"


@pytest.mark.parametrize(
    ("script", "wrong"),
    [
        (answer(404), "it answered 404"),
        (answer(500), "it answered 500"),
        (answer(301, headers="Location: http://127.0.0.1:1/\r\n"), "it answered 301, a redirect"),
        (reset, "no connection"),
    ],
)
def test_what_goes_wrong_is_a_warning_that_names_the_host_only(
    script: object, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(script) as wire, caplog.at_level(logging.WARNING):  # type: ignore[arg-type]
        Monitor(f"{wire.url}/{UUID}").end(1, "failed")
    (line,) = caplog.messages
    assert line.startswith(f"the monitor at 127.0.0.1 was not pinged: {wrong}")
    assert UUID not in line


def test_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    with refusing() as url:
        Monitor(f"{url}/{UUID}").end(1, "failed")
    assert caplog.messages == ["the monitor at 127.0.0.1 was not pinged: no connection"]


def hang(connection: socket.socket, _number: int) -> None:
    connection.settimeout(PATIENCE)
    connection.recv(1)  # until the client hangs up


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "script", [hang, drip(b"HTTP/1.1 200 OK\r\nX-Slow:")], ids=["hangs", "drips"]
)
def test_a_slow_monitor_is_waited_for_no_longer_than_the_timeout(
    script: object, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(script) as wire:  # type: ignore[arg-type]
        monitor = Monitor(wire.url)
        monitor.start()
        is_waited_for = "ping" not in [thread.name for thread in threading.enumerate()]
        assert not is_waited_for
        arrived(wire, 1)
        ended = time.monotonic()
        monitor.end(0, "")
        assert time.monotonic() - ended < PATIENCE
    assert caplog.messages == ["the monitor at 127.0.0.1 was not pinged: no answer within 5 s"]


def test_a_start_that_is_late_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """After the end it would look as if the command had begun again."""
    with serve(hang, answer()) as wire:
        monitor = Monitor(wire.url)
        monitor.start()
        arrived(wire, 1)
        monitor.end(
            0, "", PATIENCE
        )  # this server answers one after another, so the start has to end
        assert arrived(wire, 2) == [b"POST /start HTTP/1.1", b"POST / HTTP/1.1"]
    assert not caplog.messages


def test_a_host_that_allows_no_threads_pings_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with serve(answer()) as wire:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        monitor = Monitor(wire.url)
        monitor.start()
        monitor.end(75, "stopped")
        monkeypatch.undo()
        assert arrived(wire, 1) == [b"POST /75 HTTP/1.1"]


@pytest.mark.parametrize(
    "url",
    [
        *("", "nonsense", "hc-ping.com/x", "ftp://x/y", "http://", "https:///x", "http://[::1"),
        *(
            "http://a b/",
            "http://x:0/",
            "http://x:99999/",
            "http://x:y/",
            "http://.x/",
            "http://x/\n",
        ),
        *("file:///etc/passwd", "http://*.x/", "http://x/\udcff", "https://" + "x" * 300 + "/"),
    ],
)
def test_what_is_not_a_url_is_a_usage_error_that_does_not_quote_it(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Monitor(url)
    assert str(raised.value).startswith("--ping-url: not a URL that can be pinged")
    assert len(url) < 9 or url not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://joe:hunter2@hc-ping.com:8000/{UUID}?a=b", "https://hc-ping.com/***"),
        ("http://[::1", "***"),
        (UUID, "***"),
    ],
)
def test_a_monitor_is_shown_by_its_host_only(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_proxies_and_certificates_are_those_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://x")
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        Monitor("https://hc.example/x")
    Monitor("http://hc.example/x")
    monkeypatch.setenv("HTTPS_PROXY", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with pytest.raises(UsageError, match="REQUESTS_CA_BUNDLE"):
        Monitor("https://hc.example/x")
