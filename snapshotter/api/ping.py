"""Pings a monitor like healthchecks.io: that a command begins, and with which exit code it ended.

The monitor's URL is requested by POST: `URL/start` at the beginning, `URL` at the end if the exit
code is 0, else `URL/CODE`, each before the URL's query, with the command's last line as the body.
A ping never delays the beginning of a run nor changes how it ends: it is sent by another thread,
and the end waits for its own for `SECONDS` at most. What goes wrong with it is a warning, which
names the host only: who knows the rest of the URL can ping the monitor, too. Proxies and
certificates are those of the API. Redirects are not followed.
"""

import logging
import threading
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import requests
from requests.auth import HTTPBasicAuth

from snapshotter import __version__, logs
from snapshotter.api import certificates, proxies, transport
from snapshotter.api.deadlines import leave_signals_to_the_main_thread
from snapshotter.errors import Interrupted, UsageError

log = logging.getLogger(__name__)

SECONDS = 5.0  # for a ping, from the name's look-up to the answer
SECONDS_OF_AN_INTERRUPTED = 0.5  # which has to end soon
_MARGIN = 0.2  # seconds, so that who waits for a ping learns what went wrong with it
MOST = 10_000  # bytes of a body
_LATE = f"no answer within {SECONDS:g} s"
_LONGEST_LABEL = 63  # characters of a part of a host's name
_SHORTEST_SECRET = 16  # characters; a shorter part of the path is a word like `ping`


class Monitor:
    """The monitor that a command is pinged to.

    Raises `UsageError` for a URL, a proxy or certificates that cannot be used; it quotes no URL.
    """

    def __init__(self, url: str) -> None:
        self._parts = _checked(url)
        self._user_info, _, self._address = self._parts.netloc.rpartition("@")
        for secret in _secrets(url):
            logs.learn(secret)
        self._host = self._parts.hostname or ""
        # As for the API: a proxy is for https, which it cannot read.
        self._is_https = self._parts.scheme == "https"
        self._verify = certificates.trusted() if self._is_https else True
        if self._is_https:
            for secret in proxies.check(self._url("")):
                logs.learn(secret)
        self._first: transport.Session | None = None

    def start(self) -> None:
        """Ping that the command begins; do not wait."""
        self._first = session = self._session()
        with suppress(RuntimeError):  # the host allows no other thread: then only the end is pinged
            self._thread(session, "start", b"", SECONDS).start()

    def end(self, exit_code: int, last_line: str, seconds: float = SECONDS) -> None:
        """Ping how the command ended, and wait for the answer, `seconds` at most."""
        if self._first is not None:
            self._first.abort()  # if it arrived after the end, the command would seem to go on
        body = logs.masked(last_line).encode("utf-8", "backslashreplace")[:MOST]
        session, word = self._session(), str(exit_code) if exit_code else ""
        thread = self._thread(session, word, body, seconds - _MARGIN)
        # A signal that comes meanwhile ends the wait: the command is done.
        with suppress(Interrupted):
            try:
                thread.start()
            except RuntimeError:  # the host allows no other thread: it is bounded all the same
                self._warn(self._send(session, word, body, seconds - _MARGIN))
                return
            thread.join(seconds)
            if thread.is_alive():
                session.abort()
                self._warn(_LATE)

    def _thread(
        self, session: transport.Session, word: str, body: bytes, seconds: float
    ) -> threading.Thread:
        def send() -> None:
            leave_signals_to_the_main_thread()
            wrong = self._send(session, word, body, seconds)
            if not session.is_aborted:
                self._warn(wrong)

        return threading.Thread(target=send, name="ping", daemon=True)

    def _warn(self, wrong: str) -> None:
        if wrong:
            log.warning("the monitor at %s was not pinged: %s", self._host, wrong)

    def _send(self, session: transport.Session, word: str, body: bytes, seconds: float) -> str:
        """Send one ping; return what went wrong with it, empty if nothing did."""
        try:
            status = transport.post(session, self._url(word), body, transport.Bounds(seconds))
        except requests.Timeout:
            return _LATE
        except requests.exceptions.SSLError:
            return "its certificate cannot be verified"
        except requests.exceptions.ProxyError:
            return f"the proxy refuses it; {proxies.ADVICE}"
        except requests.RequestException:
            return "no connection"
        except Exception as error:  # noqa: BLE001 - a traceback is the last thing a ping is to leave
            return type(error).__name__
        finally:
            session.close()
        return _wrong_with(status)

    def _url(self, word: str) -> str:
        """Return the monitor's URL without a password, with a word at the end of its path."""
        path = self._parts.path
        if word:
            path = f"{path.rstrip('/')}/{word}"
        parts = self._parts
        return urlunsplit((parts.scheme, self._address, path, parts.query, ""))

    def _session(self) -> transport.Session:
        session = transport.Session()
        session.trust_env, session.verify = self._is_https, self._verify
        session.headers["User-Agent"] = f"xplenty-snapshotter/{__version__}"
        user, _, password = self._user_info.partition(":")
        # One that does nothing keeps `requests` from looking for a password in ~/.netrc.
        session.auth = HTTPBasicAuth(unquote(user), unquote(password)) if user else _unchanged
        return session


def shown_url(url: str) -> str:
    """Return a monitor's URL without what is secret of it: with its host only."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    return f"{parts.scheme}://{host}/***" if host else "***"


def _unchanged(request: Any) -> Any:
    return request


def _wrong_with(status: int) -> str:
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    if status < HTTPStatus.BAD_REQUEST:
        return f"it answered {status}, a redirect, which is not followed; name the URL behind it"
    return f"it answered {status}"


def _checked(url: str) -> SplitResult:
    wrong = UsageError(
        "--ping-url: not a URL that can be pinged; expected something like "
        "https://hc-ping.com/your-uuid"
    )
    if not url.isprintable() or " " in url:
        raise wrong
    try:
        parts = urlsplit(url)
        labels = (parts.hostname or "").removesuffix(".").split(".")
        is_name = all(0 < len(label) <= _LONGEST_LABEL for label in labels)
        if parts.scheme not in ("http", "https") or not is_name or parts.port == 0:
            raise wrong
        requests.PreparedRequest().prepare_url(url, None)
    except (ValueError, requests.RequestException):
        raise wrong from None
    return parts


def _secrets(url: str) -> set[str]:
    """Return the parts of the URL that are enough to ping by."""
    parts = urlsplit(url)
    password = parts.netloc.rpartition("@")[0].partition(":")[2]
    named = {url, password, unquote(password)}
    for segment in (*parts.path.split("/"), parts.query):
        if len(segment) >= _SHORTEST_SECRET:
            named |= {segment, unquote(segment)}
    return named
