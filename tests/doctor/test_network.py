"""The proxy, the network and the certificate of the API's host, as `doctor` reports them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from examined import examined, lines
from middlemen import certificate, proxy, silent, tls
from wire import answer, serve

NOBODY = 1  # a port of loopback that nothing listens on

pytest_plugins = ["https_fixtures"]
pytestmark = pytest.mark.usefixtures("without_certificates_of_the_host")


@pytest.fixture
def https(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serve(answer(500)) as wire, tls(wire.url, trusted) as url:
        yield url


def way(url: str, timeout: float = 5.0) -> tuple[str, str, str]:
    """Return what is found about the proxy, the network and the certificate."""
    found = examined({"XPLENTY_API_URL": url}, timeout=timeout)
    one, two, three = (lines(found, name) for name in ("proxy", "network", "certificate"))
    return one[0], two[0], three[0]


def test_all_is_well(https: str) -> None:
    by, network, shown = way(https)
    assert by.startswith("ok: none")
    assert network.startswith("ok: 127.0.0.1:")
    assert shown.startswith("ok: issued by Invented Authority, valid until ")
    assert "checked against '" in shown


def test_plain_http() -> None:
    with serve(answer(500)) as wire:
        by, network, shown = way(wire.url)
    assert by.startswith("ok: none; requests over plain http go by no proxy")
    assert network.startswith("ok: ")
    assert shown.startswith("skipped: plain http has none")


def test_nobody_listens() -> None:
    _, network, shown = way(f"https://127.0.0.1:{NOBODY}")
    assert network.startswith(f"FAILED: no connection to 127.0.0.1:{NOBODY} (Connection refused); ")
    assert "XPLENTY_API_URL" in network
    assert shown.startswith("skipped: there is no connection")


def test_a_certificate_that_is_not_trusted(https: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    _, network, shown = way(https)
    assert network.startswith("ok")
    assert shown.startswith("FAILED: the certificate of the server, or of a proxy on the way, is")
    assert "SSL_CERT_FILE" in shown


def test_a_bundle_that_is_missing(https: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/none.pem")
    *_, shown = way(https)
    assert shown.startswith("FAILED: SSL_CERT_FILE: cannot read the certificates in '/none.pem'")


def test_a_certificate_that_expires_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = certificate(tmp_path, days=5.5)
    monkeypatch.setenv("SSL_CERT_FILE", str(soon))
    with serve(answer(500)) as wire, tls(wire.url, soon) as url:
        *_, shown = way(url)
    assert shown.startswith("warning: issued by Invented Authority")
    assert "(5 days 1" in shown


def test_a_server_that_hangs(monkeypatch: pytest.MonkeyPatch, trusted: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with silent() as port:
        *_, shown = way(f"https://127.0.0.1:{port}", timeout=0.2)
    assert shown.startswith(f"FAILED: no TLS with 127.0.0.1:{port} (no answer within 0.2 s)")


def test_a_proxy_that_works(https: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy() as middleman:
        monkeypatch.setenv("HTTPS_PROXY", middleman.url.replace("//", "//joe:Pr0xy55@"))
        by, network, shown = way(https)
    assert by.startswith(f"ok: {middleman.url}, from HTTPS_PROXY; it connects to 127.0.0.1:")
    assert network.startswith("skipped: requests go by the proxy")
    assert shown.startswith("ok: issued by Invented Authority")
    assert "Pr0xy55" not in by + network + shown
    assert len(middleman.requests) == 2  # one to try it, one for the certificate; no key is sent


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refuses to connect (407"),
        (b"no proxy at all\r\n\r\n", "the proxy's answer is not HTTP"),
        (b"", "no answer within 0.3 s"),
    ],
)
def test_a_proxy_that_does_not_work(
    https: str, monkeypatch: pytest.MonkeyPatch, status: bytes, words: str
) -> None:
    with proxy(status) as middleman:
        monkeypatch.setenv("ALL_PROXY", middleman.url)
        by, network, shown = way(https, timeout=0.3)
    assert by.startswith(f"FAILED: {middleman.url}, from ALL_PROXY: ")
    assert words in by
    assert network.startswith("skipped: the proxy does not work")
    assert shown.startswith("skipped: there is no connection")


def test_a_proxy_that_nobody_runs(https: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{NOBODY}")
    by, *_ = way(https)
    assert by.startswith(f"FAILED: http://127.0.0.1:{NOBODY}, from https_proxy: no connection")


def test_a_proxy_that_cannot_be_parsed(https: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://joe:Pr0xy/55@127.0.0.1:9")
    by, *_ = way(https)
    assert by.startswith("FAILED: HTTPS_PROXY: not the URL of a proxy")
    assert "Pr0xy" not in by


def test_a_host_that_needs_no_proxy(https: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{NOBODY}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    by, network, _ = way(https)
    assert (by[:8], network[:4]) == ("ok: none", "ok: ")


def test_a_kind_of_proxy_that_is_not_looked_through(
    https: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{port}")
        by, _, shown = way(https)
    assert by.startswith(f"ok: https://127.0.0.1:{port}, from HTTPS_PROXY; it accepts connections")
    assert shown.startswith("skipped: not looked at through a proxy of the kind https")
