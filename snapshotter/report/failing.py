"""Findings about packages that fail: each of the last runs, or more often than others."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from snapshotter.report.evidence import chance_of_share, failure_rate
from snapshotter.report.policy import FAILING_NOW, OFTEN_FAILING, Facts, Finding, Subject
from snapshotter.report.rows import Key, Row, Trends, by_package, key_of
from snapshotter.report.words import cause, day, share

_MIN_STREAK = 2
_MIN_FAILURES, _MIN_RATE = 3, 0.05
_KNOWN = 200  # runs of other packages; what is missing of them is taken to fail as usual


class Count(NamedTuple):
    """How many runs failed, and of how many that were not stopped."""

    failed: int
    runs: int


def failing(trends: Trends, facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each package that fails now, or often.

    It fails now if its last runs all failed, more of them than its usual failures explain,
    and often if the failures of the other packages do not explain its own.
    """
    counts = failures(trends.get("failures_by_day", ()))
    streaks = {key_of(row): row for row in trends.get("recovery", ()) if row["failing_runs"]}
    jobs = by_package(trends.get("last_failures", ()))
    reasons = _main_reasons(trends.get("package_failure_reasons", ()))
    total = Count(
        sum(each.failed for each in counts.values()), sum(c.runs for c in counts.values())
    )
    for key, count in counts.items():
        others = failure_rate(total.failed - count.failed, total.runs - count.runs)
        streak = streaks.get(key)
        if streak is not None and (needed := _needed(streak, count, others, facts.chance)):
            yield _failing_now(streak, jobs.get(key, ()), needed, facts)
        elif _is_often(count, total, facts.chance):
            subject = Subject(account_id=key[0], package_id=key[1])
            hours = _hours(key, count.failed - count.runs * others, count.failed, facts)
            reason = _summarized(reasons.get(key), jobs.get(key, ()))
            yield OFTEN_FAILING.finding(
                _of_often(count, facts.names[key], reason), hours, **subject
            )


def failures(rows: Iterable[Row]) -> dict[Key, Count]:
    counted: dict[Key, Count] = {}
    for row in rows:
        failed, runs = counted.get(key_of(row), (0, 0))
        counted[key_of(row)] = Count(failed + row["failed"], runs + row["runs"] - row["stopped"])
    return counted


def _needed(streak: Row, count: Count, others: float, chance: float) -> int | None:
    """Return how many failures in a row are evidence, or None if there are fewer."""
    length = streak["failing_runs"]
    failed, runs = max(0, count.failed - length), max(0, count.runs - length)
    # What is known of the package's own rate apart from the streak, beside that of the others.
    rate = max(others, failure_rate(failed, runs))
    return next((n for n in range(_MIN_STREAK, length + 1) if rate**n <= chance), None)


def _is_often(count: Count, total: Count, chance: float) -> bool:
    failed, runs = count
    missing = max(0, _KNOWN - (total.runs - runs))
    assumed = round(missing * failure_rate(0, 0))
    return (
        failed >= _MIN_FAILURES
        and failed / runs >= _MIN_RATE
        and chance_of_share(failed, runs, total.failed + assumed, total.runs + missing) <= chance
    )


def _failing_now(streak: Row, jobs: Sequence[Row], needed: int, facts: Facts) -> Finding:
    """Return the finding. `jobs` are the package's last failures, the latest first."""
    key, length = key_of(streak), streak["failing_runs"]
    last = jobs[0] if jobs else None
    since = f", since {day(streak['failing_since'])}" if streak["failing_since"] else ""
    reason = cause(last["reason"], last.get("summary")) if last else ""
    why = f"; the last one: {reason}" if reason else ""
    place = length - needed  # of the job that made it evidence, counted from the latest
    found_from = jobs[place]["finished_at"] if place < len(jobs) else None
    return FAILING_NOW.finding(
        f"{facts.names[key]} failed each of its last {length:,} runs{since}{why}.",
        _hours(key, length, length, facts),
        since=streak["failing_since"],
        found_from=found_from,
        **facts.about(streak, last["job_id"] if last else None),
    )


def _hours(key: Key, lost: float, failed: int, facts: Facts) -> float:
    """Return the hours of runs that are lost, and those that the failed runs burnt of them."""
    return facts.lost(key, lost) + facts.burnt.get(key, 0) * min(1, lost / max(1, failed))


def _of_often(count: Count, name: str, reason: str | None) -> str:
    why = f"; most often: {reason}" if reason else ""
    rate = share(count.failed / count.runs)
    return f"{name} failed {count.failed:,} of {count.runs:,} runs ({rate}){why}."


def _main_reasons(rows: Iterable[Row]) -> dict[Key, str | None]:
    """Return the most frequent reason of each package, which is the first of its rows."""
    reasons: dict[Key, str | None] = {}
    for row in rows:
        reasons.setdefault(key_of(row), row["reason"])
    return reasons


def _summarized(reason: str | None, jobs: Sequence[Row]) -> str:
    """Return a reason with the summary of the latest job that failed for it and has one."""
    summaries = (job.get("summary") for job in jobs if job["reason"] == reason)
    return cause(reason, next(filter(None, summaries), None))
