"""Change-point detection: the day that best separates a package's slow runs from its fast ones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from statistics import median
from typing import Any

from snapshotter.report.rows import Row

MIN_DAYS = 5  # on either side
MIN_RATIO, MIN_DEVIATIONS = 1.5, 3  # as in sql/runtime_regressions.sql


def slowdowns(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the packages that take longer since some day, the greatest slowdown first.

    `rows` are those of `runtime_by_day`, in order; what is compared are the medians of each day.
    """
    packages: dict[tuple[str | None, int | None], list[Row]] = defaultdict(list)
    for row in rows:
        if row["day"] is not None and row["p50_seconds"] is not None:
            packages[row["account_id"], row["package_id"]].append(row)
    found = [
        {
            "account_id": account,
            "package_id": package,
            "package_name": days[-1]["package_name"],
            **slowdown,
        }
        for (account, package), days in packages.items()
        if package is not None
        and (slowdown := _slowdown([(row["day"], row["p50_seconds"]) for row in days])) is not None
    ]
    return sorted(found, key=lambda slowdown: -slowdown["ratio"])


def _slowdown(days: list[tuple[date, float]]) -> dict[str, Any] | None:
    """Return what changed on the change point, or None if that is not a slowdown."""
    if len(days) < 2 * MIN_DAYS:
        return None
    seconds = [value for _, value in days]
    at = _change_point(seconds)
    before, after = seconds[:at], seconds[at:]
    then, now = median(before), median(after)
    scatter = median(abs(value - then) for value in before)
    usual_high = sorted(before)[9 * (len(before) - 1) // 10]
    if not then or now < MIN_RATIO * then or now - then < MIN_DEVIATIONS * scatter:
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


def _change_point(values: list[float]) -> int:
    """Return the index that splits the values into two parts with the least variance within them.

    That is the split with the greatest variance between the parts. A few outliers do not count.
    """
    splits = range(MIN_DAYS, len(values) - MIN_DAYS + 1)
    separations = dict(zip(splits, _separations(_clipped(values), splits), strict=True))
    return max(splits, key=separations.__getitem__)


def _clipped(values: list[float]) -> list[float]:
    """Return the values, with the highest and the lowest 5 % cut down to the next ones."""
    order = sorted(values)
    edge = max(1, len(values) // 20)
    least, most = order[edge], order[-1 - edge]
    return [min(max(value, least), most) for value in values]


def _separations(values: list[float], splits: range) -> Iterator[float]:
    """Yield how far apart the means of the two parts are at each split, by the parts' sizes."""
    whole, before = sum(values), sum(values[: splits.start - 1])
    for split in splits:
        before += values[split - 1]
        rest = len(values) - split
        yield (before / split - (whole - before) / rest) ** 2 * split * rest
