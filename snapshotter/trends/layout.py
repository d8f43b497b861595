"""Which columns of a trend matter most: the policy by which a narrow terminal leaves some out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from snapshotter.trends.values import Result


class Rank(IntEnum):
    """How much a column matters: names and verdicts stay, helpers are left out before facts."""

    NAME = 0
    VERDICT = 1
    FACT = 2
    HELPER = 3


@dataclass(frozen=True)
class Policy:
    """A trend's columns in the order in which they are shown, and left out from the last on.

    `names` are what a row is about, `verdicts` what one comes for. Columns that are not listed are
    helpers, and so are ids of packages whose name is shown. `if_any` are shown only if a row has a
    value of them.
    """

    names: tuple[str, ...]
    verdicts: tuple[str, ...]
    facts: tuple[str, ...] = ()
    if_any: tuple[str, ...] = ()

    def rank(self, column: str) -> Rank:
        for rank, columns in enumerate((self.names, self.verdicts, self.facts)):
            if column in columns:
                return Rank(rank)
        return Rank.HELPER

    def place(self, column: str) -> int:
        """Return the column's place among those of its rank."""
        listed = (*self.names, *self.verdicts, *self.facts)
        return listed.index(column) if column in listed else len(listed)


_RUNTIMES = ("p50_seconds", "p95_seconds")
POLICIES = {
    "concurrency": Policy(("day", "hour"), ("peak",), ("runs", "busy_seconds")),
    "failure_reasons": Policy(
        ("reason",),
        ("failures", "last_seen"),
        ("summary", "packages", "last_job_id", "first_seen"),
        if_any=("summary",),
    ),
    "failures_by_day": Policy(
        ("day", "package_name"), ("failed", "failure_rate"), ("runs", "stopped")
    ),
    "freshness": Policy(
        ("package_name",),
        ("overdue", "since_seconds"),
        ("usual_gap_seconds", "last_completed_at", "last_job_id", "p95_gap_seconds"),
    ),
    "node_hours_by_week": Policy(
        ("week", "package_name"), ("node_hours",), ("hours", "runs", "cluster_name")
    ),
    "open_jobs": Policy(
        ("job_id", "package_name"),
        ("stuck", "age_seconds"),
        ("p95_seconds", "status", "created_at"),
    ),
    "output_field_changes": Policy(
        ("changed_at", "package_name", "package_id", "output_name"),
        ("change", "field"),
        ("job_id", "component_name", "previous_position", "position"),
    ),
    "queue_wait_by_day": Policy(
        ("day",), _RUNTIMES, ("runs", "queue_p50_seconds", "cluster_p50_seconds")
    ),
    "records_by_day": Policy(
        ("day", "package_name", "package_id", "output_name"),
        ("records", "z_score"),
        ("zero_runs", "usual_records", "runs"),
    ),
    "recovery": Policy(
        ("package_name",),
        ("failing_runs", "failing_since"),
        ("failures", "longest_streak", *_RUNTIMES),
    ),
    "retries": Policy(
        ("schedule_id", "package_name"),
        ("hours_burnt", "eventual_rate", "first_attempt_rate"),
        ("retried", "chains"),
    ),
    "runtime_by_day": Policy(("day", "package_name"), _RUNTIMES, ("max_seconds", "runs")),
    "runtime_by_week": Policy(("week", "package_name"), _RUNTIMES, ("max_seconds", "runs")),
    "runtime_regressions": Policy(
        ("package_name",),
        ("ratio", "since", "recent_p50"),
        ("baseline_p50", "since_job_id", "edited"),
    ),
    "runtime_steps": Policy(
        ("package_name",), ("ratio", "since", "p50_seconds"), ("before_seconds", "days")
    ),
    "slowest_packages": Policy(("package_name",), ("total_seconds", "share"), (*_RUNTIMES, "runs")),
    "snapshot_log": Policy(
        ("started_at",),
        ("status", "lag_seconds", "error"),
        ("kind", "jobs_rejected", "jobs_seen", "jobs_inserted", "seconds", "credits_spent"),
    ),
    "throughput": Policy(
        ("week", "package_name"),
        ("pace_ratio", "runtime_ratio", "records_ratio"),
        ("seconds_per_million", "records", "seconds", "runs"),
    ),
}

# A user's own trend keeps its order; these of its columns stay.
_NAMES = (
    *("package_name", "output_name", "cluster_name", "name", "job_id", "reason"),
    *("day", "week", "month", "hour"),
)
_VERDICTS = ("stuck", "overdue", "failing_runs", "failing_since", "error", "ratio", "status")


WRAPPED = ("reason", "summary", "error", "field")  # texts that are shown whole, on several lines


@dataclass(frozen=True)
class Place:
    """A column to show: its index in the rows, and how much it matters."""

    index: int
    rank: Rank


def arranged(trend: str, result: Result, *, several_accounts: bool = False) -> list[Place]:
    """Return the columns in the order in which a terminal shows them.

    The account is one of them if the database has several, or the rows do. A package's id counts
    as its name if it has no other, or if another package of the rows has the same one.
    """
    columns = result.columns
    policy = POLICIES.get(trend) or _own(columns)
    tells = _ids_tell_packages_apart(result)
    places = []
    for index, column in enumerate(columns):
        if column in policy.if_any and all(row[index] is None for row in result.rows):
            continue
        rank = policy.rank(column)
        if column == "account_id":
            if not several_accounts and len({row[index] for row in result.rows}) == 1:
                continue
            rank = Rank.NAME
        elif column == "package_id":
            rank = Rank.NAME if tells else Rank.HELPER
        places.append(Place(index, rank))
    if trend not in POLICIES:
        return places

    def order(place: Place) -> tuple[int, bool, int]:
        column = columns[place.index]
        return place.rank, column != "account_id", policy.place(column)

    return sorted(places, key=order)


def _own(columns: Sequence[str]) -> Policy:
    """Return the policy of a user's own trend: the first column is what a row is about."""
    names = (*columns[:1], *_NAMES)
    return Policy(names, _VERDICTS, tuple(columns))


def _ids_tell_packages_apart(result: Result) -> bool:
    """Return whether the names of packages do not: there are none, or two packages share one."""
    columns = result.columns
    if "package_id" not in columns or "package_name" not in columns:
        return True
    account = columns.index("account_id") if "account_id" in columns else None
    package, name = columns.index("package_id"), columns.index("package_name")
    ids: dict[tuple[Any, Any], set[Any]] = {}
    for row in result.rows:
        of = None if account is None else row[account]
        ids.setdefault((of, row[name]), set()).add(row[package])
    return any(len(found) > 1 for (_, known), found in ids.items() if known is not None)
