"""`output_days` equals the outputs that it counts, however a job comes to another of its groups."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from counted_outputs import assert_counted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs import insert_run, replace
from sqlalchemy import Connection, Engine, delete, event, select, update

from snapshotter.api.records import read
from snapshotter.models import METADATA
from snapshotter.redact import Redaction
from snapshotter.store import accounts, output_days, prune, revisions
from snapshotter.store.load import load
from snapshotter.store.lock import lock
from snapshotter.store.prepared import prepare
from snapshotter.store.tables import ACCOUNTS, CALENDAR, CHANGES, JOBS, OUTPUT_DAYS, OUTPUTS
from snapshotter.store.write import Stamp
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters

AT = datetime(2026, 1, 31, tzinfo=UTC)
ACME, OTHER = Stamp("acme", 1, AT), Stamp("other", 2, AT)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KNOWN = {"api_url": "x", "watermark": AT}


def ran(job_id: int, *records: int | None, **fields: Any) -> dict[str, Any]:
    """Return a completed job of package 1 on January 5th, with an output "a" for each number."""
    outputs = [
        {"id": job_id * 10 + place, "name": "a", "records_count": number}
        for place, number in enumerate(records)
    ]
    own = {"id": job_id, "status": "completed", "package_id": 1, "outputs": outputs}
    return {**own, "started_at": "2026-01-05T00:00:00Z", **fields}


def open_for(engine: Engine, *runs: Stamp) -> None:
    """Have the outputs of these accounts counted from now on."""
    with engine.begin() as connection:
        for run in runs:
            insert_run(connection, run)
            row = {"account_id": run.account_id, **KNOWN, "output_days_since": AT}
            replace(connection, ACCOUNTS, row)


def put(engine: Engine, *jobs: dict[str, Any], run: Stamp = ACME) -> None:
    with engine.begin() as connection:
        insert_run(connection, run)
        load(
            connection, run, [prepare(read(json.dumps(job).encode()), Redaction()) for job in jobs]
        )
        assert_counted(connection)


def counted(engine: Engine) -> list[tuple[Any, ...]]:
    """Return package, day, name, runs, zero runs and records of each row, by its key."""
    with engine.connect() as connection:
        rows = connection.execute(select(OUTPUT_DAYS).order_by(OUTPUT_DAYS.c.first_output_id)).all()
    return [
        (
            row.package_id,
            row.run_date and row.run_date.day,
            row.name,
            row.runs,
            row.zero_runs,
            None if row.rest is None else row.billions * 10**9 + row.rest,
        )
        for row in rows
    ]


def test_each_way_to_another_group(engine: Engine) -> None:
    open_for(engine, ACME, OTHER)
    put(engine, ran(1, 5, 7), ran(2, 0), ran(3, None), ran(4, 9, status="running"))
    assert counted(engine) == [(1, 5, "a", 3, 1, 12)]
    put(engine, ran(4, 10**16, 10**16, 10**16 + 1))
    assert counted(engine) == [(1, 5, "a", 4, 1, 2 * 10**16 + 12)]
    put(engine, ran(4, 10**16, status="failed"), ran(3, -1))
    assert counted(engine) == [(1, 5, "a", 3, 1, 12)]
    put(engine, ran(1, 5, 7, started_at="2026-01-06T00:00:00Z"))
    assert counted(engine) == [(1, 6, "a", 1, 0, 12), (1, 5, "a", 2, 1, 0)]
    put(engine, ran(1, 5, 7, package_id=0, started_at="2026-01-06T00:00:00Z"))
    assert counted(engine) == [(0, 6, "a", 1, 0, 12), (1, 5, "a", 2, 1, 0)]
    put(engine, ran(1, 5, package_id=None), ran(2, 8, started_at=None))
    assert counted(engine) == [
        (None, 5, "a", 1, 0, 5),
        (1, None, "a", 1, 0, 8),
        (1, 5, "a", 1, 0, None),
    ]
    put(engine, ran(1, 6, package_id=None, started_at=None), ran(2, 9, started_at=None))
    assert counted(engine)[:2] == [(None, None, "a", 1, 0, 6), (1, None, "a", 1, 0, 9)]
    put(engine, ran(1), ran(2), ran(3))
    assert counted(engine) == []


def test_two_accounts_and_names(engine: Engine) -> None:
    """A package and day of two accounts are two groups, and so are two names, one of them null."""
    open_for(engine, ACME, OTHER)
    put(engine, ran(1, 1))
    named = [
        {"id": 20 + place, "name": name, "records_count": 2} for place, name in enumerate("aA")
    ]
    nameless = {"id": 29, "name": None, "records_count": 3}
    put(engine, ran(2, outputs=[*named, nameless]), run=OTHER)
    assert counted(engine) == [
        (1, 5, "a", 1, 0, 1),
        (1, 5, "a", 1, 0, 2),
        (1, 5, "A", 1, 0, 2),
        (1, 5, None, 1, 0, 3),
    ]


def test_outputs_that_jobs_take_from_each_other(engine: Engine) -> None:
    open_for(engine, ACME)
    put(engine, ran(1, 5), ran(2, 7, started_at="2026-01-06T00:00:00Z"))
    swapped = ran(1)["outputs"], ran(2, 7)["outputs"], ran(1, 5)["outputs"]
    put(engine, ran(1, outputs=swapped[1]), ran(2, outputs=swapped[2], package_id=3))
    assert counted(engine) == [(3, 5, "a", 1, 0, 5), (1, 5, "a", 1, 0, 7)]


def test_a_name_of_any_length(engine: Engine) -> None:
    open_for(engine, ACME)
    long = "x" * 20_000
    put(engine, ran(1, outputs=[{"id": 1, "name": f"{long}1"}, {"id": 2, "name": f"{long}1"}]))
    assert [row[2:] for row in counted(engine)] == [(f"{long}1", 1, 0, None)]


def test_what_is_pruned_is_not_counted(engine: Engine) -> None:
    open_for(engine, ACME)
    put(engine, *(ran(n, n, completed_at=f"2026-01-{n:02}T00:00:00Z") for n in (6, 7, 8)))
    [*prune.prune(engine, [prune.Old("acme", datetime(2026, 1, 8, tzinfo=UTC))])]
    assert counted(engine) == [(1, 5, "a", 1, 0, 8)]
    with engine.connect() as connection:
        assert_counted(connection)


def test_an_account_is_renamed_and_removed_with_its_counts(engine: Engine) -> None:
    open_for(engine, ACME)
    put(engine, ran(1, 1))
    accounts.rename(engine, "acme", "new")
    with engine.connect() as connection:
        assert_counted(connection)
    put(engine, ran(1, 2), run=Stamp("new", 1, AT))
    assert counted(engine) == [(1, 5, "a", 1, 0, 2)]
    accounts.forget(engine, "new", with_jobs=True)
    assert counted(engine) == []


def test_a_first_load_is_counted_at_its_end(engine: Engine) -> None:
    put(engine, ran(1, 1), ran(2, 2))
    output_days.fill_all(engine)
    assert counted(engine) == []  # the list is not read to its end yet
    assert output_days.waiting(engine) == []
    with engine.begin() as connection:
        replace(connection, ACCOUNTS, {"account_id": "acme", **KNOWN})
    assert output_days.waiting(engine) == ["acme"]
    with lock(engine, "acme"):
        output_days.fill_all(engine)
    assert counted(engine) == []
    revisions.upgrade(engine)
    assert counted(engine) == [(1, 5, "a", 2, 0, 3)]
    with engine.begin() as connection:
        output_days.fill(connection, "acme")  # is counted once
        assert_counted(connection)
    put(engine, ran(2, 3))
    assert counted(engine) == [(1, 5, "a", 2, 0, 4)]


@SQLITE
def test_a_count_that_is_not_committed_begins_again(engine: Engine) -> None:
    put(engine, ran(1, 1))
    with engine.begin() as connection:
        replace(connection, ACCOUNTS, {"account_id": "acme", **KNOWN})
    with engine.connect() as connection:
        output_days.fill(connection, "acme")
        connection.rollback()
    assert (counted(engine), output_days.waiting(engine)) == ([], ["acme"])
    output_days.fill_all(engine)
    assert counted(engine) == [(1, 5, "a", 1, 0, 1)]


def test_rows_that_changes_by_hand_left_refuse_no_job(engine: Engine) -> None:
    """The output of a job that was deleted by SQL is the first of another day when it is back."""
    open_for(engine, ACME)
    put(engine, ran(1, 1), ran(2, 2, started_at="2026-01-07T00:00:00Z"))
    with engine.begin() as connection:
        for of_job in (CHANGES.c.job_id, OUTPUTS.c.job_id, JOBS.c.id):
            connection.execute(delete(of_job.table).where(of_job == 1))
    put(engine, ran(1, 5, started_at="2026-01-06T00:00:00Z"))
    put(engine, ran(3, 3, package_id=None))
    with engine.begin() as connection:  # the stored one moves, and another job of the group comes
        moved = {"package_id": None, "run_date": date(2026, 1, 5)}
        connection.execute(update(JOBS).where(JOBS.c.id == 1).values(moved))
    put(engine, ran(3, 4, package_id=None))
    assert counted(engine) == [(None, 5, "a", 2, 0, 9), (1, 7, "a", 1, 0, 2)]


def test_outputs_changed_by_hand_are_counted_anew_on_request(engine: Engine) -> None:
    open_for(engine, ACME, OTHER)
    put(engine, ran(1, 1), ran(2, 2))
    put(engine, ran(3, 3), run=OTHER)
    with engine.begin() as connection:
        connection.execute(update(OUTPUTS).where(OUTPUTS.c.job_id == 2).values(records_count=9))
        anew = update(ACCOUNTS).where(ACCOUNTS.c.account_id == "acme")
        connection.execute(anew.values(output_days_since=None))
        found = trends.rows(connection, "records_by_day", Filters())
    assert [(row[0], row[5]) for row in found.rows] == [("acme", 10), ("other", 3)]  # meanwhile
    output_days.fill_all(engine)
    assert counted(engine) == [(1, 5, "a", 2, 0, 10), (1, 5, "a", 1, 0, 3)]


def test_few_statements_by_index(engine: Engine) -> None:
    """However many packages and days a batch has."""
    open_for(engine, ACME)
    first = date(2026, 1, 1)
    jobs = [
        ran(n, n, package_id=n % 9, started_at=f"{first + timedelta(days=n)}T00:00:00Z")
        for n in range(1, 200)
    ]
    put(engine, *jobs)
    seen: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(*given: Any) -> None:
        seen.append(given[2])

    with engine.begin() as connection:
        groups = output_days.stored_groups(connection, range(1, 200))
        assert len(groups) == 199
        seen.clear()
        output_days.recount(connection, "acme", groups)
        assert len(seen) == 4
        assert_counted(connection)


@SQLITE
def test_sqlite_reads_the_groups_alone(engine: Engine) -> None:
    open_for(engine, ACME)
    put(engine, ran(1, 1))
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(connection: Connection, _cursor: Any, statement: str, *given: Any) -> None:
        if "output_days WHERE" in statement or "INTO output_days" in statement:
            plan = f"explain query plan {statement}"
            driver: Any = connection.connection.driver_connection
            plans.extend(row[3] for row in driver.execute(plan, given[0]))

    put(engine, ran(1, 2))
    tables = [line for line in plans if line.startswith(("SCAN", "SEARCH"))]
    assert [line.split()[0] for line in tables] == ["SEARCH"] * 6
    by_group = [line for line in tables if " jobs " in line or "ix_output_days" in line]
    assert len(by_group) == 3
    assert all("package_id=?" in line and "run_date=?" in line for line in by_group)


jobs = st.builds(
    lambda job_id, records, status, package, day, name: ran(
        job_id,
        status=status,
        package_id=package,
        started_at=day,
        outputs=[
            {"id": job_id * 10 + place, "name": name if place else "a", "records_count": number}
            for place, number in enumerate(records)
        ],
    ),
    st.integers(1, 9),
    st.lists(st.sampled_from([0, 0, 5, None, -1, 10**16, 10**16 + 1]), max_size=3),
    st.sampled_from(["completed", "completed", "completed", "failed", "running", None]),
    st.sampled_from([0, 1, 2, None]),
    st.sampled_from(["2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", None]),
    st.sampled_from(["a", "A", "", None]),
)


@SQLITE
def test_any_batches(engine: Engine) -> None:
    @settings(
        max_examples=40,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(st.lists(st.lists(jobs, max_size=6), max_size=4), st.integers(0, 4))
    def check(batches: list[list[dict[str, Any]]], counted_from: int) -> None:
        with engine.begin() as connection:
            for table in reversed(METADATA.sorted_tables):
                if table is not CALENDAR:
                    connection.execute(delete(table))
        for number, batch in enumerate(batches):
            if number == counted_from:
                with engine.begin() as connection:
                    connection.execute(update(ACCOUNTS).values(KNOWN))
                output_days.fill_all(engine)
            put(engine, *batch)

    check()
