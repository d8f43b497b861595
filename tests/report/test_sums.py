"""The sums of the database are those of the trends' rows."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from samples import job, store
from sqlalchemy import Engine

from snapshotter.report.sums import sums
from snapshotter.report.totals import SUMMED, TILES, totals
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
JOBS: tuple[dict[str, Any], ...] = (
    {"status": "completed", "runtime_in_seconds": 90, "records": [10**16, 10**16]},
    {"status": "completed", "runtime_in_seconds": 10**9, "records": [10**16 + 1, -1, None, 7]},
    {"status": "completed", "runtime_in_seconds": 10**9 + 1, "records": []},
    {"status": "completed", "runtime_in_seconds": None, "records": [1]},
    {"status": "failed", "runtime_in_seconds": 30, "records": [5]},
    {"status": "stopped", "runtime_in_seconds": 40, "cluster": {"id": 1, "nodes": 10**6 + 1}},
    {"status": "running", "runtime_in_seconds": 50, "records": [5]},
    {"status": "completed", "runtime_in_seconds": 60, "package_id": 435, "day": 20},
    {"status": "failed", "runtime_in_seconds": 60, "package_id": None},
)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(until=date(2026, 1, 15)),
        Filters(since=date(2026, 1, 15)),
        Filters(package_id=434, account_id="acme"),
        Filters(account_id="beta"),
    ],
)
def test_sums_are_the_totals_of_the_trends(engine: Engine, filters: Filters) -> None:
    for number, fields in enumerate(JOBS):
        own = {"package_id": 434, "package": None, "cluster": {"id": 1, "nodes": 3}, **fields}
        at = f"2026-01-{own.pop('day', 5):02}T03:00:00Z"
        times = dict.fromkeys(("created_at", "started_at", "updated_at", "completed_at"), at)
        outputs = [
            {"id": 10 * number + place, "name": "o", "records_count": records}
            for place, records in enumerate(own.pop("records", []))
        ]
        store(engine, job(**{"id": number + 1, "outputs": outputs, **times, **own}), at=NOW)
    with engine.connect() as connection:
        found = sums(connection, filters)
        rows = {}
        for name in SUMMED:
            columns, values = trends.rows(connection, name, filters)
            rows[name] = [dict(zip(columns, each, strict=True)) for each in values]
    assert found == pytest.approx(totals(rows))
    assert tuple(found) == TILES
    assert bool(found["runs"]) == (filters.account_id != "beta")
