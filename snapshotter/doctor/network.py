"""The way to the API: the proxy, the network, the certificate."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from snapshotter import logs
from snapshotter.api import probe, proxies
from snapshotter.api.proxies import Proxy
from snapshotter.doctor.report import Report
from snapshotter.errors import Failure, UsageError
from snapshotter.settings import API_URL_VARIABLE
from snapshotter.times import duration, stamp

_EXPIRES_SOON = timedelta(days=14)
_TUNNELS = "http"  # the only kind of proxy whose tunnel is tried


class Way(NamedTuple):
    """How requests reach the API: by a proxy, or directly."""

    proxy: Proxy | None


def proxy(report: Report, url: str, seconds: float) -> Way:
    """Check the proxy that requests to a URL go by. Raises `UsageError` or `Failure`."""
    if not is_https(url):
        report.ok("none; requests over plain http go by no proxy")
        return Way(None)
    for secret in proxies.check(url):
        logs.learn(secret)
    chosen = proxies.chosen(url)
    if chosen is None:
        report.ok("none; no variable names one for this URL")
        return Way(None)
    named = f"{chosen.shown}, from {chosen.variable}"
    try:
        reached = _try(chosen, url, seconds)
    except (UsageError, Failure) as error:
        raise type(error)(f"{named}: {error}") from None
    report.ok(f"{named}; {reached}")
    return Way(chosen)


def _try(chosen: Proxy, url: str, seconds: float) -> str:
    if chosen.scheme == _TUNNELS:
        to = probe.target(url)
        probe.tunnel(to, chosen, seconds)
        return f"it connects to {to}"
    probe.connect(probe.Target(chosen.host, chosen.port), seconds)
    return "it accepts connections"


def network(report: Report, url: str, way: Way | None, seconds: float) -> Way | None:
    """Check that the API's host can be reached; return how, None if it cannot."""
    if way is None or way.proxy is not None:
        report.skip("requests go by the proxy" if way else "the proxy does not work")
        return way
    to = probe.target(url)
    try:
        found = probe.addresses(to)
        probe.connect(to, seconds)
    except Failure as error:
        report.fail(
            str(error),
            f"check {API_URL_VARIABLE}, this host's name server and its firewall; a network that "
            "needs a proxy names it in HTTPS_PROXY",
        )
        return None
    addresses = f"{len(found)} {'address' if len(found) == 1 else 'addresses'}"
    report.ok(f"{to} accepts connections ({addresses})")
    return way


def certificate(report: Report, url: str, way: Way | None, seconds: float) -> Way | None:
    """Check the certificate of the API's host, or of a proxy on the way that opens connections.

    Return the way if nothing on it is wrong. Raises `UsageError` or `Failure`.
    """
    if way is None or not is_https(url):
        report.skip("plain http has none" if way else "there is no connection")
        return way
    if way.proxy is not None and way.proxy.scheme != _TUNNELS:
        report.skip(f"not looked at through a proxy of the kind {way.proxy.scheme}")
        return way
    found = probe.certificate(probe.target(url), way.proxy, seconds)
    left = found.expires_at - datetime.now(UTC)
    what = (
        f"issued by {found.issuer}, valid until {stamp(found.expires_at)} "
        f"({duration(left.total_seconds())}), checked against {str(found.bundle)!r}"
    )
    if left < _EXPIRES_SOON:
        report.warn(what, "whoever runs that server has to renew it; until then runs work")
    else:
        report.ok(what)
    return way


def is_https(url: str) -> bool:
    return url.startswith("https:")
