"""Each trend by hand-computed answers, alike on every engine, and in each engine's own shell."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from databases import PostgresServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, make_url

from snapshotter import payload, trends
from snapshotter.database import connect, resource_folder, upgrade
from snapshotter.errors import UsageError
from snapshotter.flatten import flatten
from snapshotter.load import Run, load
from snapshotter.redact import Redaction
from snapshotter.trends import Filters

DAY = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def ran(job_id: int, seconds: int | None, **fields: Any) -> dict[str, Any]:
    """Give a completed job of package 1 that began on `DAY` and ran that long."""
    at = (DAY + timedelta(minutes=job_id)).isoformat()
    return {
        "id": job_id,
        "status": "completed",
        "package_id": 1,
        "package": {"id": 1, "name": "one"},
        "created_at": at,
        "started_at": at,
        "runtime_in_seconds": seconds,
        **fields,
    }


def put(engine: Engine, *jobs: dict[str, Any]) -> None:
    rows = [flatten(payload.read(json.dumps(job).encode()), Redaction()) for job in jobs]
    with engine.begin() as connection:
        load(connection, Run("acme", 1, DAY), rows)


def answer(engine: Engine, name: str, **filters: Any) -> list[tuple[Any, ...]]:
    with (
        engine.connect() as connection,
        trends.run(connection, name, Filters(**filters)) as result,
    ):
        columns = list(result.keys())
        rows = [trends.plain(columns, tuple(row)) for row in result]
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
        (1, "renamed", "2026-01-05", 5, 25.0, 89.5, 100),
        (1, "renamed", "2026-01-06", 1, 7.0, 7.0, 7),
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


def test_queue_wait_by_day(engine: Engine) -> None:
    made = "2026-01-05T00:00:00Z"
    put(
        engine,
        ran(1, 1, created_at=made, started_at="2026-01-05T00:00:10Z"),
        ran(2, 1, created_at=made, started_at="2026-01-05T00:01:00Z", status="running"),
        ran(3, 1, created_at=made, started_at=None, status="queued"),
        ran(4, 1, created_at=made, started_at="2026-01-06T00:00:00Z"),
    )
    assert answer(engine, "queue_wait_by_day") == [
        ("2026-01-05", 2, 35.0, 57.5),
        ("2026-01-06", 1, 86400.0, 86400.0),
    ]


def test_records_by_day(engine: Engine) -> None:
    put(
        engine,
        ran(1, 1, outputs=[{"id": 11, "name": "a", "records_count": 2**53 + 1}]),
        ran(2, 1, outputs=[{"id": 21, "name": "a", "records_count": 0}, {"id": 22, "name": "A "}]),
        ran(3, 1, status="failed", outputs=[{"id": 31, "name": "a", "records_count": 5}]),
        ran(4, 1, outputs=None),
    )
    assert answer(engine, "records_by_day") == [
        (1, "a", "2026-01-05", 2, 2**53 + 1, 1),
        (1, "A ", "2026-01-05", 1, None, 0),
    ]


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

    assert days(since=date(2026, 1, 6), package_id=1) == [(1, "2026-01-06"), (1, "2026-01-07")]
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


def test_a_name_that_is_none(engine: Engine) -> None:
    with pytest.raises(UsageError, match=r"no trend 'runtime'; there are .*runtime_by_day"):
        answer(engine, "runtime")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_percentiles_interpolate_as_numpy_does(tmp_path: Path, seconds: list[int]) -> None:
    path = tmp_path / "percentiles.db"
    if not path.exists():
        upgrade(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("delete from jobs")
        connection.executemany(
            "insert into jobs (id, account_id, status, package_id, run_date, runtime_in_seconds, "
            "first_seen_at, last_changed_at, snapshot_id) "
            "values (?, 'a', 'completed', 1, '2026-01-05', ?, '', '', 1)",
            enumerate(seconds, 1),
        )
    connection.close()
    engine = connect(f"sqlite:///{path}")
    ((*_, p50, p95, longest),) = answer(engine, "runtime_by_day")
    engine.dispose()
    assert (p50, p95) == pytest.approx(tuple(np.percentile(seconds, [50, 95])), abs=1e-6)
    assert longest == max(seconds)


def headers(name: str) -> str:
    return (resource_folder("sql") / f"{name}.sql").read_text().split("\n\n", 1)[0]


@pytest.mark.parametrize("name", trends.names())
def test_the_head_says_what_the_file_answers(name: str, engine: Engine) -> None:
    head = headers(name)
    assert trends.question(name).endswith("?")
    named = head.split("-- columns: ")[1].split("\n--\n")[0]
    with engine.connect() as connection, trends.run(connection, name, Filters()) as result:
        columns = list(result.keys())
    listed = [part.split()[0] for part in re.sub(r"\([^)]*\)|\n--", "", named).split(",")]
    assert listed == columns


@pytest.mark.parametrize("name", trends.names())
def test_the_head_says_how_to_run_it(
    name: str, database_url: str, postgres: PostgresServer
) -> None:
    """The commands of the head, word for word, but for where the database is."""
    engine = connect(database_url)
    put(engine, ran(1, 10, package_id=434, outputs=[{"id": 1, "name": "a"}]), ran(2, 20))
    expected = len(answer(engine, name, package_id=434))
    url, kind = engine.url, engine.dialect.name
    engine.dispose()
    shell = {"sqlite": "sqlite3", "postgresql": "psql"}.get(kind, "mariadb")
    folder = str(postgres.binaries) if shell == "psql" else ""
    search = os.pathsep.join(filter(None, [folder, os.environ["PATH"]]))
    if shutil.which(shell, path=search) is None:
        pytest.skip(f"no {shell} here")
    (line,) = (line for line in headers(name).splitlines() if line.startswith(f"-- {shell}:"))
    command = line.split(":", 1)[1].strip()
    environment = {**os.environ, "PATH": search}
    if shell == "sqlite3":
        command = command.replace("job_history.db", str(make_url(database_url).database))
        command = command.replace(
            "-csv ", "-csv -cmd '.parameter init' -cmd '.parameter set :package_id 434' "
        )
    elif shell == "psql":
        environment |= {
            "PGHOST": str(url.query["host"]),
            "PGUSER": str(url.username),
            "PGDATABASE": str(url.database),
        }
        command = command.replace("psql ", "psql -X --csv ", 1)
    else:
        socket = url.query["unix_socket"]
        command += f" --socket={socket} --user=root --batch {url.database}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=resource_folder("sql").parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1 + expected
