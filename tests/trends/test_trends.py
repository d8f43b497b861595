"""Each trend by hand-computed answers, alike on every engine, and in each engine's own shell."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs import insert_account
from sqlalchemy import Engine, func, select, text, update
from trend_jobs import DAY, ahead, ended, known_until, log_two_runs, put, ran

from snapshotter import statements
from snapshotter.api.schema import LogSummary
from snapshotter.api.summaries import Summary
from snapshotter.errors import UsageError
from snapshotter.resources import resource_folder
from snapshotter.store import log_summaries, output_days
from snapshotter.store.engine import open_engine
from snapshotter.store.log_summaries import FailedJob
from snapshotter.store.revisions import upgrade
from snapshotter.store.tables import OUTPUT_DAYS, SNAPSHOTS
from snapshotter.times import epoch
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters
from snapshotter.trends.values import normalized


def answer(engine: Engine, name: str, **filters: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a database whose only account is `acme`, without that column."""
    rows = answer_by_account(engine, name, **filters)
    assert {row[0] for row in rows} <= {"acme"}
    return [row[1:] for row in rows]


def records_by_day(engine: Engine) -> list[tuple[Any, ...]]:
    """Return what is counted by the trend itself, and the same by the loader."""
    by_itself = answer(engine, "records_by_day")
    known_until(engine, DAY)
    output_days.fill_all(engine)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(OUTPUT_DAYS)).scalar_one()
    assert answer(engine, "records_by_day") == by_itself
    return by_itself


def answer_by_account(engine: Engine, name: str, **filters: Any) -> list[tuple[Any, ...]]:
    with (
        engine.connect() as connection,
        trends.run(connection, name, Filters(**filters)) as result,
    ):
        columns = list(result.keys())
        rows = normalized(columns, result.all())
    assert columns[0] == "account_id"
    return [tuple(str(v) if isinstance(v, date) else v for v in row) for row in rows]


def test_runtime_by_day(engine: Engine) -> None:
    put(
        engine,
        ran(1, 10),
        ran(2, 20),
        ran(3, 30),
        ran(4, 100, package={"id": 1, "name": "renamed"}),
        ran(5, None),
        ran(6, 999, status="running"),
        ran(7, 999, status="failed"),
        ran(8, 7, started_at="2026-01-06T00:00:00Z", package={"id": 1, "name": "renamed"}),
        ran(9, 5, package_id=None, package=None),
        ran(10, None, package_id=2, package=None),
    )
    assert answer(engine, "runtime_by_day") == [
        (1, "renamed", "2026-01-06", 1, 7.0, 7.0, 7),
        (1, "renamed", "2026-01-05", 5, 25.0, 89.5, 100),
        (2, None, "2026-01-05", 1, None, None, None),
        (None, None, "2026-01-05", 1, 5.0, 5.0, 5),
    ]


def test_slowest_packages(engine: Engine) -> None:
    put(
        engine,
        ran(1, 10),
        ran(2, 20),
        ran(3, 90, package_id=2, package={"name": "two"}),
        ran(4, None, package_id=3, package={"name": "three"}),
        ran(5, 5000, status="stopped"),
    )
    assert answer(engine, "slowest_packages") == [
        (2, "two", 1, 90, 0.75, 90.0, 90.0),
        (1, "one", 2, 30, 0.25, 15.0, 19.5),
        (3, "three", 1, None, None, None, None),
    ]


def test_failures_by_day(engine: Engine) -> None:
    put(
        engine,
        ran(1, 1),
        ran(2, 1),
        ran(3, 1, status="failed"),
        ran(4, 1, status="stopped"),
        ran(5, 1, status="running"),
        ran(6, 1, status="paused"),
        ran(7, 1, status="stopped", package_id=2, package={"name": "two"}),
    )
    assert answer(engine, "failures_by_day") == [
        (1, "one", "2026-01-05", 4, 1, 1, 0.333333),
        (2, "two", "2026-01-05", 1, 0, 1, None),
    ]


def test_runtime_by_week(engine: Engine) -> None:
    put(
        engine,
        ran(1, 10),
        ran(2, 20, started_at="2026-01-11T23:59:59Z"),
        ran(3, 7, started_at="2026-01-12T00:00:00Z"),
        ran(4, 9, status="failed"),
    )
    assert answer(engine, "runtime_by_week") == [
        (1, "one", "2026-01-12", 1, 7.0, 7.0, 7),
        (1, "one", "2026-01-05", 2, 15.0, 19.5, 20),
    ]


def test_runtime_regressions(engine: Engine) -> None:
    edited = {"id": 1, "name": "one", "updated_at": "2026-01-05T00:12:30Z"}
    other = {"package_id": 2, "package": {"name": "two"}}
    put(
        engine,
        *(ended(n, n, 10 if n % 2 else 12) for n in range(1, 13)),
        *(ended(n, n, 20, package=edited) for n in range(13, 18)),
        *(ended(n, n, 20, **other) for n in range(21, 33)),
        *(ended(n, n, 29, **other) for n in range(33, 38)),
        ended(40, 40, 900, status="failed"),
    )
    since = "2026-01-05 00:13:20+00:00"
    assert answer(engine, "runtime_regressions") == [
        (1, "one", 20.0, 11.0, 1.818182, 13, since, 1.0, 12, 1)
    ]


@pytest.mark.parametrize("baseline", [9, 10])
def test_a_regression_needs_ten_runs_before(engine: Engine, baseline: int) -> None:
    put(
        engine,
        *(ended(n, n, 10) for n in range(1, baseline + 1)),
        *(ended(n, n, 15) for n in range(101, 106)),
    )
    found = answer(engine, "runtime_regressions")
    assert [row[2:5] + row[7:] for row in found] == [(15.0, 10.0, 1.5, 0.0, 10, 0)] * (baseline - 9)


def daily(seconds: Sequence[int | None], first_id: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """Return a job a day from `DAY` on, each of that many seconds; none on a day without any."""
    return [
        ended(first_id + place, 1440 * place, value, **fields)
        for place, value in enumerate(seconds)
        if value is not None
    ]


USUAL = [600, 610, 590, 605, 595, 4000, 600, 610, 590, 600]


def test_runtime_steps(engine: Engine) -> None:
    put(engine, *daily([*USUAL, 1200, 1210, 1190, 1205, 1195]))
    put(engine, ended(50, 10, 606), ended(51, 15, 594, status="failed"), ended(52, 20, -5))
    other = {"package_id": 2, "package": {"name": "two"}}
    put(engine, *daily([*[100] * 5, None, *[251] * 6], 101, **other))
    assert answer(engine, "runtime_steps") == [
        (2, "two", "2026-01-11", 2.51, 251.0, 100.0, 6, 5),
        (1, "one", "2026-01-15", 1.995012, 1200.0, 601.5, 5, 10),
    ]
    assert answer(engine, "runtime_steps", package_id=1, until=date(2026, 1, 14)) == []


@pytest.mark.parametrize(
    "seconds",
    [
        [600],
        [600] * 30,
        [1200] * 10 + [600] * 10,  # faster
        [100, 900] * 5 + [500, 1200] * 5,  # its usual scatter
        [100, 100, 300] * 3 + [100] + [290] * 8,  # not above the 90th percentile before
        [0] * 10 + [600] * 10,  # no ratio
        [600] * 4 + [1200] * 5,  # too few days
        [600] * 10 + [899] * 10,
    ],
)
def test_no_step(engine: Engine, seconds: list[int]) -> None:
    put(engine, *daily(seconds))
    assert answer(engine, "runtime_steps") == []


def test_of_equal_steps_it_is_the_first(engine: Engine) -> None:
    """As much speaks for each: 5 days of 100, 5 of 200 and 5 of 300 seconds."""
    put(engine, *daily([100] * 5 + [200] * 5 + [300] * 5))
    assert answer(engine, "runtime_steps") == [(1, "one", "2026-01-10", 2.5, 250.0, 100.0, 10, 5)]


def test_steps_of_two_accounts(engine: Engine) -> None:
    put(engine, *daily([100] * 5 + [200] * 5))
    put(engine, *daily([200] * 5 + [100] * 5, 101), account_id="beta")
    put(engine, *daily([10] * 7 + [40] * 5, 201, package_id=2), account_id="beta")
    expected = [
        ("beta", 2, "one", "2026-01-12", 4.0, 40.0, 10.0, 5, 7),
        ("acme", 1, "one", "2026-01-10", 2.0, 200.0, 100.0, 5, 5),
    ]
    assert answer_by_account(engine, "runtime_steps") == expected
    assert answer_by_account(engine, "runtime_steps", account_id="acme") == expected[1:]


def test_failure_reasons(engine: Engine) -> None:
    put(
        engine,
        ended(1, 1, status="failed", errors="Job 1 lost /tmp/a"),
        ended(2, 2, status="failed", errors="Job 2 lost /tmp/b", package_id=2),
        ended(3, 3, status="failed"),
        ended(4, 4, status="stopped", errors="Job 4 lost /tmp/b"),
    )
    assert answer(engine, "failure_reasons") == [
        (
            *("Job # lost <path>", 2, 2),
            *("2026-01-05 00:02:00+00:00", "2026-01-05 00:03:00+00:00", 2, None),
        ),
        (None, 1, 1, "2026-01-05 00:04:00+00:00", "2026-01-05 00:04:00+00:00", 3, None),
    ]


def test_failure_reasons_have_the_summary_of_their_last_job(engine: Engine) -> None:
    put(
        engine,
        ended(1, 1, status="failed", errors="lost"),
        ended(2, 2, status="failed", errors="lost"),
        ended(3, 3, status="failed", errors="slow"),
        ended(4, 4, status="failed", errors="late"),
        ended(5, 5, status="failed", errors="none", completed_at=None),
    )
    monday = int(DAY.timestamp())
    ends = {1: monday + 120, 2: monday + 180, 3: monday + 239, 5: None}  # 3 has failed again since
    with engine.begin() as connection:
        for job_id, finished in ends.items():
            summary = Summary(LogSummary(error_summary=f"summary {job_id}"), {})
            log_summaries.put(connection, FailedJob(job_id, finished, 0), summary, DAY)
    found = {row[0]: row[-1] for row in answer(engine, "failure_reasons")}
    assert found == {"lost": "summary 2", "slow": None, "late": None, "none": "summary 5"}


def test_recovery(engine: Engine) -> None:
    put(
        engine,
        ended(1, 1),
        ended(2, 2, status="failed"),
        ended(3, 3, status="failed"),
        ended(4, 3.5, status="stopped"),
        ended(5, 4),
        ended(6, 5, status="failed"),
        ended(7, 6, package_id=2),
    )
    assert answer(engine, "recovery") == [
        (1, "one", 2, 3, 2, 1, 120.0, 120.0, 120, 1, "2026-01-05 00:06:00+00:00"),
    ]


def test_queue_wait_by_day(engine: Engine) -> None:
    made = "2026-01-05T00:00:00Z"
    cluster = {"id": 1, "available_since": "2026-01-05T00:00:50Z"}
    put(
        engine,
        ran(1, 1, created_at=made, started_at="2026-01-05T00:00:10Z"),
        ran(2, 1, created_at=made, started_at="2026-01-05T00:01:00Z", status="running",
            cluster=cluster),
        ran(3, 1, created_at=made, started_at=None, status="queued"),
        ran(4, 1, created_at=made, started_at="2026-01-06T00:00:00Z"),
    )  # fmt: skip
    assert answer(engine, "queue_wait_by_day") == [
        ("2026-01-06", 1, 86400.0, 86400.0, 0, None, None, None, None),
        ("2026-01-05", 2, 35.0, 57.5, 1, 50.0, 50.0, 10.0, 10.0),
    ]


def test_open_jobs(engine: Engine) -> None:
    put(
        engine,
        ended(1, 1, 10),
        ended(2, 2, 20),
        ran(3, 0, status="running"),
        ran(10, None, status="queued", package_id=2, package=None),
    )
    assert answer(engine, "open_jobs") == [
        (3, 1, "one", "running", "2026-01-05 00:03:00+00:00", 420, 2, 19.5, 1),
        (10, 2, None, "queued", "2026-01-05 00:10:00+00:00", 0, 0, None, None),
    ]


def test_records_by_day(engine: Engine) -> None:
    put(
        engine,
        ran(1, 1, outputs=[{"id": 11, "name": "a", "records_count": 2**53 + 1}]),
        ran(2, 1, outputs=[{"id": 21, "name": "a", "records_count": 0}, {"id": 22, "name": "A "}]),
        ran(3, 1, status="failed", outputs=[{"id": 31, "name": "a", "records_count": 5}]),
        ran(4, 1, outputs=None),
    )
    assert records_by_day(engine) == [
        (1, "a", "2026-01-05", 2, 2**53 + 1, 1, float(2**53 + 1), 1, None),
        (1, "A ", "2026-01-05", 1, None, 0, None, 0, None),
    ]


def test_records_by_day_against_the_same_weekday(engine: Engine) -> None:
    put(
        engine,
        *(
            ran(n, 1, started_at=f"2026-01-{day:02}T00:00:00Z",
                outputs=[{"id": n, "name": "a", "records_count": records}])
            for n, day, records in ((1, 5, 10), (2, 12, 12), (3, 19, 14), (4, 26, 100), (5, 6, 99))
        ),
        ran(6, 1, started_at="2026-01-27T00:00:00Z", outputs=[
            {"id": 61, "name": "a", "records_count": 0}, {"id": 62, "name": "a", "records_count": 9}
        ]),
    )  # fmt: skip
    assert [row[2:] for row in records_by_day(engine)] == [
        ("2026-01-27", 1, 9, 0, 54.0, 2, -0.6745),
        ("2026-01-26", 1, 100, 0, 13.0, 4, 29.34075),
        ("2026-01-19", 1, 14, 0, 13.0, 4, 0.33725),
        ("2026-01-12", 1, 12, 0, 13.0, 4, -0.33725),
        ("2026-01-06", 1, 99, 0, 54.0, 2, 0.6745),
        ("2026-01-05", 1, 10, 0, 13.0, 4, -1.01175),
    ]


def test_throughput(engine: Engine) -> None:
    def output(n: int, records: int | None) -> list[dict[str, Any]]:
        return [{"id": n, "name": "a", "records_count": records}]

    put(
        engine,
        ran(1, 60, outputs=output(1, 400_000)),
        ran(2, 40, outputs=output(2, 600_000)),
        ran(3, 100, started_at="2026-01-19T00:00:00Z", outputs=output(3, 2_000_000)),
        ran(4, 100, outputs=output(4, None)),
        ran(5, 100, outputs=None),
    )
    assert answer(engine, "throughput") == [
        (1, "one", "2026-01-19", 1, 100, 2_000_000, 50.0, 2.0, 4.0, 0.5),
        (1, "one", "2026-01-05", 2, 100, 1_000_000, 100.0, None, None, None),
    ]


def plan(engine: Engine, name: str) -> str:
    """Return SQLite's plan of a trend without filters."""
    statement = f"explain query plan {statements.bare(trends.source_of(name))}"
    with engine.connect() as connection:
        steps = connection.execute(text(statements.escaped(statement)), vars(Filters()))
        return "\n".join(step.detail for step in steps)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_throughput_reads_the_outputs_of_its_period_alone(engine: Engine) -> None:
    bounded = r"SEARCH job_outputs USING .*\(job_id>\? AND job_id<\?\)"
    assert re.search(bounded, plan(engine, "throughput"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_output_field_changes_looks_up_pairs_and_reads_jobs_by_an_index(engine: Engine) -> None:
    """Else the time grows with the number of changes squared, or a job's whole row is read."""
    steps = plan(engine, "output_field_changes")
    assert re.search(r"SEARCH pairs USING AUTOMATIC .*\(output_id=\?\)", steps)
    assert "SEARCH jobs USING COVERING INDEX ix_jobs_runs" in steps


def test_output_field_changes(engine: Engine) -> None:
    def output(n: int, *fields: str) -> list[dict[str, Any]]:
        return [{"id": n, "name": "a", "component": {"name": "to", "fields": fields}}]

    put(
        engine,
        ended(3, 1, outputs=output(1, "a", "b", "c")),
        ended(1, 2, outputs=output(2, "x"), status="failed"),
        ended(2, 3, outputs=output(3, "a", "c", "d")),
        ended(4, 4, outputs=output(4, "a", "c", "d")),
        ended(5, 5, outputs=output(5, "c", "a", "d")),
        ended(6, 6, outputs=output(6, "z"), package_id=2),
    )
    second, fifth = "2026-01-05 00:04:00+00:00", "2026-01-05 00:06:00+00:00"
    assert answer(engine, "output_field_changes") == [
        (1, "to", "a", 5, fifth, "c", "moved", 1, 2, 4),
        (1, "to", "a", 5, fifth, "a", "moved", 2, 1, 4),
        (1, "to", "a", 2, second, "b", "removed", None, 2, 3),
        (1, "to", "a", 2, second, "c", "moved", 2, 3, 3),
        (1, "to", "a", 2, second, "d", "added", 3, None, 3),
    ]


def test_node_hours_by_week(engine: Engine) -> None:
    put(
        engine,
        ran(1, 3600, cluster_id=5, cluster={"id": 5, "name": "five", "nodes": 2}),
        ran(2, 1800, cluster_id=5, cluster={"id": 5, "name": "5", "nodes": 2}, status="failed"),
        ran(3, 3600, cluster_id=6),
        ran(4, 3600, cluster_id=6, status="running"),
    )
    assert answer(engine, "node_hours_by_week") == [
        (1, "one", 5, "5", "2026-01-05", 2, 1.5, 2, 3.0),
        (1, "one", 6, None, "2026-01-05", 1, 1.0, 0, None),
    ]


def test_retries(engine: Engine) -> None:
    schedule = {"creator": {"type": "Schedule", "id": 7}}
    put(
        engine,
        ran(1, 10, **schedule),
        ran(2, 1200, status="failed", attempts=0, **schedule),
        ran(3, 1200, status="failed", attempts=1, **schedule),
        ran(4, 10, attempts=2, **schedule),
        ran(5, 1200, status="failed", attempts=0, **schedule),
        ran(6, 1200, status="failed", attempts=1, creator={"type": "User", "id": 7}),
    )
    assert answer(engine, "retries") == [
        (7, 1, "one", 3, 1, 1, 0.333333, 2, 0.666667, 1.0),
    ]


def test_freshness(engine: Engine) -> None:
    put(
        engine,
        *(ended(n or 9, 10 * n) for n in range(3)),
        ended(3, 25, status="failed"),
        ended(4, 119, package_id=2, package=None),
    )
    assert answer(engine, "freshness") == [
        (1, "one", "2026-01-05 00:21:00+00:00", 2, 3, 600.0, 600.0, 5940, 1),
        (2, None, "2026-01-05 02:00:00+00:00", 4, 1, None, None, 0, None),
    ]


def test_concurrency(engine: Engine) -> None:
    put(
        engine,
        ended(1, 10, 600),
        ended(2, 15, 2700),
        ended(3, 20, 600),
        ended(4, 50, 7800, status="failed"),
        ran(5, 0, status="queued", started_at=None),
    )
    assert answer(engine, "concurrency") == [
        ("2026-01-05", 2, 1, 1, 3600),
        ("2026-01-05", 1, 1, 1, 3600),
        ("2026-01-05", 0, 4, 2, 4500),
    ]


def test_snapshot_log(engine: Engine) -> None:
    log_two_runs(engine)
    known = (0, 0, 0, 0, 3, None, None)
    assert answer(engine, "snapshot_log") == [
        (2, "jobs", "partial", "2026-01-05 11:00:00+00:00", 10, *known, 3610, "no more"),
        (1, "full", "completed", "2026-01-05 10:00:00+00:00", 30, *known, 30, None),
    ]
    assert answer(engine, "snapshot_log", since=date(2026, 1, 6)) == []


def of_one(first_id: int, seconds: int, name: str = "one") -> list[dict[str, Any]]:
    """Return jobs that every trend has an answer for, of package 1."""
    own: dict[str, Any] = {
        "package": {"id": 1, "name": name},
        "creator": {"type": "Schedule", "id": 7},
        "cluster_id": 5,
        "cluster": {"id": 5, "nodes": 2},
    }
    return [
        *(
            ended(
                first_id + n,
                10 * n,
                seconds * (3 if n > 12 else 1),
                created_at=(DAY + timedelta(minutes=10 * n, seconds=-seconds)).isoformat(),
                outputs=[
                    {
                        "id": first_id + n,
                        "name": "a",
                        "records_count": seconds,
                        "component": {"fields": ["b", "c"] if n > 8 else ["b"]},
                    }
                ],
                **own,
            )
            for n in range(18)
        ),
        *(
            ended(first_id + 20 + n, 200, seconds, status="failed", errors="Lost", **own)
            for n in range(seconds // 20)
        ),
        ran(first_id + 30, seconds, status="running", **own, started_at=None),
    ]


@pytest.mark.parametrize("name", sorted({*trends.names()} - {"runtime_steps", "snapshot_log"}))
def test_two_accounts_are_answered_apart(engine: Engine, name: str) -> None:
    """Their packages have the same ids and names, and what they do is not the same."""
    known_until(engine, DAY + timedelta(hours=6))
    known_until(engine, DAY + timedelta(hours=6), "beta")
    put(engine, *of_one(100, 20))
    of_acme = answer_by_account(engine, name)
    put(engine, *of_one(200, 45), account_id="beta")
    both = answer_by_account(engine, name)
    of_beta = [row for row in both if row[0] == "beta"]
    assert [row for row in both if row[0] == "acme"] == of_acme
    assert len(of_beta) == len(of_acme) > 0
    assert len(both) == 2 * len(of_acme)
    assert of_beta != [("beta", *row[1:]) for row in of_acme]
    assert answer_by_account(engine, name, account_id="acme") == of_acme
    assert answer_by_account(engine, name, account_id="beta") == of_beta
    assert answer_by_account(engine, name, account_id="gamma") == []


def test_the_runs_of_two_accounts(engine: Engine) -> None:
    log_two_runs(engine)
    with engine.begin() as connection:
        insert_account(connection, "beta")
        connection.execute(update(SNAPSHOTS).where(SNAPSHOTS.c.id == 2).values(account_id="beta"))
    found = [(row[0], row[1], row[13]) for row in answer_by_account(engine, "snapshot_log")]
    assert found == [("beta", 2, None), ("acme", 1, 30)]
    (of_beta,) = answer_by_account(engine, "snapshot_log", account_id="beta")
    assert of_beta[:2] == ("beta", 2)


def test_no_trend_sums_over_accounts(engine: Engine) -> None:
    made = "2026-01-05T00:00:00Z"
    output = {"name": "a", "component": {"fields": ["b"]}}
    put(engine, ended(1, 10, 600, created_at=made, outputs=[{**output, "id": 1}]))
    other = {"package": {"id": 1, "name": "other"}}
    put(
        engine,
        ended(2, 15, 1800, created_at=made, outputs=[{**output, "id": 2}], **other),
        ended(3, 65, 600, created_at=made, outputs=[{"id": 3, "name": "a"}], **other),
        account_id="beta",
    )
    assert answer_by_account(engine, "slowest_packages") == [
        ("beta", 1, "other", 2, 2400, 1.0, 1200.0, 1740.0),
        ("acme", 1, "one", 1, 600, 1.0, 600.0, 600.0),
    ]
    assert answer_by_account(engine, "concurrency") == [
        ("beta", "2026-01-05", 1, 1, 1, 600),
        ("acme", "2026-01-05", 0, 1, 1, 600),
        ("beta", "2026-01-05", 0, 1, 1, 1800),
    ]
    assert [row[:5] for row in answer_by_account(engine, "queue_wait_by_day")] == [
        ("acme", "2026-01-05", 1, 600.0, 600.0),
        ("beta", "2026-01-05", 2, 2400.0, 3750.0),
    ]
    assert [row[0:6] for row in answer_by_account(engine, "output_field_changes")] == [
        ("beta", 1, None, "a", 3, "2026-01-05 01:15:00+00:00")
    ]


HOSTILE = {
    "package_id": 2,
    "package": {"id": 2, "name": "two"},
    "cluster_id": 5,
    "creator": {"type": "Schedule", "id": 7},
    "created_at": DAY.isoformat(),
}


def hostile(first_id: int) -> list[dict[str, Any]]:
    """Return jobs of package 2 with impossible numbers: the sum of any two overflows."""
    numbers = [2**63 - 1] * 3 + [-(2**63)] * 3 + [-7210] * 3
    return [
        ran(
            first_id + place,
            number,
            status="failed" if place % 3 == 2 else "completed",
            cluster={"id": 5, "nodes": number},
            outputs=[{"id": first_id + place, "name": "a", "records_count": number}],
            **HOSTILE,
        )
        for place, number in enumerate(numbers)
    ]


def peaceful() -> list[dict[str, Any]]:
    return [
        ended(n, n, 10 * n, status="failed" if n == 4 else "completed",
              cluster_id=6, cluster={"id": 6, "nodes": 2}, creator={"type": "Schedule", "id": 3},
              outputs=[{"id": n, "name": "b", "records_count": 5 * n}])
        for n in range(1, 6)
    ]  # fmt: skip


@pytest.mark.parametrize("name", trends.names())
def test_impossible_numbers_are_counted_by_no_trend(engine: Engine, name: str) -> None:
    put(engine, *peaceful())
    alone = answer(engine, name)
    put(engine, *hostile(100))
    both = answer(engine, name)
    if name not in ("failure_reasons", "queue_wait_by_day"):  # which know no package
        column = 1 if name == "retries" else 0
        assert [row for row in both if row[column] != 2] == alone


def test_what_trends_show_of_jobs_with_impossible_numbers(engine: Engine) -> None:
    put(engine, *hostile(100))
    assert answer(engine, "runtime_by_day") == [(2, "two", "2026-01-05", 6, None, None, None)]
    assert answer(engine, "slowest_packages") == [(2, "two", 6, None, None, None, None)]
    assert records_by_day(engine) == [(2, "a", "2026-01-05", 6, None, 0, None, 0, None)]
    assert answer(engine, "node_hours_by_week") == []
    assert answer(engine, "throughput") == []
    assert answer(engine, "retries")[0][-1] == 0.0


def test_the_greatest_possible_numbers_add_up(engine: Engine) -> None:
    """Thousands of them: beyond 64 bits, whole if they were whole, and alike on every engine."""
    outputs = [{"id": n, "name": "a", "records_count": 10**16} for n in range(1, 2001)]
    put(engine, *(ran(n, 10**9, cluster={"nodes": 10**6}, outputs=None) for n in range(2, 13)))
    put(engine, ran(1, 10**9, cluster={"nodes": 10**6}, outputs=outputs))
    assert answer(engine, "slowest_packages") == [(1, "one", 12, 12 * 10**9, 1.0, 1e9, 1e9)]
    assert answer(engine, "node_hours_by_week")[0][-3:] == pytest.approx(
        (12 * 10**9 / 3600, 12, 12 * 10**15 / 3600)
    )
    ((*_, records, zero_runs, usual, _, _),) = records_by_day(engine)
    assert (records, zero_runs, usual) == (2 * 10**19, 0, 2e19)
    ((*_, records, pace, _, _, _),) = answer(engine, "throughput")
    assert (records, pace) == (2 * 10**19, 0.00005)


def test_a_negative_runtime_is_in_no_sum(engine: Engine) -> None:
    nodes = {"cluster_id": 5, "cluster": {"nodes": 1}, "creator": {"type": "Schedule", "id": 7}}
    put(engine, *(ran(n, 3600, **nodes) for n in range(1, 4)), ran(4, -7210, **nodes))
    put(engine, ran(5, -7210, status="failed", **nodes))
    assert answer(engine, "node_hours_by_week")[0][-4:] == (3, 3.0, 3, 3.0)
    assert answer(engine, "slowest_packages")[0][2:5] == (4, 10800, 1.0)
    assert answer(engine, "runtime_by_day")[0][3:] == (4, 3600.0, 3600.0, 3600)
    assert answer(engine, "retries")[0][-1] == 0.0


def test_a_negative_wait_is_null(engine: Engine) -> None:
    early = "2026-01-05T00:00:00Z"
    put(engine, ran(1, 1, created_at="2026-01-05T00:01:00Z", started_at=early),
        ran(2, 1, created_at="0001-01-01T00:00:00Z", started_at=early),
        ran(3, 1, created_at=early, started_at="2026-01-05T00:00:07Z"))  # fmt: skip
    assert [row[:4] for row in answer(engine, "queue_wait_by_day")] == [("2026-01-05", 1, 7.0, 7.0)]


def test_a_job_of_the_future_moves_no_clock(engine: Engine) -> None:
    known_until(engine, DAY + timedelta(hours=2))
    put(
        engine,
        *(ended(n or 11, 10 * n) for n in range(3)),
        ended(3, 30, status="failed"),
        ended(4, 40),
        ran(5, None, status="running", started_at=None, created_at="2026-01-05T01:59:50Z"),
        ahead(6),
        ahead(7, status="failed", completed_at=None, failed_at="2046-01-01T00:00:00Z"),
        ahead(8, status="running", completed_at=None),
        ran(9, None, status="running", created_at="1970-01-01T00:00:00Z", started_at=None),
    )
    assert answer(engine, "freshness") == [
        (1, "one", "2026-01-05 00:41:00+00:00", 4, 4, 600.0, 1140.0, 4740, 1)
    ]
    assert [(row[0], row[5]) for row in answer(engine, "open_jobs")] == [(5, 10), (8, 0), (9, None)]
    assert answer(engine, "recovery") == [(1, "one", 1, 1, 1, 1, 600.0, 600.0, 600, 0, None)]
    assert {row[0] for row in answer(engine, "concurrency")} == {"2026-01-05"}


def test_a_job_of_the_future_is_not_a_recent_run(engine: Engine) -> None:
    known_until(engine, DAY + timedelta(hours=2))
    put(engine, *(ended(n, n, 10) for n in range(1, 13)), *(ended(n, n, 20) for n in range(13, 18)))
    before = answer(engine, "runtime_regressions")
    assert len(before) == 1
    put(engine, *(ahead(n, runtime_in_seconds=1) for n in range(100, 106)))
    assert answer(engine, "runtime_regressions") == before


def test_a_job_that_runs_for_years_makes_a_week_of_rows(engine: Engine) -> None:
    known_until(engine, DAY + timedelta(hours=1))
    since = {"created_at": "2013-01-01T00:00:00Z", "started_at": "2013-01-01T00:00:00Z"}
    put(engine, ended(1, 10, 600), ran(2, None, status="running", **since),
        ran(3, 1, completed_at="2026-01-05T00:30:00Z", **since),
        ran(4, 1, created_at="0001-01-01T00:00:00Z", started_at="0001-01-01T00:00:00Z"),
        ran(5, 1, created_at="1970-01-01T00:00:00Z", started_at="1970-01-01T00:00:00Z",
            completed_at="2010-01-02T00:00:00Z"))  # fmt: skip
    found = answer(engine, "concurrency")
    assert len(found) == 7 * 24 + 1
    assert {row[2:] for row in found[1:]} == {(2, 2, 7200)}
    assert found[0] == ("2026-01-05", 0, 1, 1, 600)


def test_clocks_that_were_set(engine: Engine) -> None:
    """A run whose host's clock went back, and one whose server was years ahead."""
    log_two_runs(engine)
    columns = SNAPSHOTS.c
    with engine.begin() as connection:
        first = update(SNAPSHOTS).where(columns.id == 1)
        connection.execute(
            first.values(watermark_epoch=epoch(DAY + timedelta(days=7305)), finished_epoch=0)
        )
        second = update(SNAPSHOTS).where(columns.id == 2)
        connection.execute(second.values(watermark_epoch=columns.finished_epoch - 5))
    found = [(row[4], row[12]) for row in answer(engine, "snapshot_log")]
    assert found == [(10, 5), (None, 0)]


def test_filters(engine: Engine) -> None:
    put(
        engine,
        ran(1, 1),
        ran(2, 2, started_at="2026-01-06T00:00:00Z"),
        ran(3, 3, started_at="2026-01-07T00:00:00Z"),
        ran(4, 4, package_id=2, started_at="2026-01-06T00:00:00Z"),
    )

    def days(**filters: Any) -> list[tuple[Any, str]]:
        return [(row[0], row[2]) for row in answer(engine, "runtime_by_day", **filters)]

    assert days(since=date(2026, 1, 6), package_id=1) == [(1, "2026-01-07"), (1, "2026-01-06")]
    assert days(since=date(2026, 1, 6), until=date(2026, 1, 7)) == [
        (1, "2026-01-06"),
        (2, "2026-01-06"),
    ]
    assert days(package_id=3) == []


@pytest.mark.parametrize("name", trends.names())
def test_an_empty_database_has_an_empty_answer(engine: Engine, name: str) -> None:
    assert answer(engine, name) == []


def test_until_must_be_after_since() -> None:
    with pytest.raises(UsageError, match="is not after"):
        Filters(date(2026, 1, 2), date(2026, 1, 2))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("-- Mine?\n\nselect id,\n    nope\nfrom jobs\n", 4, "nope"),
        ("select id\nfrom jobs\nwhere where id = 1", 3, "where"),
        ("-- Mine?\nselect id\nfrom jobs\nwhere id = :job", 4, "job"),
    ],
)
def test_an_error_in_a_users_own_trend_names_file_and_line(
    engine: Engine, tmp_path: Path, text: str, line: int, said: str
) -> None:
    (tmp_path / "mine.sql").write_text(text)
    with (
        engine.connect() as connection,
        pytest.raises(UsageError, match=rf"mine\.sql, line {line}: .*{said}"),
        trends.run(connection, "mine", Filters(), tmp_path),
    ):
        pass


def test_a_users_own_trend(engine: Engine, tmp_path: Path) -> None:
    put(engine, ran(1, 10), ran(2, 20, package_id=2))
    (tmp_path / "mine.sql").write_text(
        "\ufeff-- Mine? It's at 100 % :now\nselect id, id % 2 as odd\nfrom jobs\n"
        "where ':no' <> '' and /* :none */ :package_id is null or package_id = :package_id;\n"
    )
    (tmp_path / "snapshot_log.sql").write_text("select 1 as one")
    assert trends.question("mine", tmp_path) == "Mine? It's at 100 % :now"
    assert {"mine", "recovery"} < set(trends.names(tmp_path))
    with engine.connect() as connection:
        found = trends.rows(connection, "mine", Filters(package_id=2), tmp_path)
        assert found == (["id", "odd"], [(2, 0)])
        assert trends.rows(connection, "snapshot_log", Filters(), tmp_path) == (["one"], [(1,)])
        (tmp_path / "mine.sql").write_text("delete from job_changes")
        with pytest.raises(UsageError, match=r"mine\.sql"):
            trends.rows(connection, "mine", Filters(), tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        trends.names(tmp_path / "none")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_users_own_file_as_editors_save_it(engine: Engine, tmp_path: Path) -> None:
    text = "-- Grö\u00dfer?\r\nselect 1 as one,\r\n  nope\r\nfrom jobs\r\n"
    files = {
        "crlf": text.encode(),
        "bom": b"\xef\xbb\xbf" + text.encode(),
        "mac": text.replace("\r\n", "\r").encode(),
        "little": b"\xff\xfe" + text.encode("utf-16-le"),
        "big": b"\xfe\xff" + text.encode("utf-16-be"),
    }
    with engine.connect() as connection:
        for name, raw in files.items():
            path = tmp_path / f"{name}.sql"
            path.write_bytes(raw)
            assert trends.question(name, tmp_path) == "Grö\u00dfer?"
            with pytest.raises(UsageError, match=rf"{name}\.sql, line 3: .*nope"):
                trends.rows(connection, name, Filters(), tmp_path)
    for raw, said in (
        (text.encode("utf-16-le"), "is not UTF-8 text; save it as UTF-8"),
        ("select 1".encode("utf-16-le"), "has NUL characters; save it as UTF-8 text"),
        (text.encode("latin-1"), "is not UTF-8 text"),
        (b"\xff\xfeo", "is not UTF-8 text"),
    ):
        (tmp_path / "odd.sql").write_bytes(raw)
        with pytest.raises(UsageError, match=said):
            trends.question("odd", tmp_path)


def test_the_line_of_an_error_if_rows_are_fetched_as_they_are_read(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "mine.sql").write_text("select 1 as one,\n  nope\nfrom jobs\n")
    streaming = engine.execution_options(stream_results=True)
    with streaming.connect() as connection, pytest.raises(UsageError, match=r"line 2: .*nope"):
        trends.rows(connection, "mine", Filters(), tmp_path)


def test_an_unknown_trend(engine: Engine) -> None:
    with pytest.raises(UsageError, match=r"no trend 'durations'; there are .*runtime_by_day"):
        answer(engine, "durations")


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_percentiles_interpolate_as_numpy_does(tmp_path: Path, seconds: list[int]) -> None:
    path = tmp_path / "percentiles.db"
    if not path.exists():
        upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("delete from jobs")
        connection.executemany(
            "insert into jobs (id, account_id, status, package_id, run_date, runtime_in_seconds, "
            "first_seen_at, last_changed_at, snapshot_id) "
            "values (?, 'a', 'completed', 1, '2026-01-05', ?, '', '', 1)",
            enumerate(seconds, 1),
        )
    connection.close()
    engine = open_engine(f"sqlite:///{path}")
    ((*_, p50, p95, longest),) = answer_by_account(engine, "runtime_by_day")
    engine.dispose()
    assert (p50, p95) == pytest.approx(tuple(np.percentile(seconds, [50, 95])), abs=1e-6)
    assert longest == max(seconds)


def headers(name: str) -> str:
    return (resource_folder("sql") / f"{name}.sql").read_text().split("\n\n", 1)[0]


@pytest.mark.parametrize("name", trends.names())
def test_the_head_states_what_the_file_answers(name: str, engine: Engine) -> None:
    head = headers(name)
    assert trends.question(name).endswith("?")
    named = head.split("-- columns: ")[1].split("\n--\n")[0]
    with engine.connect() as connection, trends.run(connection, name, Filters()) as result:
        columns = list(result.keys())
    listed = [part.split()[0] for part in re.sub(r"\([^)]*\)|\n--", "", named).split(",")]
    assert listed == columns


@pytest.mark.parametrize("name", trends.names())
def test_no_line_is_longer_than_100_characters(name: str) -> None:
    source = (resource_folder("sql") / f"{name}.sql").read_text()
    assert max(map(len, source.splitlines())) <= 100
    assert "*\n" not in source
    assert ".*" not in source
