"""The sections of the report: which charts and which tables, and each table's columns."""

from dataclasses import dataclass
from typing import Literal

Anchor = Literal["slower", "fails", "waits", "volume", "cost", "fields", "freshness", "snapshot"]
Kind = Literal[
    "words", "number", "decimal", "seconds", "share", "times", "day", "time", "id", "job", "yes"
]


@dataclass(frozen=True)
class Column:
    """A column of a trend; `kind` decides how its values are shown.

    With `if_any` it is shown only if a row has a value of it.
    """

    name: str
    head: str
    kind: Kind = "number"
    if_any: bool = False


@dataclass(frozen=True)
class TableOf:
    """The rows of a trend; `newest`: the last day first.

    `series` names the chart data that has the rows of one package. A row is marked if its column
    `flag` is true. `help` explains words that need it.
    """

    trend: str
    caption: str
    columns: tuple[Column, ...]
    newest: bool = False
    series: str | None = None
    flag: str | None = None
    by_package: bool = True
    help: str = ""


@dataclass(frozen=True)
class Chart:
    key: str
    title: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Section:
    anchor: Anchor
    title: str
    short: str
    lead: str
    charts: tuple[Chart, ...]
    tables: tuple[TableOf, ...]


_DAY, _RUNS = Column("day", "Day", "day"), Column("runs", "Runs")
_P50, _P95 = Column("p50_seconds", "Median", "seconds"), Column("p95_seconds", "p95", "seconds")

SECTIONS = (
    Section(
        anchor="slower",
        title="What got slower",
        short="Slower",
        lead=(
            "How long completed runs took. A package is slower if its runs take at least half as "
            "long again, beyond their usual scatter: the last five runs compared with the thirty "
            "before, or all days since a certain day compared with those before it."
        ),
        charts=(
            Chart(
                "runtime",
                "Run time by day",
                "medians, by week if a package runs on fewer than half of the days; grey ticks "
                "along the axis are days without a run",
            ),
        ),
        tables=(
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
                help=(
                    "The median of the last five completed runs against that of up to thirty "
                    "before. “Edited in between”: the package was changed after the earlier "
                    "runs and before the last ones."
                ),
            ),
            TableOf(
                "runtime_steps",
                "Slower since a certain day",
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
                "Packages by total run time",
                (
                    _RUNS,
                    Column("total_seconds", "Total", "seconds"),
                    Column("share", "Share", "share"),
                    _P50,
                    _P95,
                ),
            ),
            TableOf(
                "runtime_by_day",
                "Run time by day",
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
                    Column("seconds_per_million", "Seconds for a million", "decimal"),
                    Column("pace_ratio", "Compared with the week before", "times"),
                    Column("runtime_ratio", "Time per run", "times"),
                    Column("records_ratio", "Records per run", "times"),
                ),
                newest=True,
                help=(
                    "The time of a week's runs for each million records that they wrote. If "
                    "runs take longer while this stays the same, there is more data; if this "
                    "grows, the package itself is slower."
                ),
            ),
        ),
    ),
    Section(
        anchor="fails",
        title="What fails, and why",
        short="Failures",
        lead=(
            "Runs that ended: completed, failed or stopped. Reasons are the API's error texts "
            "without ids, numbers, dates and paths, so that similar ones are counted together."
        ),
        charts=(
            Chart("failures", "How runs ended, by day", "completed, failed and stopped"),
            Chart("reasons", "Why runs failed", "the most frequent reasons"),
        ),
        tables=(
            TableOf(
                "failure_reasons",
                "Why runs failed",
                (
                    Column("reason", "Reason", "words"),
                    Column("failures", "Failures"),
                    Column("packages", "Packages"),
                    Column("first_seen", "First", "time"),
                    Column("last_seen", "Last", "time"),
                    Column("last_job_id", "Last job", "job"),
                    Column("summary", "Its log, in short", "words", if_any=True),
                ),
                by_package=False,
            ),
            TableOf(
                "recovery",
                "Time to recover",
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
                help=(
                    "A streak is one or more failed runs of a package in a row, until a run "
                    "completes. The time to recover is from the end of its first failure to the "
                    "end of that completion."
                ),
            ),
            TableOf(
                "retries",
                "What retries are worth",
                (
                    Column("schedule_id", "Schedule", "id"),
                    Column("chains", "Runs due"),
                    Column("first_attempt_rate", "Succeeded at once", "share"),
                    Column("retried", "Retried"),
                    Column("eventual_rate", "Succeeded in the end", "share"),
                    Column("hours_burnt", "Hours of failed runs", "decimal"),
                ),
                help=(
                    "A schedule starts a run that is due, and may start it again if it fails. "
                    "“Succeeded at once”: the share of due runs whose first attempt completed; "
                    "“in the end”: with their retries. The schedule's number is its id at the "
                    "vendor."
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
                    Column("failure_rate", "Failed, of runs not stopped", "share"),
                ),
                newest=True,
                series="failures",
            ),
        ),
    ),
    Section(
        anchor="waits",
        title="What waits",
        short="Waits",
        lead=(
            "The time from a job's creation to its start: first the wait for the cluster, then "
            "the wait in its queue. Waits and load are of all packages together, whichever is "
            "chosen above."
        ),
        charts=(
            Chart("waits", "Wait before the start, by day", "medians, all packages"),
            Chart(
                "peaks",
                "Concurrent jobs by hour of the day",
                "the most at any moment of the hour, all packages",
            ),
        ),
        tables=(
            TableOf(
                "open_jobs",
                "Jobs that have not ended",
                (
                    Column("job_id", "Job", "job"),
                    Column("status", "Status", "words"),
                    Column("created_at", "Created", "time"),
                    Column("age_seconds", "Age", "seconds"),
                    Column("p95_seconds", "95 % of its runs take at most", "seconds"),
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
                    Column("cluster_p50_seconds", "Cluster wait, median", "seconds"),
                    Column("cluster_p95_seconds", "p95", "seconds"),
                    Column("queue_p50_seconds", "Queue wait, median", "seconds"),
                    Column("queue_p95_seconds", "p95", "seconds"),
                ),
                newest=True,
                by_package=False,
            ),
            TableOf(
                "concurrency",
                "Concurrent jobs by hour",
                (
                    _DAY,
                    Column("hour", "Hour"),
                    Column("runs", "Jobs"),
                    Column("peak", "Concurrent"),
                    Column("busy_seconds", "Run time", "seconds"),
                ),
                newest=True,
                by_package=False,
            ),
        ),
    ),
    Section(
        anchor="volume",
        title="Volume",
        short="Volume",
        lead=(
            "Records written by completed runs. A day is marked if an output wrote less than "
            "half or more than twice what is usual on that weekday, and its z-score is 3.5 or more."
        ),
        charts=(Chart("records", "Records written, by day", "diamonds are unusual days"),),
        tables=(
            TableOf(
                "records_by_day",
                "Records written, by day",
                (
                    Column("output_name", "Output", "words"),
                    _DAY,
                    _RUNS,
                    Column("records", "Records"),
                    Column("zero_runs", "Runs without records"),
                    Column("usual_records", "Usual on that weekday", "decimal"),
                    Column("z_score", "z-score", "decimal"),
                ),
                newest=True,
                series="records",
                help=(
                    "“Usual” is the median of the same weekdays; the z-score is how far a day "
                    "is from it, in units of the usual scatter."
                ),
            ),
        ),
    ),
    Section(
        anchor="cost",
        title="Cost",
        short="Cost",
        lead=(
            "Node hours: the time that runs took, however they ended, times their cluster's nodes."
        ),
        charts=(Chart("nodes", "Node hours, by week", "the packages with the most"),),
        tables=(
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
        anchor="fields",
        title="Field changes",
        short="Fields",
        lead="Differences between the fields of an output and those of the run before.",
        charts=(),
        tables=(
            TableOf(
                "output_field_changes",
                "Fields that were added, removed or moved",
                (
                    Column("output_name", "Output", "words"),
                    Column("field", "Field", "words"),
                    Column("change", "Change", "words"),
                    Column("previous_position", "Position before"),
                    Column("position", "Position"),
                    Column("changed_at", "Seen", "time"),
                    Column("job_id", "Job", "job"),
                ),
                newest=True,
            ),
        ),
    ),
    Section(
        anchor="freshness",
        title="Freshness",
        short="Freshness",
        lead=(
            "How long before the snapshot each package last completed. A package is overdue if "
            "that is more than twice its usual gap, and more than 95 % of its gaps."
        ),
        charts=(),
        tables=(
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
                help=("The usual gap is the median time between two completions of the package."),
            ),
        ),
    ),
    Section(
        anchor="snapshot",
        title="The snapshot itself",
        short="Snapshot",
        lead="The sync runs behind this report: the jobs that they saw, stored and set aside.",
        charts=(),
        tables=(
            TableOf(
                "snapshot_log",
                "Runs of sync",
                (
                    Column("snapshot_id", "Run", "id"),
                    Column("account_id", "Account", "words"),
                    Column("kind", "Kind", "words"),
                    Column("status", "Status", "words"),
                    Column("started_at", "Started", "time"),
                    Column("seconds", "Took", "seconds"),
                    Column("lag_seconds", "Lag at its end", "seconds"),
                    Column("jobs_seen", "Seen"),
                    Column("jobs_inserted", "New"),
                    Column("jobs_changed", "Changed"),
                    Column("jobs_rejected", "Set aside"),
                    Column("credits_spent", "Credits spent"),
                    Column("credits_remaining", "Credits left"),
                    Column("error", "Error", "words"),
                ),
                newest=True,
                by_package=False,
            ),
        ),
    ),
)
