"""Looks at the way to the API step by step: name, connection, proxy, certificate, a free request.

A run needs none of this. It is for finding out which step fails: each raises `UsageError` for what
a person has to correct, `Failure` for what the network or the server does.
"""

import base64
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from snapshotter.api import certificates, decoding, proxies, transport, verdict
from snapshotter.api.client import credits_in, opened
from snapshotter.api.proxies import Proxy
from snapshotter.errors import BadAnswer, Failure, SnapshotterError, UsageError
from snapshotter.printable import printable
from snapshotter.settings import Service

_PORTS = {"http": 80, "https": 443}


class Target(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Certificate:
    """What a server has shown, and the file or folder of the authorities that are trusted."""

    expires_at: datetime
    issuer: str
    bundle: Path


@dataclass(frozen=True)
class Answer:
    """What the API answered to the free request. Times are UTC.

    `error`: what is wrong with it; None if nothing is. `came_at`: when it came, by this host's
    clock; None without an answer. `server_clock` is its `Date`.
    """

    error: SnapshotterError | None = None
    came_at: datetime | None = None
    server_clock: datetime | None = None
    limit: int | None = None
    remaining: int | None = None


def target(url: str) -> Target:
    parts = urlsplit(url)
    return Target(parts.hostname or "", parts.port or _PORTS[parts.scheme])


def addresses(to: Target) -> list[str]:
    """Return the addresses that a name resolves to."""
    try:
        to.host.encode("idna")
        found = socket.getaddrinfo(to.host, to.port, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Failure(f"cannot resolve the name {to.host!r} ({_reason(error)})") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def connect(to: Target, seconds: float) -> None:
    """Open a connection and close it again."""
    try:
        socket.create_connection(to, seconds).close()
    except (OSError, UnicodeError) as error:
        raise Failure(f"no connection to {to} ({_reason(error, seconds)})") from None


def certificate(to: Target, proxy: Proxy | None, seconds: float) -> Certificate:
    """Return the certificate of a server that is trusted, by the proxy if there is one."""
    bundle = certificates.bundle()
    context = (
        ssl.create_default_context(capath=str(bundle))
        if bundle.is_dir()
        else ssl.create_default_context(cafile=str(bundle))
    )
    try:
        with (
            _opened(to, proxy, seconds) as plain,
            context.wrap_socket(plain, server_hostname=to.host) as connection,
        ):
            found: dict[str, Any] = connection.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        raise UsageError(verdict.untrusted(error)) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Failure(f"no TLS with {to} ({_reason(error, seconds)})") from None
    expires_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), UTC)
    return Certificate(expires_at, _issuer(found), bundle)


def tunnel(to: Target, proxy: Proxy, seconds: float) -> None:
    """Let the proxy connect to the server."""
    try:
        with _opened(to, proxy, seconds):
            return
    except http.client.HTTPException as error:
        raise Failure(f"the proxy's answer is not HTTP ({_reason(error)})") from None
    except (OSError, ValueError) as error:
        words = _reason(error, seconds)
        if words.startswith("Tunnel connection failed: "):
            came = f"the proxy refuses to connect ({words.rpartition(': ')[2]})"
            raise UsageError(f"{came}; {proxies.ADVICE}") from None
        raise Failure(f"no connection to {to} by the proxy ({words})") from None


def ask(service: Service, seconds: float) -> Answer:
    """Ask for the credits, once. Raises `UsageError` if a setting forbids to ask at all."""
    session, mask = opened(service)
    base = f"{service.api_url}/{service.account_id}/api/"
    asked = f"GET {base}rate_limit_status"
    question = verdict.Question(asked, mask, key_source=service.key.source)
    with session:
        try:
            response, body = transport.get(
                session, f"{base}rate_limit_status", {}, transport.Bounds(seconds)
            )
        except requests.RequestException as fault:
            return Answer(verdict.judge_fault(fault, question).error)
    times = datetime.now(UTC), verdict.date(response.headers.get("Date"))
    error = verdict.judge(response, body, question).error
    if error is not None:
        return Answer(error, *times)
    try:
        budget = decoding.budget(response, body)
    except BadAnswer as fault:
        wrong = Failure(f"{question.asked}: {mask(str(fault))}")
        return Answer(wrong, *times)
    left = credits_in(budget.limit), credits_in(budget.remaining)
    return Answer(None, *times, *left)


@contextmanager
def _opened(to: Target, proxy: Proxy | None, seconds: float) -> Iterator[socket.socket]:
    """Open a connection to the server, by the proxy if there is one."""
    if proxy is None:
        with socket.create_connection(to, seconds) as connection:
            yield connection
        return
    user = base64.b64encode(proxy.credentials.encode("latin-1")).decode()
    by = http.client.HTTPConnection(proxy.host, proxy.port, timeout=seconds)
    by.set_tunnel(*to, {"Proxy-Authorization": f"Basic {user}"} if proxy.credentials else {})
    try:
        by.connect()
        yield by.sock
    finally:
        by.close()


def _issuer(found: dict[str, Any]) -> str:
    names = {name: value for part in found.get("issuer", ()) for name, value in part}
    issuer = names.get("organizationName") or names.get("commonName") or "an unnamed authority"
    return printable(str(issuer))


def _reason(error: Exception, seconds: float | None = None) -> str:
    """Return on one line why a step failed."""
    if isinstance(error, TimeoutError) and seconds is not None:
        return f"no answer within {seconds:g} s"
    words = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return printable(" ".join(str(words).split())[:200]) or type(error).__name__
