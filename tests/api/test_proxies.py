"""By which proxy requests go, and which proxies are refused."""

import base64

import pytest
from clients import client, read
from clock import Impatient
from wire import answer, serve

from snapshotter.api import certificates
from snapshotter.api.client import Client
from snapshotter.api.proxies import check, chosen
from snapshotter.errors import Stopped, UsageError
from snapshotter.settings import Key, Service

HTTPS = Service("acme", Key("s3cr3t"), "https://api.example", 5.0)


@pytest.fixture(autouse=True)
def _no_certificates_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in certificates.FILES:
        monkeypatch.delenv(variable, raising=False)


def test_plain_http_goes_by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(answer(body=b"[]")) as wire, serve(answer(body=b"[]")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("all_proxy", proxy.url)
        read(client(wire.url))
    assert (len(wire.requests), len(proxy.requests)) == (1, 0)


def test_https_goes_by_the_proxy_and_keeps_its_key_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(answer(502)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(Stopped):
            read(client("https://api.example"))
    assert proxy.requests[0].startswith(b"CONNECT api.example:443 ")
    assert all(base64.b64encode(b"s3cr3t:") not in request for request in proxy.requests)


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
    ("proxy", "secrets"),
    [
        ("http://127.0.0.1:3128", set()),
        ("127.0.0.1:3128", set()),
        ("http://[::1]:3128", set()),
        ("http://joe:Pr0xy55@127.0.0.1:3128", {"joe:Pr0xy55", "Pr0xy55"}),
        ("joe:Pr0xy55@127.0.0.1:3128", {"joe:Pr0xy55", "Pr0xy55"}),
        (
            "http://joe:Pr0xy%2F55@127.0.0.1:3128",
            {"joe:Pr0xy%2F55", "joe:Pr0xy/55", "Pr0xy%2F55", "Pr0xy/55"},
        ),
        ("http://joe:x@127.0.0.1:3128", {"joe:x"}),  # too short to be hidden alone
    ],
)
def test_what_is_secret_of_a_proxy(
    proxy: str, secrets: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert set(check("https://api.example")) == secrets


def test_without_a_proxy_nothing_is_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("https://api.example") == ()
    monkeypatch.setenv("HTTPS_PROXY", "http://joe:Pr0xy55@127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", "api.example")
    assert check("https://api.example") == ()


@pytest.mark.parametrize(
    ("proxy", "shown", "address", "credentials"),
    [
        ("http://127.0.0.1:3128", "http://127.0.0.1:3128", ("127.0.0.1", 3128), ""),
        ("127.0.0.1", "http://127.0.0.1:80", ("127.0.0.1", 80), ""),
        ("https://[::1]", "https://[::1]:443", ("::1", 443), ""),
        ("joe:Pr0xy%2F55@h:9", "http://h:9", ("h", 9), "joe:Pr0xy/55"),
    ],
)
def test_the_proxy_that_is_chosen(
    proxy: str,
    shown: str,
    address: tuple[str, int],
    credentials: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    found = chosen("https://api.example")
    assert found is not None
    assert (found.variable, found.shown) == ("ALL_PROXY", shown)
    assert ((found.host, found.port), found.credentials) == (address, credentials)


def test_no_proxy_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", "api.example")
    assert chosen("https://api.example") is None


def test_a_proxy_that_cannot_be_used_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://127.0.0.1:3128")
    with pytest.raises(UsageError, match="begins with http://"):
        chosen("https://api.example")
