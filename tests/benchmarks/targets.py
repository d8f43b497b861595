"""The figures that are held against a target, and their targets."""

from collections.abc import Mapping
from typing import NamedTuple

SYNC_TO_FLOOR = "sync ÷ floor"
DLT_TO_SYNC = "dlt ÷ sync"
HAND_TO_SYNC = "hand script ÷ sync"
A_JOB = "first load: µs a job"
GROWTH = "first load: µs a job, most jobs ÷ compared"
WHOLE_GROWTH = "first load: µs a job, most jobs ÷ fewest"
PEAK = "first load: peak MB"
LATENCY = "first load at 100 ms ÷ its pages one by one"
FORTY_PAGES = "40 pages at 100 ms ÷ one by one"
NOTHING_NEW = "nothing new: seconds"
INCREMENTAL_REQUESTS = "200 changed: requests above the open jobs'"
INCREMENTAL_CPU = "200 changed: CPU seconds"
INCREMENTAL_WALL = "200 changed: seconds"
CSV = "CSV of jobs, export ÷ pandas"
JSON = "JSON of jobs, export ÷ pandas"
PARQUET = "Parquet of jobs, export ÷ pandas"
SLOWEST_TREND = "slowest trend: CPU seconds"
SLOWEST_TREND_WALL = "slowest trend: seconds"
SLOWEST_RECENT_TREND = "slowest trend of 90 days: CPU seconds"
TABLE = "table on a terminal: CPU seconds above the bare query's"
REPORT = "report of 90 days: CPU seconds"
LONG_REPORT = "report of 700 days: CPU seconds"
START_TREND = "start of trends NAME: seconds"
START_STATUS = "start of status: seconds"
START_HELP = "start of --help: seconds"


class Target(NamedTuple):
    """What a figure must reach, and what is aimed at; by database."""

    limits: Mapping[str, float]
    aims: Mapping[str, float] = {}
    sign: str = "≤"

    def is_held(self, database: str, value: float) -> bool:
        """Whether the value reaches the target; true of a database without one."""
        limit = self.limits.get(database)
        if limit is None:
            return True
        return value <= limit if self.sign == "≤" else value >= limit


def _at_least(limits: Mapping[str, float], aims: Mapping[str, float] = {}) -> Target:
    return Target(limits, aims, "≥")


def _both(limit: float) -> dict[str, float]:
    return {"sqlite": limit, "postgresql": limit}


# A figure of several accounts has the same target on each.
TARGETS = {
    SYNC_TO_FLOOR: Target(_both(1.5), _both(1.2)),
    DLT_TO_SYNC: _at_least({"sqlite": 4, "postgresql": 3}, _both(4)),
    HAND_TO_SYNC: _at_least({"sqlite": 2.5, "postgresql": 3}, {"sqlite": 4, "postgresql": 4.5}),
    A_JOB: Target({}),
    GROWTH: Target(_both(1.15)),
    WHOLE_GROWTH: Target({"sqlite": 1.2}),
    PEAK: Target(_both(130)),
    LATENCY: Target(_both(0.35)),
    FORTY_PAGES: Target(_both(0.45)),
    NOTHING_NEW: Target(_both(0.8)),
    INCREMENTAL_REQUESTS: Target(_both(6)),
    INCREMENTAL_CPU: Target(_both(0.8)),
    INCREMENTAL_WALL: Target({}),
    CSV: Target({"sqlite": 1}),
    JSON: Target({}),
    PARQUET: Target({}),
    SLOWEST_TREND: Target({"sqlite": 3}),
    SLOWEST_TREND_WALL: Target({"postgresql": 3, "mariadb": 3}),
    SLOWEST_RECENT_TREND: Target({"sqlite": 1}),
    TABLE: Target({}),
    REPORT: Target({"sqlite": 4}),
    LONG_REPORT: Target({}),
    START_TREND: Target({"sqlite": 0.45}),
    START_STATUS: Target({"sqlite": 0.45}),
    START_HELP: Target({"sqlite": 0.1}),
}
