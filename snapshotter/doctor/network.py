"""The way to the API: the proxy, the network, the certificate."""

from datetime import UTC, datetime, timedelta

from snapshotter.api import probe, proxies
from snapshotter.api.proxies import Proxy
from snapshotter.doctor.report import Report
from snapshotter.settings import API_URL_VARIABLE
from snapshotter.texts import counted
from snapshotter.times import duration, stamp

_EXPIRES_SOON = timedelta(days=14)
_TUNNELS = "http"  # the only kind of proxy whose tunnel is tried


def proxy(report: Report, url: str, seconds: float) -> Proxy | None:
    """Check the proxy that requests to a URL go by; return it, None if there is none."""
    if not is_https(url):
        report.ok("none; requests over plain http go by no proxy")
        return None
    chosen = proxies.chosen(url)
    if chosen is None:
        report.ok("none; no variable names one for this URL")
        return None
    named = f"{chosen.shown}, from {chosen.variable}"
    to = probe.target(url)
    try:
        if chosen.scheme == _TUNNELS:
            probe.tunnel(to, chosen, seconds)
        else:
            probe.connect(probe.Target(chosen.host, chosen.port), seconds)
    except Exception as error:
        # Raised, so that what goes by it is skipped.
        raise type(error)(f"{named}: {error}") from None
    reached = f"it connects to {to}" if chosen.scheme == _TUNNELS else "it accepts connections"
    report.ok(f"{named}; {reached}")
    return chosen


def network(report: Report, url: str, seconds: float) -> bool:
    """Check that the API's host can be reached without a proxy; return whether it can."""
    to = probe.target(url)
    try:
        found = probe.addresses(to)
        probe.connect(to, seconds)
    except probe.Failure as error:
        report.fail(
            str(error),
            f"check {API_URL_VARIABLE}, this host's name server and its firewall; a network that "
            "needs a proxy names it in HTTPS_PROXY",
        )
        return False
    report.ok(f"{to} accepts connections ({counted(len(found), 'address')})")
    return True


def certificate(report: Report, url: str, proxy_: Proxy | None, seconds: float) -> None:
    """Check the certificate of the API's host, or of a proxy on the way that opens connections."""
    if not is_https(url):
        report.skip("plain http has none")
        return
    if proxy_ is not None and proxy_.scheme != _TUNNELS:
        report.skip(f"not looked at through a proxy of the kind {proxy_.scheme}")
        return
    found = probe.certificate(probe.target(url), proxy_, seconds)
    left = found.expires_at - datetime.now(UTC)
    what = (
        f"issued by {found.issuer}, valid until {stamp(found.expires_at)} "
        f"({duration(left.total_seconds())}), checked against {str(found.bundle)!r}"
    )
    if left < _EXPIRES_SOON:
        report.warn(what, "whoever runs that server has to renew it; until then runs work")
    else:
        report.ok(what)


def is_https(url: str) -> bool:
    return url.startswith("https:")
