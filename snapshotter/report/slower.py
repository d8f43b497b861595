"""Findings about packages that take longer than before."""

from collections.abc import Iterator, Sequence
from datetime import date

from snapshotter.report.evidence import chance_higher
from snapshotter.report.policy import SLOWER, Facts, Finding
from snapshotter.report.rows import Row, Trends, by_package, key_of
from snapshotter.report.words import day
from snapshotter.times import duration

_MIN_DAYS = 5  # on either side of a step, as its trend has it


def slower(trends: Trends, facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each package whose runs are so much slower that noise is ruled out."""
    runs = by_package(trends.get("compared_runs", ()))
    steps = {
        key_of(row): row
        for row in trends.get("runtime_steps", ())
        if _is_step(facts.days.get(key_of(row), ()), row["since"], facts.chance)
    }
    for row in trends.get("runtime_regressions", ()):
        key = key_of(row)
        if key in steps or _are_slower(runs.get(key, ()), facts.chance):
            steps.pop(key, None)
            yield _finding(row, facts, _of_regression(row, facts.names[key]))
    for key, row in steps.items():
        yield _finding(row, facts, _of_step(row, facts.names[key]))


def _finding(row: Row, facts: Facts, text: str) -> Finding:
    """Return the finding. It costs what the runs since then took longer."""
    now, before = (
        row[step] if step in row else row[regression]
        for step, regression in (("p50_seconds", "recent_p50"), ("before_seconds", "baseline_p50"))
    )
    hours = float(now - before) * facts.runs_since(key_of(row), row["since"]) / 3600
    return SLOWER.finding(text, hours, since=row["since"], **facts.about(row))


def _are_slower(runs: Sequence[Row], chance: float) -> bool:
    """Return whether the recent runs are among the slowest of the compared ones."""
    recent = [row["seconds"] for row in runs if row["is_recent"]]
    before = [row["seconds"] for row in runs if not row["is_recent"]]
    return chance_higher(recent, before) <= chance


def _is_step(days: Sequence[Row], first: date, chance: float) -> bool:
    """Return whether the days since the first one are among the slowest.

    It was chosen as the day that separates them best, so each that could be counts as a try.
    """
    tries = max(1, len(days) - 2 * _MIN_DAYS + 1)
    after = [float(row["p50_seconds"]) for row in days if row["day"] >= first]
    before = [float(row["p50_seconds"]) for row in days if row["day"] < first]
    return chance_higher(after, before) * tries <= chance


def _of_regression(row: Row, name: str) -> str:
    ratio = row["ratio"]
    times = "much longer than before" if ratio is None else f"{ratio:.1f} times as long"
    since = f" since {day(row['since'])}" if row["since"] else ""
    edited = "; the package was edited in between" if row["edited"] else ""
    return (
        f"{name} takes {times}{since} (median {duration(row['recent_p50'])}, before "
        f"{duration(row['baseline_p50'])} over {row['baseline_runs']} runs){edited}."
    )


def _of_step(row: Row, name: str) -> str:
    return (
        f"{name} takes {row['ratio']:.1f} times as long since {day(row['since'])} (median "
        f"{duration(row['p50_seconds'])}, before {duration(row['before_seconds'])} over "
        f"{row['before_days']} days with runs)."
    )
