"""The freshness of the accounts as metrics, in the format that Prometheus' node exporter reads.

It has a bounded number of series for each account, and none for a job. Times are timestamps, not
ages, which a file that is not rewritten would keep. An account without a complete run has the
timestamp 0, so that a rule on its age applies to it, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from snapshotter import __version__
from snapshotter.errors import UsageError
from snapshotter.files import opened, write_text
from snapshotter.printable import printable
from snapshotter.sync.status import Freshness

SUFFIX = ".prom"  # node exporter reads no other files of its folder
RUN_STATUSES = ("completed", "failed", "partial")

_MODE = 0o644  # the collector runs as another user; the file holds names and counts

_LAST_RUN = (
    ("jobs_seen", "jobs_seen", "Distinct jobs that the API returned to the last run."),
    ("jobs_new", "jobs_inserted", "Jobs that were new to the last run."),
    ("jobs_changed", "jobs_changed", "Jobs whose rows the last run changed."),
    ("jobs_rejected", "jobs_rejected", "Records that were set aside when the last run ended."),
    ("requests", "requests", "Requests that the last run sent, including retries."),
    ("credits_spent", "credits_spent", "Credits that the last run spent."),
    ("credits_remaining", "credits_remaining", "Credits left of the hour when the last run ended."),
)


class _Sample(NamedTuple):
    labels: tuple[str, ...]
    value: float | None


def require_suffix(target: Path) -> None:
    """Raise `UsageError` for a name that node exporter passes over."""
    if target.suffix != SUFFIX:
        raise UsageError(
            f"cannot write {str(target)!r}: node exporter reads only files that end in {SUFFIX}"
        )


def write(
    target: Path,
    found: Sequence[Freshness] | None,
    revision: str | None = None,
    database: Path | None = None,
) -> None:
    """Write the file, readable by everybody if it is new; see `files.opened` for what it raises.

    `found` is None if the database could not be read. `database`: the file of a SQLite database.
    """
    require_suffix(target)
    text = rendered(found, revision)
    with opened(target, database, new_mode=_MODE) as file:
        write_text(file, text)


def rendered(found: Sequence[Freshness] | None, revision: str | None) -> str:
    """Return the text of the file; `found` is None if the database could not be read."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected([*_of_the_tool(found, revision), *_of_accounts(found or ())]))
    return generate_latest(registry).decode()


class _Collected(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _of_the_tool(found: object, revision: str | None) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "snapshotter_build", "The version that wrote this file.", {"version": __version__}
    )
    yield GaugeMetricFamily(
        "snapshotter_database_up",
        "Whether the database could be read; if not, there are no series of accounts.",
        float(found is not None),
    )
    if revision is not None:
        yield InfoMetricFamily(
            "snapshotter_schema", "The revision of the schema.", {"revision": revision}
        )


def _of_accounts(found: Sequence[Freshness]) -> Iterator[Metric]:
    """Yield what is known about each account; a value that is not known has no series."""
    for name, words, values in _per_account(found):
        yield _gauge(name, words, (_Sample((account,), value) for account, value in values.items()))
    yield _gauge(
        "snapshotter_last_run_status",
        "1 for the status that the last finished run ended with, else 0.",
        (
            _Sample((each.account_id, status), float(run["status"] == status))
            for each, run in _last_runs(found)
            for status in RUN_STATUSES
        ),
        labels=("account", "status"),
    )


_Values = dict[str, float | None]


def _per_account(found: Sequence[Freshness]) -> Iterator[tuple[str, str, _Values]]:
    yield (
        "snapshotter_last_complete_run_timestamp_seconds",
        "When the last run that read the whole list began, by this host's clock; 0 before it.",
        {each.account_id: _timestamp(each.fresh_at) or 0 for each in found},
    )
    yield (
        "snapshotter_watermark_timestamp_seconds",
        "The API's time up to which all changes are stored; 0 before the first complete run.",
        {each.account_id: _timestamp(each.watermark) or 0 for each in found},
    )
    yield (
        "snapshotter_jobs",
        "Jobs stored that the API still has.",
        {each.account_id: each.jobs for each in found},
    )
    yield (
        "snapshotter_open_jobs",
        "Jobs stored that have not ended.",
        {each.account_id: each.open_jobs for each in found},
    )
    yield (
        "snapshotter_rejected_records",
        "Records that are set aside.",
        {each.account_id: each.rejected for each in found},
    )
    yield (
        "snapshotter_listing_in_progress",
        "Whether a run stopped within the list, which the next one continues.",
        {each.account_id: float(each.listing is not None) for each in found},
    )
    yield (
        "snapshotter_failed_runs_in_a_row",
        "Runs that failed since one ended otherwise.",
        {each.account_id: each.failed_in_a_row for each in found},
    )
    yield from _per_last_run(found)


def _per_last_run(found: Sequence[Freshness]) -> Iterator[tuple[str, str, _Values]]:
    last = {each.account_id: run for each, run in _last_runs(found)}
    yield (
        "snapshotter_last_run_timestamp_seconds",
        "When the last finished run began, by this host's clock.",
        {account: _timestamp(run["started_at"]) for account, run in last.items()},
    )
    yield (
        "snapshotter_last_run_duration_seconds",
        "How long the last finished run took.",
        {account: _seconds(run) for account, run in last.items()},
    )
    for name, column, words in _LAST_RUN:
        yield (
            f"snapshotter_last_run_{name}",
            words,
            {account: run[column] for account, run in last.items()},
        )


def _last_runs(found: Iterable[Freshness]) -> Iterator[tuple[Freshness, dict[str, Any]]]:
    """Yield each account's newest run that is not under way."""
    for each in found:
        run = next((run for run in each.runs if run["status"] != "running"), None)
        if run is not None:
            yield each, run


def _gauge(
    name: str, words: str, samples: Iterable[_Sample], *, labels: tuple[str, ...] = ("account",)
) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for each in samples:
        if each.value is not None:
            family.add_metric([*map(printable, each.labels)], each.value)
    return family


def _timestamp(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _seconds(run: dict[str, Any]) -> float | None:
    """Return how long a run took; None if it was killed, so that its end is not known."""
    if run["finished_at"] is None:
        return None
    seconds: float = (run["finished_at"] - run["started_at"]).total_seconds()
    return max(0.0, seconds)
