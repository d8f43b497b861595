"""The proxy that the environment names, checked before a request is sent by it.

Only a person can correct a wrong one, and the libraries' errors would quote its password.
"""

import importlib.util
import os
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.util import parse_url

from snapshotter.errors import UsageError

ADVICE = "check the user, the password and the rules of the proxy in HTTPS_PROXY or ALL_PROXY"
UNUSABLE = (requests.exceptions.InvalidProxyURL, requests.exceptions.InvalidSchema)

_SHORTEST_SECRET = 4  # characters; a shorter one stands in too many other words
_SOCKS = frozenset({"socks4", "socks4a", "socks5", "socks5h"})
_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080


class Proxy(NamedTuple):
    """A proxy, and the variable that names it. `credentials` are `user:password`, or empty."""

    variable: str
    scheme: str
    host: str
    port: int
    credentials: str

    @property
    def shown(self) -> str:
        """Return its URL without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def chosen(url: str) -> Proxy | None:
    """Return the proxy that requests to `url` go by. Raises `UsageError` as `check` does."""
    check(url)
    proxy = _of_environment(url)
    if not proxy:
        return None
    parts = urlsplit(_with_scheme(proxy))
    scheme = parts.scheme.lower()
    port = parts.port or _PORTS.get(scheme, _SOCKS_PORT)
    credentials = unquote(parts.netloc.rpartition("@")[0])
    return Proxy(_variable(proxy), scheme, parts.hostname or "", port, credentials)


def check(url: str) -> tuple[str, ...]:
    """Return what is secret of the proxy that requests to `url` go by, to hide it in texts.

    Raises `UsageError` for a proxy that cannot be used; it names the variable, never its value.
    """
    proxy = _of_environment(url)
    if not proxy:
        return ()
    variable = _variable(proxy)
    given = _with_scheme(proxy)
    scheme = given.partition(":")[0].lower()
    if scheme in _SOCKS and importlib.util.find_spec("socks") is None:
        raise UsageError(
            f"{variable}: a SOCKS proxy needs one more package: pip install 'requests[socks]', "
            "or name an http:// proxy"
        )
    if scheme not in {"http", "https"} | _SOCKS:
        raise UsageError(
            f"{variable}: not a proxy that can be used; it begins with http://, https:// or "
            "socks5h://"
        )
    return _secrets(given, variable)


def _of_environment(url: str) -> str | None:
    return select_proxy(url, get_environ_proxies(url))


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def _secrets(given: str, variable: str) -> tuple[str, ...]:
    misread = UsageError(
        f"{variable}: not the URL of a proxy, like http://user:password@host:3128; "
        "percent-encode what is special in its user and password (/ is %2F, # is %23, ? is %3F, "
        "[ is %5B, @ is %40)"
    )
    try:
        parts = parse_url(given)
        port = urlsplit(given).port
    except ValueError:  # among them, the errors of urllib3
        raise misread from None
    if (
        not parts.host
        or port == 0
        or (parts.path or "").strip("/")
        or parts.query
        or parts.fragment
    ):
        raise misread
    user_info, at, address = urlsplit(given).netloc.rpartition("@")
    # What the parsers let pass of a host, as a line break, no proxy has.
    if not re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^\W_][\w.-]*)(:\d*)?", address):
        raise misread
    try:
        unquote(user_info).encode("latin-1")  # as it is sent
    except UnicodeEncodeError:
        raise misread from None
    if not at:
        return ()
    password = user_info.partition(":")[2]
    found = {user_info, unquote(user_info), password, unquote(password)}
    return tuple(each for each in found if len(each) >= _SHORTEST_SECRET)


def _variable(proxy: str) -> str:
    """Return the name of the variable that holds the proxy."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        if os.environ.get(name) == proxy:
            return name
    return next((name for name, value in os.environ.items() if value == proxy), "HTTPS_PROXY")
