"""Which rows an export has."""

import io
from datetime import date
from typing import Any

import pytest
from exports import NOW, put, written
from samples import job
from sqlalchemy import Engine, insert

from snapshotter.errors import UsageError
from snapshotter.export.export import export
from snapshotter.export.selection import TABLES, Selection
from snapshotter.trends.filters import Filters


def test_filters(engine: Engine) -> None:
    put(
        engine,
        job(),
        job(id=8, outputs=[{"id": 80, "component": {"fields": ["x"]}}], package_id=2),
        job(id=9, outputs=[{"id": 90}], status="failed", started_at="2026-01-03T00:00:00Z"),
    )

    def ids(name: str, *filters: Any, column: str = "id") -> list[int]:
        return [int(row[column]) for row in written(engine, name, *filters)]

    assert ids("jobs", Filters(since=date(2026, 1, 3))) == [9]
    assert ids("jobs", Filters(until=date(2026, 1, 3))) == [7, 8]
    assert ids("jobs", Filters(package_id=2)) == [8]
    assert ids("jobs", Filters(), "failed") == [9]
    assert ids("job_outputs", Filters(package_id=2)) == [80]
    assert ids("output_fields", Filters(package_id=2), column="output_id") == [80]
    assert ids("job_changes", Filters(), "failed", column="job_id") == [9]
    days = Filters(date(2026, 1, 30), date(2026, 2, 2))
    assert [row["day"] for row in written(engine, "calendar", days)] == [
        "2026-01-30",
        "2026-01-31",
        "2026-02-01",
    ]


def test_rejects_by_their_day(engine: Engine) -> None:
    rejects = TABLES["rejected_records"]
    with engine.begin() as connection:
        connection.execute(
            insert(rejects).values(
                snapshot_id=1, account_id="a", reason="r", payload="{}", rejected_at=NOW
            )
        )
    assert len(written(engine, "rejected_records", Filters(since=date(2026, 1, 5)))) == 1
    assert written(engine, "rejected_records", Filters(since=date(2026, 1, 6))) == []
    assert written(engine, "rejected_records")[0]["rejected_at"] == "2026-01-05T01:02:03Z"


@pytest.mark.parametrize(
    ("name", "filters", "said"),
    [
        ("calendar", (Filters(package_id=1),), "calendar cannot be narrowed by package"),
        ("snapshots", (Filters(), "failed"), "snapshots cannot be narrowed by status"),
        ("accounts", (Filters(since=date(2026, 1, 1)),), "accounts cannot be narrowed by day"),
        ("runtime_by_day", (Filters(), "failed"), "cannot be narrowed by status"),
        ("jobz", (), "no table or trend 'jobz'; did you mean 'jobs'?"),
    ],
)
def test_a_filter_that_makes_no_sense(engine: Engine, name: str, filters: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        export(engine, Selection(name, *filters), io.StringIO())
