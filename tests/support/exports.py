"""Stored jobs for exports: any, and those of years that formats and engines have trouble with."""

from datetime import UTC, datetime
from functools import partial

from samples import job, store
from sqlalchemy import Engine, update

from snapshotter.models import Base

NOW = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
TABLES = Base.metadata.tables

put = partial(store, at=NOW)

YEARS = (1, 999, 1677, 1899, 1900, 2262, 9999)


def fill_years(engine: Engine) -> None:
    """Store a job into each of the years that some format or engine has trouble with."""
    for year in YEARS:
        at = f"{year:04}-12-31T23:59:59.999999Z"
        times = dict.fromkeys(("created_at", "started_at", "completed_at", "updated_at"), at)
        made = {"created_at": at, "updated_at": at}
        cluster = {"id": 1, "available_since": at}
        outputs = [{"id": year, "name": "a", "records_count": 2**63 - 1, "progress": -0.0, **made}]
        put(
            engine,
            job(id=year, runtime_in_seconds=2**63 - 1, outputs=outputs, cluster=cluster, **times),
        )
    outputs_ = TABLES["job_outputs"]
    with engine.begin() as connection:  # as it may be stored already
        connection.execute(update(outputs_).values(progress=-0.0))
        connection.execute(update(TABLES["jobs"]).values(progress=-0.0))
