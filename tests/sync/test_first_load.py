"""A first load builds the indexes at its end, and every run what an earlier one has left."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from syncer import Syncer, command, history

from snapshotter.api.client import ListFilters
from snapshotter.store import deferred, revisions
from snapshotter.store.lock import lock
from snapshotter.sync.sync import Plan

BUILDING = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


def missing(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [part.name for part in deferred.missing(connection)]


def is_counted(engine: Engine) -> bool:
    """Whether the account's outputs are counted as its jobs are written."""
    since = text("select output_days_since from accounts where account_id = 'acme'")
    with engine.connect() as connection:
        return connection.execute(since).scalar_one() is not None


def left_half_way(syncer: Syncer) -> None:
    """Have a first load stop after its first pages."""
    history(syncer.account, 300)
    done = command(syncer, "sync", "--max-requests", "4")
    assert done.returncode == 75, done.stderr
    assert len(missing(syncer.engine)) >= 6


def test_a_first_load_ends_with_all_indexes(
    syncer: Syncer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are left out before the first job is stored, and built before the jobs are counted."""
    history(syncer.account, 300)
    events: list[str] = []
    for name in ("leave_out", "build"):
        done: Callable[..., bool] = getattr(deferred, name)

        def noted(*given: object, name: str = name, done: Callable[..., bool] = done) -> bool:
            events.append(name)
            return done(*given)

        monkeypatch.setattr(deferred, name, noted)
    syncer()
    parts = len(events) - 1
    assert events == ["leave_out", *["build"] * parts]
    assert (parts >= 6) == (syncer.engine.dialect.name != "mysql")
    assert missing(syncer.engine) == []
    revisions.check(syncer.engine)
    syncer.assert_equal_to_the_account()
    syncer()
    assert len(events) == parts + 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_knows_how_many_rows_it_has(syncer: Syncer) -> None:
    history(syncer.account, 300)
    syncer()
    known = text("select reltuples from pg_class where relname in ('jobs', 'job_changes')")
    with syncer.engine.connect() as connection:
        assert connection.execute(known).scalars().all() == [300, 300]


@BUILDING
@pytest.mark.parametrize(
    "plan",
    [Plan(), Plan(ids=[1]), Plan(filters=ListFilters(status="failed")), Plan(rejected=True)],
    ids=["all", "ids", "filtered", "rejects"],
)
def test_the_next_run_builds_what_one_has_left(syncer: Syncer, plan: Plan) -> None:
    left_half_way(syncer)
    syncer(plan)
    assert missing(syncer.engine) == []
    syncer()
    syncer.assert_equal_to_the_account()
    revisions.check(syncer.engine)


@BUILDING
def test_they_are_left_to_another_account_that_still_loads(syncer: Syncer) -> None:
    """While its run holds its lock; a killed one holds none."""
    left_half_way(syncer)
    with syncer.engine.begin() as connection:
        connection.execute(
            text(
                "insert into accounts (account_id, api_url, listing_offset) "
                "values ('other', 'x', 5)"
            )
        )
    with lock(syncer.engine, "other"):
        syncer()
    assert len(missing(syncer.engine)) >= 6
    assert not is_counted(syncer.engine)  # that takes the indexes with each page
    syncer()
    assert missing(syncer.engine) == []
    assert is_counted(syncer.engine)


@BUILDING
def test_a_list_that_is_read_anew_is_counted_at_its_end(syncer: Syncer) -> None:
    """If no job was stored, the indexes are left out, and the days too until they are there."""
    syncer()
    assert is_counted(syncer.engine)
    history(syncer.account, 300)
    done = command(syncer, "sync", "--full", "--max-requests", "4")
    assert done.returncode == 75, done.stderr
    assert len(missing(syncer.engine)) >= 6
    assert not is_counted(syncer.engine)
    syncer()
    assert is_counted(syncer.engine)
    syncer.assert_equal_to_the_account()


@BUILDING
def test_what_cannot_be_built_is_noted(syncer: Syncer) -> None:
    """The name is taken: the run builds the others, and goes on to its end."""
    left_half_way(syncer)
    with syncer.engine.begin() as connection:
        connection.execute(text("create table notes (id int)"))
        connection.execute(text("create index ix_jobs_runs on notes (id)"))
    outcome = syncer()
    assert outcome.status == "completed"
    (note,) = outcome.noted
    assert "ix_jobs_runs could not be built" in note
    assert "already exists" in note
    assert missing(syncer.engine) == ["ix_jobs_runs"]
    with syncer.engine.begin() as connection:
        connection.execute(text("drop table notes"))
    assert syncer().noted == []
    revisions.check(syncer.engine)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_rows_whose_job_was_deleted_are_named(syncer: Syncer) -> None:
    """By hand, while the keys are missing. Once those rows are deleted too, the keys are built."""
    left_half_way(syncer)
    run_each(syncer.engine, "delete from jobs where id = 1001")
    outcome = syncer()
    changes, outputs = sorted(outcome.noted)
    assert changes.startswith(
        "fk_job_changes_job_id_jobs could not be built, the next run tries again: job_changes has "
        "1 row with a job_id that jobs lacks, for example 1001: delete them"
    )
    assert "job_outputs has 1 row with a job_id that jobs lacks" in outputs
    run_each(
        syncer.engine,
        "delete from output_fields where output_id in "
        "(select id from job_outputs where job_id = 1001)",
        "delete from job_outputs where job_id = 1001",
        "delete from job_changes where job_id = 1001",
    )
    assert syncer(Plan(rejected=True)).noted == []  # also reads the job again, which was set aside
    syncer.assert_equal_to_the_account()
    revisions.check(syncer.engine)


def run_each(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
