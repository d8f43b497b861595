"""Which rows an export has."""

import io
from datetime import date
from typing import Any

import pytest
from exports import NOW, put, written
from samples import job, store
from sqlalchemy import Engine, insert, select
from trend_jobs import known_until

from snapshotter.errors import UsageError
from snapshotter.export.export import export
from snapshotter.export.selection import (
    NO_MONTH,
    TABLES,
    Selection,
    conditions,
    months,
    narrowed_by,
    require_status,
)
from snapshotter.store.tables import JOBS
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


def test_rows_of_an_account(engine: Engine) -> None:
    put(engine, job())
    own = {"id": 80, "component": {"fields": ["x"]}}
    store(engine, job(id=8, outputs=[own]), at=NOW, account_id="beta")
    for account_id in ("acme", "beta"):
        known_until(engine, NOW, account_id)
    of_beta = Filters(account_id="beta")
    for name, column, expected in (
        ("jobs", "id", "8"),
        ("job_outputs", "id", "80"),
        ("output_fields", "output_id", "80"),
        ("job_changes", "job_id", "8"),
        ("accounts", "account_id", "beta"),
        ("runtime_by_day", "account_id", "beta"),
    ):
        assert [row[column] for row in written(engine, name, of_beta)] == [expected]
        assert len(written(engine, name)) > 1


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
        (
            "calendar",
            (Filters(package_id=1),),
            "calendar .* by package; leave --package and --package-id out",
        ),
        (
            "calendar",
            (Filters(account_id="acme"),),
            "calendar cannot be narrowed by account; leave --account out",
        ),
        (
            "snapshots",
            (Filters(), "failed"),
            "snapshots cannot be narrowed by status; leave --status",
        ),
        (
            "accounts",
            (Filters(since=date(2026, 1, 1)),),
            "by day; leave --last, --since and --until out",
        ),
        ("runtime_by_day", (Filters(), "failed"), "cannot be narrowed by status"),
        ("snapshot_log", (Filters(package_id=1),), "cannot be narrowed by package"),
        ("jobz", (), "no table or trend 'jobz'; did you mean 'jobs'?"),
    ],
)
def test_a_filter_that_makes_no_sense(engine: Engine, name: str, filters: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        export(engine, Selection(name, *filters), io.StringIO())


def test_what_a_table_or_a_trend_can_be_narrowed_by() -> None:
    assert narrowed_by("job_changes") == {"day", "package", "account", "status"}
    assert narrowed_by("snapshots") == {"day", "account"}
    assert narrowed_by("accounts") == {"account"}
    assert narrowed_by("calendar") == {"day"}
    assert narrowed_by("runtime_by_day") == {"day", "package", "account"}
    assert narrowed_by("snapshot_log") == {"day", "account"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_status_must_be_documented_or_stored(engine: Engine) -> None:
    put(engine, job(status="paused"))
    with engine.connect() as connection:
        for status in (None, "failed", "paused"):
            require_status(connection, status)
        with pytest.raises(UsageError, match="--status 'pausd': no job has it; did you mean"):
            require_status(connection, "pausd")
        with pytest.raises(
            UsageError, match=r"no job has it; known are completed, failed, .*paused"
        ):
            require_status(connection, "x")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_months_are_those_of_the_selected_jobs(engine: Engine) -> None:
    put(
        engine,
        job(),
        job(id=8, outputs=None, started_at="2026-02-28T23:59:59Z"),
        job(id=9, outputs=None, started_at="2026-02-01T00:00:00Z", status="failed"),
    )
    with engine.connect() as connection:
        assert months(connection, Selection("jobs")) == ["2026-01", "2026-02", NO_MONTH]
        assert months(connection, Selection("job_outputs", status="failed")) == [
            "2026-02",
            NO_MONTH,
        ]
        rows = {
            month: connection.execute(
                select(JOBS.c.id).where(*conditions(JOBS, Selection("jobs", month=month)))
            ).scalars()
            for month in ("2026-01", "2026-02", "2026-03", NO_MONTH)
        }
        assert {month: sorted(ids) for month, ids in rows.items()} == {
            "2026-01": [7],
            "2026-02": [8, 9],
            "2026-03": [],
            NO_MONTH: [],
        }
