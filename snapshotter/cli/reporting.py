"""How `sync` reports to programs: one object of JSON on standard output, and pings of a monitor."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from snapshotter import logs
from snapshotter.cli.endings import ending
from snapshotter.cli.streams import OutputLost
from snapshotter.errors import Busy, Interrupted, worst

if TYPE_CHECKING:
    from snapshotter.api.ping import Monitor
    from snapshotter.store.ledger import Outcome
    from snapshotter.sync.several import Attempt

_STATUSES = {0: "completed", 65: "completed", 75: "partial"}
_COUNTS = (
    *("requests", "credits_spent", "credits_remaining", "pages", "jobs_seen", "jobs_inserted"),
    *("jobs_changed", "jobs_unchanged", "jobs_gone", "jobs_rejected", "log_summaries"),
)


class Reports(NamedTuple):
    """To whom a command reports: `ping_url` is that of a monitor, empty for none."""

    is_json: bool = False
    ping_url: str = ""


@contextmanager
def reported(reports: Reports, attempts: Sequence["Attempt"]) -> Iterator[None]:
    """Report how the block ends, whatever it raises; `attempts` are filled in it."""
    began = time.monotonic()
    monitor: Monitor | None = None
    try:
        monitor = _started(reports.ping_url)
        yield
        if reports.is_json:
            _print(_document(attempts, 0, "", time.monotonic() - began))
    except BaseException as error:
        code, message = ending(error)
        if reports.is_json and not isinstance(error, OutputLost):
            _print_if_possible(_document(attempts, code, message, time.monotonic() - began))
        if monitor is not None:
            _ping(monitor, error, attempts)
        raise
    if monitor is not None:
        monitor.end(0, "\n".join(_summary(each) for each in attempts))


def _started(ping_url: str) -> "Monitor | None":
    """Return the monitor, which is pinged that the command begins; None if there is none."""
    if not ping_url:
        return None
    from snapshotter.api.ping import Monitor

    monitor = Monitor(ping_url)
    monitor.start()
    return monitor


def _ping(monitor: "Monitor", error: BaseException, attempts: Sequence["Attempt"]) -> None:
    """Ping how the command failed.

    An account that another run reads is that run's to report: if there is nothing else, none is.
    """
    from snapshotter.api.ping import SECONDS, SECONDS_OF_AN_INTERRUPTED

    code, message = ending(error)
    others = [each for each in attempts if not isinstance(each.error, Busy)]
    if len(others) < len(attempts):
        if not others:
            return
        code = worst(each.exit_code for each in others)
    is_urgent = isinstance(error, Interrupted)
    monitor.end(code, message, SECONDS_OF_AN_INTERRUPTED if is_urgent else SECONDS)


def _summary(attempt: "Attempt") -> str:
    return f"{attempt.account_id}: {attempt.summary}"


def _document(
    attempts: Sequence["Attempt"], code: int, message: str, seconds: float
) -> dict[str, Any]:
    return {
        "status": _STATUSES.get(code, "failed"),
        "exit_code": code,
        "message": _text(message),
        "seconds": round(seconds, 3),
        "accounts": [_of_account(attempt) for attempt in attempts],
    }


def _of_account(attempt: "Attempt") -> dict[str, Any]:
    outcome = attempt.outcome
    counts: dict[str, Any] = {}
    if outcome is not None:
        counts = {**outcome.counts(), **_not_stored(outcome)}
    status = _STATUSES.get(attempt.exit_code, "failed")
    return {
        "account": logs.masked(attempt.account_id),
        "status": status if attempt.has_begun else "not_started",
        "exit_code": attempt.exit_code if attempt.has_begun or attempt.error else None,
        "message": _text(attempt.message),
        "run": None if outcome is None else outcome.snapshot_id,
        "kind": None if outcome is None else outcome.kind,
        "seconds": round(attempt.seconds, 3),
        **{name: counts.get(name) for name in _COUNTS},
    }


def _not_stored(outcome: "Outcome") -> dict[str, int]:
    """Return the counts that have no column in `snapshots`."""
    return {"jobs_gone": outcome.gone, "log_summaries": outcome.summaries}


def _text(message: str) -> str | None:
    return logs.masked(" ".join(message.split())) or None


def _print(document: dict[str, Any]) -> None:
    """Print an object; its texts are masked already, and its numbers must not be."""
    with logs.aside():
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()


def _print_if_possible(document: dict[str, Any]) -> None:
    try:
        _print(document)
    except OutputLost:
        return
