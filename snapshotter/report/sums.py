"""The values of the report's tiles, summed by the database: for days of which no rows are shown."""

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal_column, select

from snapshotter.report.jobs import within
from snapshotter.statuses import FINAL_STATUSES
from snapshotter.store.tables import JOBS, OUTPUTS
from snapshotter.trends.filters import Filters

# What the trends count, as the comments of `sql/` have it.
_SECONDS, _NODES, _RECORDS = 10**9, 10**6, 10**16
_EXACT: ColumnElement[float] = literal_column("1e0")  # a sum of integers can have more than 64 bits


def sums(connection: Connection, filters: Filters) -> dict[str, float]:
    """Return what `totals` returns of the rows of the trends, without running these."""
    failed = JOBS.c.status == "failed"
    seconds = case((JOBS.c.runtime_in_seconds.between(0, _SECONDS), JOBS.c.runtime_in_seconds))
    nodes = case((JOBS.c.cluster_nodes.between(0, _NODES), JOBS.c.cluster_nodes))
    completed = JOBS.c.status == "completed"
    packages = (
        select(
            func.count().label("runs"),
            func.sum(case((failed, 1), else_=0)).label("failed"),
            func.sum(case((completed, seconds)) * _EXACT).label("seconds"),
            func.sum(seconds * _EXACT * nodes).label("node_seconds"),
        )
        .where(JOBS.c.status.in_(sorted(FINAL_STATUSES)), *within(filters))
        .group_by(JOBS.c.account_id, JOBS.c.package_id)
        .subquery()
    )
    summed = (func.sum(column) for column in packages.c)
    asked = select(*summed, func.count()).select_from(packages)
    runs, fails, run_seconds, node_seconds, number = tuple(connection.execute(asked).one())
    return {
        "runs": float(runs or 0),
        "failed": float(fails or 0),
        "hours": float(run_seconds or 0) / 3600,
        "records": _records(connection, and_(completed, *within(filters))),
        "nodes": float(node_seconds or 0) / 3600,
        "packages": number,
    }


def _records(connection: Connection, jobs: ColumnElement[bool]) -> float:
    written = (
        select(func.sum(OUTPUTS.c.records_count * _EXACT))
        .select_from(JOBS.join(OUTPUTS, OUTPUTS.c.job_id == JOBS.c.id))
        .where(jobs, OUTPUTS.c.records_count.between(0, _RECORDS))
    )
    return float(connection.execute(written).scalar() or 0)
