"""Since when a package has been slower: the day that parts its days best."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from statistics import median
from typing import Any

LEAST_DAYS = 5  # on either side
LEAST_RATIO, LEAST_DEVIATIONS = 1.5, 3  # as in runtime_regressions


def runtime_steps(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the packages that take longer since some day of the period, the most so first.

    `rows` are those of `runtime_by_day`, in order; the values compared are its medians of a day.
    """
    packages: dict[int | None, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["day"] is not None and row["p50_seconds"] is not None:
            packages[row["package_id"]].append(row)
    found = [
        {
            "package_id": package,
            "package_name": days[-1]["package_name"],
            **step,
        }
        for package, days in packages.items()
        if package is not None
        and (step := _step([(row["day"], row["p50_seconds"]) for row in days])) is not None
    ]
    return sorted(found, key=lambda step: -step["ratio"])


def _step(days: list[tuple[date, float]]) -> dict[str, Any] | None:
    if len(days) < 2 * LEAST_DAYS:
        return None
    seconds = [value for _, value in days]
    at = _parting(seconds)
    before, after = seconds[:at], seconds[at:]
    then, now = median(before), median(after)
    scatter = median(abs(value - then) for value in before)
    usual_high = sorted(before)[9 * (len(before) - 1) // 10]
    if not then or now < LEAST_RATIO * then or now - then < LEAST_DEVIATIONS * scatter:
        return None
    if now <= usual_high:
        return None
    return {
        "since": days[at][0],
        "ratio": round(now / then, 6),
        "p50_seconds": now,
        "before_seconds": then,
        "days": len(after),
        "before_days": len(before),
    }


def _parting(values: list[float]) -> int:
    """Give the place that leaves the least variance on its sides; a few freak days do not count."""
    order = sorted(values)
    edge = max(1, len(values) // 20)
    least, most = order[edge], order[-1 - edge]
    clipped = [min(max(value, least), most) for value in values]
    whole, before = sum(clipped), 0.0
    best, at = -1.0, LEAST_DAYS
    for place, value in enumerate(clipped[: len(values) - LEAST_DAYS], 1):
        before += value
        if place < LEAST_DAYS:
            continue
        rest = len(values) - place
        apart = (before / place - (whole - before) / rest) ** 2 * place * rest
        if apart > best:
            best, at = apart, place
    return at
