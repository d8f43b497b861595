"""What the report's charts draw: the trends' rows as columns for each package, made compact.

Days count from the first of the period, each as the steps since the one before it: a year of days
of 500 packages is then a few megabytes of JSON.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from snapshotter.report.findings import Row, Trends, is_odd, names

TOP = 8  # lines that a chart of all packages shows
REASONS = 12


def charts(trends: Trends, first: date, last: date) -> dict[str, Any]:
    """Give all that the charts need, for `json.dumps`; the lists go by the place in `packages`."""
    called = names(trends)
    order = sorted(called, key=lambda package: (called[package].casefold(), package or 0))
    place = {package: index for index, package in enumerate(order)}
    steps = _Steps(first)
    slower = [
        *trends.get("runtime_steps", ()),
        *(row for row in trends.get("runtime_regressions", ()) if row["since"]),
    ]
    slowest = trends.get("slowest_packages", ())
    top = list(dict.fromkeys(row["package_id"] for row in (*slower, *slowest)))[:TOP]
    weeks = sorted({row["week"] for row in trends.get("node_hours_by_week", ()) if row["week"]})
    return {
        "start": first.isoformat(),
        "days": (last - first).days + 1,
        "packages": [{"id": package, "name": called[package]} for package in order],
        "top": [place[package] for package in top],
        "totals": _totals(trends, place),
        "slower": {place[row["package_id"]]: f"{row['since']:%Y-%m-%d}" for row in slower},
        "runtime": _by_package(place, trends.get("runtime_by_day", ()), steps.runtime),
        "failures": _by_package(place, trends.get("failures_by_day", ()), steps.failures),
        "records": _records(place, trends.get("records_by_day", ()), steps),
        "reasons": _reasons(trends.get("package_failure_reasons", ()), place),
        "all_reasons": _counts(trends.get("failure_reasons", ())),
        "waits": steps.waits(trends.get("queue_wait_by_day", ())),
        "peaks": steps.peaks(trends.get("concurrency", ())),
        "weeks": [week.isoformat() for week in weeks],
        "node_hours": _node_hours(trends.get("node_hours_by_week", ()), place, weeks),
    }


class _Steps:
    """Columns of a package's rows, the first that of the days."""

    def __init__(self, first: date) -> None:
        self.first = first

    def of(self, rows: Iterable[Row]) -> tuple[list[Row], list[int]]:
        """Give the rows that have a day, and each day as steps from the one before."""
        dated = [row for row in rows if row["day"] is not None and row["day"] >= self.first]
        at, steps = self.first, []
        for row in dated:
            steps.append((row["day"] - at).days)
            at = row["day"]
        return dated, steps

    def columns(self, rows: Iterable[Row], *names: str) -> list[list[Any]]:
        dated, steps = self.of(rows)
        return [steps, *([_rounded(row[name]) for row in dated] for name in names)]

    def runtime(self, rows: list[Row]) -> Any:
        return self.columns(rows, "p50_seconds", "p95_seconds", "runs")

    def failures(self, rows: list[Row]) -> Any:
        return self.columns(rows, "runs", "failed", "stopped")

    def waits(self, rows: Iterable[Row]) -> Any:
        return self.columns(
            rows,
            *("cluster_p50_seconds", "queue_p50_seconds", "p50_seconds", "p95_seconds", "runs"),
        )

    def peaks(self, rows: Iterable[Row]) -> Any:
        return self.columns(rows, "hour", "peak")

    def output(self, rows: list[Row]) -> Any:
        """Give the odd days' z-scores and usual records as they are few: by the day's place."""
        dated, _ = self.of(rows)
        odd = {index: row for index, row in enumerate(dated) if is_odd(row)}
        return [
            rows[0]["output_name"] or "",
            *self.columns(rows, "records"),
            {index: round(row["z_score"], 1) for index, row in odd.items()},
            {index: round(row["usual_records"], 1) for index, row in odd.items()},
        ]


def _by_package(
    place: Mapping[Any, int], rows: Iterable[Row], columns: Callable[[list[Row]], Any]
) -> list[Any]:
    grouped: list[list[Row]] = [[] for _ in place]
    for row in rows:
        grouped[place[row["package_id"]]].append(row)
    return [columns(group) if group else 0 for group in grouped]


def _records(place: Mapping[Any, int], rows: Iterable[Row], steps: _Steps) -> list[Any]:
    grouped: list[dict[Any, list[Row]]] = [defaultdict(list) for _ in place]
    for row in rows:
        grouped[place[row["package_id"]]][row["output_name"]].append(row)
    return [[steps.output(output) for output in outputs.values()] for outputs in grouped]


def _totals(trends: Trends, place: Mapping[Any, int]) -> list[list[Any]]:
    """Give runs, failed, seconds, records and node hours of each package."""
    totals: list[list[Any]] = [[0, 0, 0, 0, 0] for _ in place]
    for trend, columns in (
        ("failures_by_day", {0: "runs", 1: "failed"}),
        ("slowest_packages", {2: "total_seconds"}),
        ("records_by_day", {3: "records"}),
        ("node_hours_by_week", {4: "node_hours"}),
    ):
        for row in trends.get(trend, ()):
            for index, name in columns.items():
                totals[place[row["package_id"]]][index] += row[name] or 0
    return [[*total[:4], round(total[4], 6)] for total in totals]


def _reasons(rows: Iterable[Row], place: Mapping[Any, int]) -> dict[int, Any]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[place[row["package_id"]]].append(row)
    return {index: _counts(group) for index, group in grouped.items()}


def _counts(rows: Iterable[Row]) -> list[list[Any]]:
    return [[row["reason"] or "", row["failures"]] for row in rows][:REASONS]


def _node_hours(rows: Iterable[Row], place: Mapping[Any, int], weeks: list[date]) -> list[Any]:
    """Give each package its node hours week by week."""
    index = {week: number for number, week in enumerate(weeks)}
    table = [[0.0] * len(weeks) for _ in place]
    for row in rows:
        if row["week"] is not None:
            table[place[row["package_id"]]][index[row["week"]]] += row["node_hours"] or 0
    return [[round(hours, 6) for hours in row] if any(row) else 0 for row in table]


def _rounded(value: Any) -> Any:
    """Return a number cut as far as neither a chart nor its text differs."""
    if isinstance(value, float):
        # Percentiles are in twentieths, which two decimals hold; texts have none from 10 s on.
        return int(value) if value.is_integer() else round(value, 2 if abs(value) < 100 else 0)  # noqa: PLR2004
    return value
