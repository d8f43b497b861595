"""What the report's charts draw: the trends' rows as compact columns for each package.

A day is the number of days since the one before it, and the first counts from the first of the
period: a year of days of 500 packages is then a few megabytes of JSON.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from statistics import median
from typing import TypeVar

from snapshotter.report.packages import accounts_of, packages_of, shown_names
from snapshotter.report.rows import Key, Row, Trends, is_unusual, key_of

MAX_WEIGHT = 100  # runs of a day that count for the median of its week
MAX_REASONS = 12
RARE = 0.5  # a package that runs on fewer of the days from its first to its last is drawn by week

Place = Mapping[Key, int]  # of a package in the list of packages
Columns = list[list[float | None]]
_T = TypeVar("_T")


def charts(trends: Trends, first: date, last: date) -> dict[str, object]:
    """Return everything that the charts need, for `json.dumps`; lists are in `packages`' order."""
    packages = packages_of(trends)
    accounts, shown = accounts_of(trends), shown_names(trends)
    place = {key: index for index, key in enumerate(packages)}
    columns = _Columns(first)
    slower = _slower(trends)
    slowest = trends.get("slowest_packages", ())
    top = list(dict.fromkeys(key_of(row) for row in (*slower, *slowest)))
    weeks = sorted({row["week"] for row in trends.get("node_hours_by_week", ()) if row["week"]})
    return {
        "start": first.isoformat(),
        "days": (last - first).days + 1,
        "accounts": accounts,
        "packages": [
            {
                "id": package.id,
                "name": shown[key],
                "label": package.label,
                "account": accounts.index(package.account) if package.account else None,
            }
            for key, package in packages.items()
        ],
        "top": [place[key] for key in top],
        "totals": _totals(trends, place),
        "slower": {place[key_of(row)]: f"{row['since']:%Y-%m-%d}" for row in slower},
        "runtime": _by_package(place, trends.get("runtime_by_day", ()), columns.runtime),
        "weekly": _by_package(place, trends.get("runtime_by_day", ()), columns.weekly),
        "failures": _by_package(place, trends.get("failures_by_day", ()), columns.failures),
        "records": _records(place, trends.get("records_by_day", ()), columns),
        "reasons": _reasons(trends.get("package_failure_reasons", ()), place),
        "all_reasons": _by_account(accounts, trends.get("failure_reasons", ()), _counts),
        "waits": _by_account(accounts, trends.get("queue_wait_by_day", ()), columns.waits),
        "peaks": _by_account(accounts, trends.get("concurrency", ()), columns.peaks),
        "weeks": [week.isoformat() for week in weeks],
        "node_hours": _node_hours(trends.get("node_hours_by_week", ()), place, weeks),
    }


def _slower(trends: Trends) -> list[Row]:
    return [
        *trends.get("runtime_steps", ()),
        *(row for row in trends.get("runtime_regressions", ()) if row["since"]),
    ]


class _Columns:
    """Makes columns of rows, the first of which are their days; `first` begins the period."""

    def __init__(self, first: date) -> None:
        self._first = first

    def _dated(self, rows: Iterable[Row]) -> list[Row]:
        return [row for row in rows if row["day"] is not None and row["day"] >= self._first]

    def _of(self, rows: Iterable[Row], *names: str) -> Columns:
        dated = self._dated(rows)
        before, gaps = self._first, list[float | None]()
        for row in dated:
            gaps.append((row["day"] - before).days)
            before = row["day"]
        return [gaps, *([_rounded(row[name]) for row in dated] for name in names)]

    def runtime(self, rows: Iterable[Row]) -> Columns:
        return self._of(rows, "p50_seconds", "p95_seconds", "runs")

    def weekly(self, rows: Iterable[Row]) -> Columns | int:
        """Return the weekly medians of a rare package, each on the week's last day with a run.

        0 for one that is not rare.
        """
        dated = [row for row in self._dated(rows) if row["p50_seconds"] is not None]
        if not dated or len(dated) >= RARE * ((dated[-1]["day"] - dated[0]["day"]).days + 1):
            return 0
        weeks: dict[tuple[int, int], list[Row]] = defaultdict(list)
        for row in dated:
            weeks[row["day"].isocalendar()[:2]].append(row)
        return self.runtime(_week(days) for days in weeks.values())

    def failures(self, rows: Iterable[Row]) -> Columns:
        return self._of(rows, "runs", "failed", "stopped")

    def waits(self, rows: Iterable[Row]) -> Columns:
        return self._of(
            rows,
            *("cluster_p50_seconds", "queue_p50_seconds", "p50_seconds", "p95_seconds", "runs"),
        )

    def peaks(self, rows: Iterable[Row]) -> Columns:
        return self._of(rows, "hour", "peak")

    def output(self, rows: list[Row]) -> list[object]:
        """Return an output's name and columns, and what is unusual in it.

        The unusual days are few, so their z-scores and usual records are by the day's index.
        """
        unusual = {index: row for index, row in enumerate(self._dated(rows)) if is_unusual(row)}
        return [
            rows[0]["output_name"],
            *self._of(rows, "records"),
            {index: round(row["z_score"], 1) for index, row in unusual.items()},
            {index: round(row["usual_records"], 1) for index, row in unusual.items()},
        ]


def _week(days: list[Row]) -> Row:
    """Return the medians of days as one row; a day counts as often as it has runs."""
    medians = {
        name: median(row[name] for row in days for _ in range(min(row["runs"], MAX_WEIGHT)))
        for name in ("p50_seconds", "p95_seconds")
    }
    return {"day": days[-1]["day"], "runs": sum(row["runs"] for row in days), **medians}


def _by_account(
    accounts: list[str], rows: Iterable[Row], columns: Callable[[list[Row]], _T]
) -> list[_T]:
    """Return the columns of each account; of all rows if no account is known."""
    grouped: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.get("account_id")].append(row)
    known: Sequence[str | None] = accounts or [None]
    return [columns(grouped[account]) for account in known]


def _by_package(
    place: Place, rows: Iterable[Row], columns: Callable[[list[Row]], Columns | int]
) -> list[Columns | int]:
    """Return the columns of each package; 0, which is short, for one without rows."""
    grouped: list[list[Row]] = [[] for _ in place]
    for row in rows:
        grouped[place[key_of(row)]].append(row)
    return [columns(group) if group else 0 for group in grouped]


def _records(place: Place, rows: Iterable[Row], columns: _Columns) -> list[list[list[object]]]:
    """Return the columns of each output of each package."""
    grouped: list[dict[str | None, list[Row]]] = [defaultdict(list) for _ in place]
    for row in rows:
        grouped[place[key_of(row)]][row["output_name"]].append(row)
    return [[columns.output(output) for output in outputs.values()] for outputs in grouped]


def _totals(trends: Trends, place: Place) -> list[list[float]]:
    """Return runs, failed, stopped, seconds, records and node hours of each package."""
    totals: list[list[float]] = [[0, 0, 0, 0, 0, 0] for _ in place]
    for trend, columns in (
        ("failures_by_day", {0: "runs", 1: "failed", 2: "stopped"}),
        ("slowest_packages", {3: "total_seconds"}),
        ("records_by_day", {4: "records"}),
        ("node_hours_by_week", {5: "node_hours"}),
    ):
        for row in trends.get(trend, ()):
            for index, name in columns.items():
                totals[place[key_of(row)]][index] += row[name] or 0
    return [[*total[:5], round(total[5], 6)] for total in totals]


def _reasons(rows: Iterable[Row], place: Place) -> dict[int, list[tuple[str, int]]]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[place[key_of(row)]].append(row)
    return {index: _counts(group) for index, group in grouped.items()}


def _counts(rows: Iterable[Row]) -> list[tuple[str, int]]:
    return [(row["reason"] or "", row["failures"]) for row in rows][:MAX_REASONS]


def _node_hours(rows: Iterable[Row], place: Place, weeks: list[date]) -> list[list[float] | int]:
    """Return each package's node hours, week by week; 0 for one without any."""
    index = {week: number for number, week in enumerate(weeks)}
    table = [[0.0] * len(weeks) for _ in place]
    for row in rows:
        if row["week"] is not None:
            table[place[key_of(row)]][index[row["week"]]] += row["node_hours"] or 0
    return [[round(hours, 6) for hours in row] if any(row) else 0 for row in table]


def _rounded(value: float | None) -> float | None:
    """Return a number with as few decimals as change neither a chart nor its text."""
    if isinstance(value, float):
        # Percentiles are in twentieths, which two decimals hold; texts have none from 10 s on.
        return int(value) if value.is_integer() else round(value, 2 if abs(value) < 100 else 0)  # noqa: PLR2004
    return value
