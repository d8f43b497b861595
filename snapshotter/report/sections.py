"""The sections of the report: which charts and which tables, and each table's columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Any

from snapshotter.report.findings import Row, Trends, share
from snapshotter.times import duration

ROWS = 200  # of one table: the file is to go by mail


@dataclass(frozen=True)
class Column:
    """`kind` tells how a value is shown: words, number, seconds, share, times, day, time, yes."""

    name: str
    head: str
    kind: str = "number"


@dataclass(frozen=True)
class TableOf:
    """A trend's rows. `newest`: by day, the last first; `series` is what the filter draws it from.

    `flag` names the column that marks a row as one to look at.
    """

    trend: str
    caption: str
    columns: tuple[Column, ...]
    newest: bool = False
    series: str | None = None
    flag: str | None = None
    by_package: bool = True


@dataclass(frozen=True)
class Chart:
    key: str
    title: str
    hint: str


@dataclass(frozen=True)
class Section:
    anchor: str
    title: str
    short: str
    lead: str
    charts: tuple[Chart, ...]
    tables: tuple[TableOf, ...]


_DAY, _RUNS = Column("day", "Day", "day"), Column("runs", "Runs")
_P50, _P95 = Column("p50_seconds", "Median", "seconds"), Column("p95_seconds", "p95", "seconds")

SECTIONS = (
    Section(
        "slower",
        "What got slower",
        "Slower",
        "Completed runs, by the time they took. Slower is half as long again, beyond the usual "
        "scatter: the last five runs against the thirty before, or all days since one against "
        "those before it.",
        (
            Chart(
                "runtime",
                "Time a run takes, by day",
                "medians; grey ticks along the foot are days with no run. Drag to zoom, "
                "double-click to go back",
            ),
        ),
        (
            TableOf(
                "runtime_regressions",
                "Slower in the last five runs",
                (
                    Column("ratio", "Times as long", "times"),
                    Column("recent_p50", "Median now", "seconds"),
                    Column("baseline_p50", "Before", "seconds"),
                    Column("baseline_runs", "Runs before"),
                    Column("since", "Since", "time"),
                    Column("edited", "Edited in between", "yes"),
                ),
            ),
            TableOf(
                "runtime_steps",
                "Slower since a day",
                (
                    Column("since", "Since", "day"),
                    Column("ratio", "Times as long", "times"),
                    Column("p50_seconds", "Median since", "seconds"),
                    Column("before_seconds", "Before", "seconds"),
                    Column("days", "Days with runs since"),
                    Column("before_days", "Before"),
                ),
            ),
            TableOf(
                "slowest_packages",
                "Where the hours go",
                (
                    _RUNS,
                    Column("total_seconds", "In all", "seconds"),
                    Column("share", "Share", "share"),
                    _P50,
                    _P95,
                ),
            ),
            TableOf(
                "runtime_by_day",
                "Time a run takes, by day",
                (_DAY, _RUNS, _P50, _P95, Column("max_seconds", "Longest", "seconds")),
                newest=True,
                series="runtime",
            ),
            TableOf(
                "throughput",
                "Seconds for a million records, by week",
                (
                    Column("week", "Week of", "day"),
                    _RUNS,
                    Column("records", "Records"),
                    Column("seconds_per_million", "Seconds a million", "decimal"),
                    Column("pace_ratio", "Against the week before", "times"),
                    Column("runtime_ratio", "Time a run", "times"),
                    Column("records_ratio", "Records a run", "times"),
                ),
                newest=True,
            ),
        ),
    ),
    Section(
        "fails",
        "What fails, and why",
        "Failures",
        "Runs that ended: completed, failed or stopped. Reasons are the API's words, with ids, "
        "numbers, dates and paths taken out so that like ones count together.",
        (
            Chart(
                "failures",
                "How runs ended, by day",
                "failed runs are hatched, stopped ones crossed",
            ),
            Chart("reasons", "Why runs failed", "the most frequent reasons"),
        ),
        (
            TableOf(
                "failure_reasons",
                "Why runs failed",
                (
                    Column("reason", "Reason", "words"),
                    Column("failures", "Failures"),
                    Column("packages", "Packages"),
                    Column("first_seen", "First", "time"),
                    Column("last_seen", "Last", "time"),
                    Column("last_job_id", "Last job", "id"),
                ),
                by_package=False,
            ),
            TableOf(
                "recovery",
                "How long until it worked again",
                (
                    Column("streaks", "Streaks"),
                    Column("failures", "Failures"),
                    Column("longest_streak", "Longest streak"),
                    Column("p50_seconds", "Median to recover", "seconds"),
                    Column("max_seconds", "Longest to recover", "seconds"),
                    Column("failing_runs", "Failing now"),
                    Column("failing_since", "Failing since", "time"),
                ),
                flag="failing_runs",
            ),
            TableOf(
                "retries",
                "What retries are worth",
                (
                    Column("schedule_id", "Schedule", "id"),
                    Column("chains", "Runs due"),
                    Column("first_attempt_rate", "Worked at once", "share"),
                    Column("retried", "Tried again"),
                    Column("eventual_rate", "Worked in the end", "share"),
                    Column("hours_burnt", "Hours of failed runs", "decimal"),
                ),
            ),
            TableOf(
                "failures_by_day",
                "How runs ended, by day",
                (
                    _DAY,
                    _RUNS,
                    Column("failed", "Failed"),
                    Column("stopped", "Stopped"),
                    Column("failure_rate", "Failed of those not stopped", "share"),
                ),
                newest=True,
                series="failures",
            ),
        ),
    ),
    Section(
        "waits",
        "What waits",
        "Waits",
        "From asking for a job to its start: first for the cluster, then in its queue. Waits and "
        "load are of all packages together, whichever is chosen above.",
        (
            Chart("waits", "Wait before the start, by day", "medians of all packages"),
            Chart(
                "peaks",
                "Jobs at once, by hour of the day",
                "the most at any moment of the hour, of all packages",
            ),
        ),
        (
            TableOf(
                "open_jobs",
                "Jobs that have not ended",
                (
                    Column("job_id", "Job", "id"),
                    Column("status", "Status", "words"),
                    Column("created_at", "Asked for", "time"),
                    Column("age_seconds", "Age", "seconds"),
                    Column("p95_seconds", "95 % of its runs take", "seconds"),
                    Column("stuck", "Stuck", "yes"),
                ),
                flag="stuck",
            ),
            TableOf(
                "queue_wait_by_day",
                "Wait before the start, by day",
                (
                    _DAY,
                    _RUNS,
                    _P50,
                    _P95,
                    Column("cluster_p50_seconds", "For the cluster, median", "seconds"),
                    Column("cluster_p95_seconds", "p95", "seconds"),
                    Column("queue_p50_seconds", "In its queue, median", "seconds"),
                    Column("queue_p95_seconds", "p95", "seconds"),
                ),
                newest=True,
                by_package=False,
            ),
            TableOf(
                "concurrency",
                "Jobs at once, by hour",
                (
                    _DAY,
                    Column("hour", "Hour"),
                    Column("runs", "Jobs"),
                    Column("peak", "At once"),
                    Column("busy_seconds", "Time run", "seconds"),
                ),
                newest=True,
                by_package=False,
            ),
        ),
    ),
    Section(
        "volume",
        "Volume",
        "Volume",
        "Records written by completed runs. A day is marked where an output wrote less than half, "
        "or more than twice, of what is usual on that weekday, and its z-score is 3.5 or more.",
        (Chart("records", "Records written, by day", "diamonds are days far from the usual"),),
        (
            TableOf(
                "records_by_day",
                "Records written, by day",
                (
                    Column("output_name", "Output", "words"),
                    _DAY,
                    _RUNS,
                    Column("records", "Records"),
                    Column("zero_runs", "Runs that wrote none"),
                    Column("usual_records", "Usual on that weekday", "decimal"),
                    Column("z_score", "z-score", "decimal"),
                ),
                newest=True,
                series="records",
            ),
        ),
    ),
    Section(
        "cost",
        "Cost",
        "Cost",
        "Node hours: the time runs took, times the nodes of their cluster, ended how they may.",
        (Chart("nodes", "Node hours, by week", "the packages that took most"),),
        (
            TableOf(
                "node_hours_by_week",
                "Node hours, by week",
                (
                    Column("cluster_name", "Cluster", "words"),
                    Column("week", "Week of", "day"),
                    _RUNS,
                    Column("hours", "Hours", "decimal"),
                    Column("node_hours", "Node hours", "decimal"),
                ),
                newest=True,
            ),
        ),
    ),
    Section(
        "fields",
        "Field changes",
        "Fields",
        "Where the fields of an output differ from those of the run before.",
        (),
        (
            TableOf(
                "output_field_changes",
                "Fields that came, went or moved",
                (
                    Column("output_name", "Output", "words"),
                    Column("field", "Field", "words"),
                    Column("change", "Change", "words"),
                    Column("previous_position", "Place before"),
                    Column("position", "Place"),
                    Column("changed_at", "Seen", "time"),
                    Column("job_id", "Job", "id"),
                ),
                newest=True,
            ),
        ),
    ),
    Section(
        "freshness",
        "Freshness",
        "Freshness",
        "How long ago each package last completed, by the time of the snapshot. One is overdue "
        "where that is more than twice its usual gap, and more than 95 % of its gaps.",
        (),
        (
            TableOf(
                "freshness",
                "When packages last completed",
                (
                    Column("last_completed_at", "Last completed", "time"),
                    Column("since_seconds", "Before the snapshot", "seconds"),
                    Column("usual_gap_seconds", "Usual gap", "seconds"),
                    Column("runs", "Runs"),
                    Column("overdue", "Overdue", "yes"),
                ),
                flag="overdue",
            ),
        ),
    ),
    Section(
        "snapshot",
        "The snapshot itself",
        "Snapshot",
        "The runs of sync that this report stands on: what they saw, took and left.",
        (),
        (
            TableOf(
                "snapshot_log",
                "Runs of sync",
                (
                    Column("snapshot_id", "Run", "id"),
                    Column("account_id", "Account", "words"),
                    Column("kind", "Kind", "words"),
                    Column("status", "Ended", "words"),
                    Column("started_at", "Began", "time"),
                    Column("seconds", "Took", "seconds"),
                    Column("lag_seconds", "Behind at its end", "seconds"),
                    Column("jobs_seen", "Seen"),
                    Column("jobs_inserted", "New"),
                    Column("jobs_changed", "Changed"),
                    Column("jobs_rejected", "Set aside"),
                    Column("credits_spent", "Credits"),
                    Column("credits_remaining", "Left"),
                    Column("error", "Error", "words"),
                ),
                newest=True,
                by_package=False,
            ),
        ),
    ),
)


def section(of: Section, trends: Trends, called: Mapping[Any, str]) -> Iterator[str]:
    """Give a section as HTML, charts first, each line of text escaped."""
    yield f'<section id="{of.anchor}" aria-labelledby="h-{of.anchor}">'
    yield f'<h2 id="h-{of.anchor}">{escape(of.title)}</h2><p class="lead">{escape(of.lead)}</p>'
    for chart in of.charts:
        yield (
            f"<figure><figcaption>{escape(chart.title)} <small>{escape(chart.hint)}</small>"
            f'</figcaption><div class="plot" data-chart="{chart.key}" role="img" '
            f'aria-label="{escape(chart.title)}; the numbers are in the tables below">'
            "</div></figure>"
        )
    for table in of.tables:
        yield from _table(table, list(trends.get(table.trend, ())), called)
    yield "</section>"


def _table(of: TableOf, rows: Sequence[Row], called: Mapping[Any, str]) -> Iterator[str]:
    if not rows:
        yield f'<p class="empty">{escape(of.caption)}: none in these days.</p>'
        return
    if of.newest:
        rows = sorted(rows, key=_when, reverse=True)
    if of.flag:
        rows = sorted(rows, key=lambda row: not row[of.flag or ""])
    shown = rows[:ROWS]
    note = ""
    if len(shown) < len(rows):
        which = "newest" if of.newest else "first"
        note = f"the {which} {len(shown):,} of {len(rows):,} rows; "
        note += f"all: snapshotter export {of.trend} -o FILE"
    name = f"t-{of.trend}"
    series = f' data-series="{of.series}"' if of.series else ""
    yield f'<details open data-rows="{len(shown)}"><summary>{escape(of.caption)}</summary>'
    yield f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{name}"><table{series}>'
    yield f'<caption id="{name}"><span>{escape(of.caption)}</span> <small>{escape(note)}</small>'
    yield "</caption><thead><tr>"
    if of.by_package:
        yield '<th scope="col">Package</th>'
    for column in of.columns:
        yield f'<th scope="col"{_class(column)}>{escape(column.head)}</th>'
    yield "</tr></thead><tbody>"
    for row in shown:
        flag = ' class="flag"' if of.flag and row[of.flag] else ""
        if of.by_package:
            package = row["package_id"]
            yield (
                f'<tr data-package="{"none" if package is None else package}"{flag}>'
                f'<th scope="row">{escape(called[package])}</th>'
            )
        else:
            yield f"<tr{flag}>"
        yield "".join(f"<td{_class(c)}>{cell(c.kind, row[c.name])}</td>" for c in of.columns)
        yield "</tr>"
    width = len(of.columns) + of.by_package
    yield f'</tbody><tfoot><tr><td colspan="{width}">'
    yield f"… on paper, the first 40 of {len(shown)} rows</td></tr></tfoot>"
    yield "</table></div></details>"


def _when(row: Row) -> tuple[bool, str, Any]:
    for name in ("day", "week", "changed_at", "started_at"):
        if name in row:
            at = row[name]
            return at is not None, "" if at is None else at.isoformat(), row.get("hour") or 0
    return False, "", 0


def _class(column: Column) -> str:
    return {
        "words": ' class="words"',
        "yes": ' class="yes"',
        "day": ' class="at"',
        "time": ' class="at"',
    }.get(column.kind, ' class="number"')


def cell(kind: str, value: Any) -> str:  # noqa: PLR0911 - a line a kind
    """Give a value as people read it, with the value itself beside it where that says less."""
    if value is None:
        return "\N{EN DASH}"
    match kind:
        case "words":
            return escape(str(value))
        case "yes":
            return "yes" if value else "no"
        case "id":
            return str(value)
        case "day":
            return _dated(value, "%Y-%m-%d")
        case "time":
            return _dated(value, "%Y-%m-%d %H:%M")
        case _:
            return f'<data value="{value}">{_number(kind, value)}</data>'


def _number(kind: str, value: Any) -> str:
    match kind:
        case "seconds":
            return duration(value)
        case "share":
            return share(value)
        case "times":
            return f"{value:.2f} \N{MULTIPLICATION SIGN}"
        case "decimal":
            return f"{value:,.1f}"
        case _:
            return f"{value:,}"


def _dated(at: date | datetime, form: str) -> str:
    return f'<time datetime="{at.isoformat()}">{at.strftime(form)}</time>'
