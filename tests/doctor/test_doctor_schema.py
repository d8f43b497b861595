"""The schema of the database, as `doctor` reports it."""

import pytest
from examined import examined, lines
from sqlalchemy import Engine

from snapshotter.store import deferred, revisions
from snapshotter.store.engine import open_engine

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def found(url: str) -> str:
    (line,) = lines(examined({}, url), "schema")
    return line


def test_the_schema_of_this_version(database_url: str) -> None:
    assert found(database_url) == (
        f"ok: at revision {revisions.head()}, with all tables as expected; "
    )


def test_no_tables_yet(empty_database_url: str) -> None:
    if empty_database_url.startswith("sqlite"):
        assert found(empty_database_url).startswith("skipped")
        return
    assert found(empty_database_url).startswith("warning: the database has no tables yet; ")
    engine = open_engine(empty_database_url, read_only=True)
    assert revisions.current(engine) is None  # and it has made none
    engine.dispose()


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("0003", "at revision 0003, behind"),
        ("9999", "at revision 9999, ahead of this version's"),
    ],
)
@sqlite
def test_another_revision(engine: Engine, database_url: str, revision: str, words: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"update alembic_version set version_num = '{revision}'")
    checks = examined({}, database_url)
    (line,) = lines(checks, "schema")
    assert line.startswith("FAILED: ")
    assert words in line
    assert lines(checks, "freshness") == ["skipped: the tables cannot be read; "]


@sqlite
def test_a_first_load_that_has_not_ended(engine: Engine, database_url: str) -> None:
    deferred.leave_out(engine)
    line = found(database_url)
    assert line.startswith("warning: until the end of a first load, the indexes ix_job_outputs_")
    assert "'snapshotter sync' builds them" in line


@sqlite
def test_tables_that_somebody_changed(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("alter table jobs add column mine text")
        connection.exec_driver_sql("drop index ix_jobs_runs")
    line = found(database_url)
    assert line.startswith("FAILED: it differs from the models in 2 places: ")
    assert "column jobs.mine is not one of this program's" in line
    assert "'snapshotter db check' lists them" in line


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_the_database_of_another_program(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table invoices (id integer)")
    engine.dispose()
    assert found(empty_database_url).startswith("FAILED: the database belongs to another program")
