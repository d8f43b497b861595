"""Proxies, certificates, threads, signals and cookies: how the host and the way are set up."""

import json
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import command
import pytest
from clock import Impatient
from samples import job
from wire import answer, drip, serve

from snapshotter.api import certificates
from snapshotter.api.client import ATTEMPTS_FOR_A_JOB, Client, ListFilters
from snapshotter.api.limits import Limits
from snapshotter.api.paging import Cursor
from snapshotter.errors import KeyRefused, RequestFailed, RequestRefused, Stopped, UsageError
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer
from snapshotter.simulator.server import serve as serve_account

HTTPS = Service("acme", Key("s3cr3t"), "https://api.example", 5.0)
ONE = json.dumps(job()).encode()


@pytest.fixture(autouse=True)
def _no_certificates_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in certificates.FILES:
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://joe:Pr0xy/55@127.0.0.1:9", "percent-encode"),
        ("http://joe:Pr0xy#55@127.0.0.1:9", "percent-encode"),
        ("http://joe:Pr0xy?55@127.0.0.1:9", "percent-encode"),
        ("http://joe:Pr0xy[55@127.0.0.1:9", "percent-encode"),
        ("joe:Pr0xy/55@127.0.0.1:9", "percent-encode"),
        ("http://joe:Pr0xy55@127.0.0.1:nine", "percent-encode"),
        ("http://joe:Pr0xy55@", "percent-encode"),
        ("http://joe:Pr0xy\u20ac@127.0.0.1:9", "percent-encode"),
        ("socks5://joe:Pr0xy55@127.0.0.1:9", r"pip install 'requests\[socks\]'"),
        ("ftp://joe:Pr0xy55@127.0.0.1:9", "begins with http://"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_and_not_quoted(
    variable: str, proxy: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(UsageError, match=said) as caught:
        Client(HTTPS)
    assert variable in str(caught.value)
    assert "joe" not in str(caught.value)
    assert "Pr0xy" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 403, 407])
def test_a_proxy_that_refuses_is_asked_once(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(answer(status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//joe:Pr0xy%2F55@"))
        with pytest.raises(UsageError, match=f"the proxy refuses to connect .{status}"):
            Client(HTTPS, clock=Impatient()).job(7)
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    "variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]
)
def test_missing_certificates_are_a_wrong_setting(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "none.pem"))
    with pytest.raises(UsageError, match=rf"{variable}: cannot read .*none\.pem"):
        Client(HTTPS)


def test_a_file_without_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    with pytest.raises(UsageError, match=r"SSL_CERT_FILE: .* it has none in PEM form"):
        Client(HTTPS)


@contextmanager
def tls(folder: Path) -> Iterator[tuple[str, Path, list[bytes]]]:
    """Serve one job over TLS for 127.0.0.1; yield the URL, the certificate, what was asked."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    names = ["-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*command, *files, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    connections: list[bytes] = []

    def play(listener: socket.socket) -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            connections.append(b"")
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    connections[-1] = connection.recv(65536)
                    answer(body=ONE)(connection, 0)
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=play, args=(listener,), daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", certificate, connections
        listener.shutdown(socket.SHUT_RDWR)


def test_a_refused_certificate_is_asked_for_once(tmp_path: Path) -> None:
    with tls(tmp_path) as (url, _, connections):
        service = Service("acme", Key("s3cr3t"), url, 5.0)
        with pytest.raises(UsageError, match=r"certificate .* is refused \(self.signed"):
            Client(service, clock=Impatient()).job(7)
    assert connections == [b""]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_of_ones_own(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls(tmp_path) as (url, certificate, _):
        monkeypatch.setenv(variable, str(certificate))
        with Client(Service("acme", Key("s3cr3t"), url, 5.0), clock=Impatient()) as client:
            assert client.job(7) is not None


def test_cookies_are_not_kept() -> None:
    cookie = "Set-Cookie: session=1; Path=/\r\n"
    with serve(answer(body=ONE, headers=cookie)) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 5.0)
        with Client(service, clock=Impatient()) as client:
            client.job(7)
            client.job(7)
    assert not any(b"cookie" in request.lower() for request in wire.requests)


def test_a_key_that_is_sent_back_across_the_bound_of_a_message_is_hidden() -> None:
    body = json.dumps({"message": "x" * 295 + "s3cr3t-of-the-test"}).encode()
    with serve(answer(422, body)) as wire:
        service = Service("acme", Key("s3cr3t-of-the-test"), wire.url, 5.0)
        with pytest.raises(RequestRefused) as caught:
            Client(service, clock=Impatient()).job(7)
    assert "s3" not in str(caught.value)


# One job


def test_one_job_may_be_forbidden_and_a_key_refused() -> None:
    with serve(answer(403), answer(401)) as wire:
        client = Client(Service("acme", Key("s3cr3t"), wire.url, 5.0), clock=Impatient())
        with pytest.raises(RequestRefused, match="not allowed to read this job"):
            client.job(7)
        with pytest.raises(KeyRefused):
            client.job(7)


def test_jobs_that_fail_take_few_attempts_where_the_list_works() -> None:
    account = SimulatedAccount()
    for _ in range(9):
        account.add_job()
    account.intercept = lambda request: None if request.path.endswith("/jobs") else Answer(500)
    with serve_account(account) as url:
        service = Service("acme", Key(account.api_key), url, 5.0)
        client = Client(service, clock=Impatient())
        client.page(0)
        for job_id in sorted(account.jobs):
            with pytest.raises(RequestFailed):
                client.job(job_id)
        assert client.requests_sent <= 1 + ATTEMPTS_FOR_A_JOB + 8 * 3


def test_while_it_tries_again_it_does_not_say_so_of_the_next_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serve(answer(503)) as wire:
        client = Client(Service("acme", Key("s3cr3t"), wire.url, 5.0), clock=Impatient())
        with pytest.raises(RequestFailed, match="run again later"):
            client.job(7)
    assert "attempt 1 of 5, next in" in caplog.text
    assert "run again" not in caplog.text


# Threads and signals

FEW_THREADS = """
import sys, threading
# The name has changed in Python 3.13.
name = next(n for n in ("_start_joinable_thread", "_start_new_thread") if hasattr(threading, n))
left, start = int(sys.argv.pop(1)), getattr(threading, name)
def start_one(*words, **named):
    global left
    if left == 0:
        raise RuntimeError("can't start new thread")
    left -= 1
    return start(*words, **named)
setattr(threading, name, start_one)
from snapshotter.__main__ import main
main()
"""


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_few_threads_may_be_started(threads: int, tmp_path: Path) -> None:
    """The list is read with those that can be had; the same jobs, at the same cost."""
    account = SimulatedAccount()
    for _ in range(1700):
        account.add_job()
    with serve_account(account) as url:
        variables = {
            "XPLENTY_ACCOUNT_ID": "acme",
            "XPLENTY_API_KEY": account.api_key,
            "XPLENTY_API_URL": url,
        }
        done = command.python(
            ["-c", FEW_THREADS, str(threads), "sync"], cwd=tmp_path, env=variables
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1,700 jobs seen, 1,700 new, ")


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
