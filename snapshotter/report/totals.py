"""The values of the report's tiles."""

from collections.abc import Iterable

from snapshotter.report.rows import Row, Trends, key_of

# The trends that the values are summed from.
SUMMED = ("failures_by_day", "slowest_packages", "records_by_day", "node_hours_by_week")
TILES = ("runs", "failed", "hours", "records", "nodes", "packages")


def totals(trends: Trends) -> dict[str, float]:
    """Return the value of each tile, by its key; `packages` are those with runs that ended."""
    ended = trends["failures_by_day"]
    return {
        "runs": _sum(ended, "runs"),
        "failed": _sum(ended, "failed"),
        "hours": _sum(trends["slowest_packages"], "total_seconds") / 3600,
        "records": _sum(trends["records_by_day"], "records"),
        "nodes": _sum(trends["node_hours_by_week"], "node_hours"),
        "packages": len({key_of(row) for row in ended}),
    }


def _sum(rows: Iterable[Row], column: str) -> float:
    return float(sum(row[column] or 0 for row in rows))
