"""What a first load leaves to its end, and how the rest is recognized and built."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from accounts import add
from alembic import command
from sqlalchemy import Connection, Engine, event, inspect, text

from snapshotter.errors import DatabaseError
from snapshotter.store import accounts, deferred, prune, revisions
from snapshotter.store.engine import open_engine

INDEXES = {
    "ix_jobs_account_id_gone_at_finished_at",
    "ix_jobs_package_id_run_date",
    "ix_jobs_runs",
    "ix_jobs_epochs",
    "ix_jobs_ends",
    "ix_jobs_schedules",
    "ix_job_outputs_fields_digest",
}
KEYS = {
    "fk_jobs_account_id_accounts",
    "fk_jobs_snapshot_id_snapshots",
    "fk_job_outputs_job_id_jobs",
    "fk_output_fields_output_id_job_outputs",
    "fk_job_changes_job_id_jobs",
    "fk_job_changes_snapshot_id_snapshots",
}
BUILDING = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def missing(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {part.name for part in deferred.missing(connection)}


def differences(engine: Engine) -> list[str]:
    with pytest.raises(revisions.SchemaDiffers) as raised:
        revisions.check(engine)
    return raised.value.differences


ROWS = """
insert into accounts (account_id, api_url) values ('acme', 'x');
insert into snapshots (id, account_id, kind, status, started_at, requests, pages, jobs_seen,
  jobs_inserted, jobs_changed, jobs_unchanged, jobs_rejected)
  values (1, 'acme', 'full', 'completed', '2026-01-31 00:00:00', 1, 1, 1, 1, 0, 0, 0);
insert into jobs (id, account_id, first_seen_at, last_changed_at, snapshot_id)
  values (1, 'acme', '2026-01-31 00:00:00', '2026-01-31 00:00:00', 1)
"""


def add_job(connection: Connection) -> None:
    for statement in ROWS.split(";"):
        connection.exec_driver_sql(statement)


def test_an_empty_database_is_loaded_without_them(engine: Engine) -> None:
    """But with those that the load reads, or that grow at their end."""
    is_mariadb = engine.dialect.name == "mysql"
    assert deferred.leave_out(engine) == (not is_mariadb)
    left = missing(engine)
    if is_mariadb:
        assert left == set()
        revisions.check(engine)
        return
    # Other revisions may add to them.
    assert left >= INDEXES | (KEYS if engine.dialect.name == "postgresql" else set())
    kept = {
        index["name"]
        for table in ("jobs", "job_outputs", "job_changes")
        for index in inspect(engine).get_indexes(table)
    }
    assert {
        "ix_jobs_snapshot_id",
        "ix_job_outputs_job_id_records_count",
        "ix_job_changes_job_id",
    } <= kept
    (line,) = differences(engine)
    assert all(name in line for name in left)
    assert "'snapshotter sync' builds them" in line
    with engine.begin() as connection:
        connection.execute(text("drop index ix_jobs_snapshot_id"))
    assert len(differences(engine)) == 2
    with engine.begin() as connection:
        connection.execute(text("create index ix_jobs_snapshot_id on jobs (snapshot_id)"))
    deferred.build_all(engine)
    assert missing(engine) == set()
    revisions.check(engine)


@BUILDING
def test_a_database_with_a_job_keeps_them(engine: Engine) -> None:
    with engine.begin() as connection:
        add_job(connection)
    assert not deferred.leave_out(engine)
    assert missing(engine) == set()


@BUILDING
def test_an_index_of_the_users_own_is_kept(engine: Engine) -> None:
    """Even under the name of one of ours."""
    with engine.begin() as connection:
        connection.execute(text("drop index ix_jobs_runs"))
        connection.execute(text("create index ix_jobs_runs on jobs (url)"))
        connection.execute(text("create index mine on jobs (status)"))
    assert deferred.leave_out(engine)
    assert "ix_jobs_runs" not in missing(engine)
    deferred.build_all(engine)
    columns = {each["name"]: each["column_names"] for each in inspect(engine).get_indexes("jobs")}
    assert (columns["ix_jobs_runs"], columns["mine"]) == (["url"], ["status"])


@BUILDING
def test_a_part_that_another_session_has_built(engine: Engine) -> None:
    deferred.leave_out(engine)
    with engine.connect() as connection:
        parts = deferred.missing(connection)
    deferred.build_all(engine)
    for part in parts:
        deferred.build(engine, part)
    revisions.check(engine)


@POSTGRESQL
@pytest.mark.parametrize("table", ["jobs", "snapshots"])
def test_nothing_is_left_out_while_another_session_reads(engine: Engine, table: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(f"select count(*) from {table}"))
        assert not deferred.leave_out(engine)
    assert missing(engine) == set()


@POSTGRESQL
def test_nothing_is_left_out_by_who_may_not(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("create role clerk login"))
        connection.execute(text("grant all on all tables in schema public to clerk"))
    clerk = open_engine(engine.url.set(username="clerk").render_as_string(hide_password=False))
    try:
        assert not deferred.leave_out(clerk)
    finally:
        clerk.dispose()
        with engine.begin() as connection:
            connection.execute(text("drop owned by clerk"))
            connection.execute(text("drop role clerk"))
    assert missing(engine) == set()


@POSTGRESQL
def test_a_key_that_is_not_validated_is_missing(engine: Engine) -> None:
    """As after a kill between the two steps."""
    name = "fk_job_outputs_job_id_jobs"
    with engine.begin() as connection:
        connection.execute(text(f"alter table job_outputs drop constraint {name}"))
        connection.execute(
            text(
                f"alter table job_outputs add constraint {name} foreign key (job_id) "
                "references jobs (id) not valid"
            )
        )
    assert missing(engine) == {name}
    deferred.build_all(engine)
    assert missing(engine) == set()


@POSTGRESQL
def test_a_key_that_rows_violate_is_refused(engine: Engine) -> None:
    deferred.leave_out(engine)
    with engine.begin() as connection:
        add_job(connection)
        connection.execute(text("insert into job_outputs (id, job_id) values (7, 404), (8, 404)"))
    line = (
        "job_outputs has 2 rows with a job_id that jobs lacks, for example 404: delete them "
        "and what refers to them, or restore what is missing; until then "
        "fk_job_outputs_job_id_jobs cannot be built"
    )
    with pytest.raises(DatabaseError) as raised:
        deferred.build_all(engine)
    assert str(raised.value) == line
    assert "fk_job_outputs_job_id_jobs" in missing(engine)
    assert line in differences(engine)


@POSTGRESQL
@pytest.mark.parametrize(
    ("change", "first", "key"),
    [
        (
            lambda engine: [*prune.prune(engine, [prune.Old("acme", datetime.now(UTC))])],
            "DELETE FROM job_outputs",
            "fk_job_outputs_job_id_jobs",
        ),
        (
            lambda engine: accounts.forget(engine, "acme", with_jobs=True),
            "DELETE FROM output_fields",
            "fk_output_fields_output_id_job_outputs",
        ),
        (
            lambda engine: accounts.rename(engine, "acme", "beta"),
            "INSERT INTO accounts",
            "fk_jobs_account_id_accounts",
        ),
    ],
    ids=["prune", "forget", "rename"],
)
def test_who_changes_jobs_and_who_builds_a_key_do_not_deadlock(
    engine: Engine, change: Callable[[Engine], object], first: str, key: str
) -> None:
    """The key is built as soon as the other has written another table than the jobs'."""
    deferred.leave_out(engine)
    add(engine, "acme", 1)
    other = open_engine(engine.url.render_as_string(hide_password=False))
    building: list[Future[None]] = []
    with other.connect() as watching, ThreadPoolExecutor(1) as pool:
        (part,) = (each for each in deferred.missing(watching) if each.name == key)

        @event.listens_for(engine, "after_cursor_execute")
        def build(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith(first) and not building:
                building.append(pool.submit(deferred.build, other, part))
                while not (waits_for_a_lock(watching) or building[0].done()):
                    pass

        change(engine)
        building[0].result()
    other.dispose()
    assert key not in missing(engine)


def waits_for_a_lock(connection: Connection) -> bool:
    """Whether a session of this database waits for another one's lock."""
    waiting = (
        "select exists (select 1 from pg_locks l join pg_database d on d.oid = l.database "
        "where d.datname = current_database() and not l.granted)"
    )
    return bool(connection.execute(text(waiting)).scalar())


@BUILDING
def test_an_upgrade_builds_them(engine: Engine) -> None:
    deferred.leave_out(engine)
    revisions.upgrade(engine)
    revisions.check(engine)


@pytest.mark.parametrize("empty_database_url", ["sqlite", "postgresql"], indirect=True)
def test_an_upgrade_from_a_revision_that_lacks_them(empty_database_url: str) -> None:
    """A later revision may alter or drop an index that a first load has left out."""
    engine = open_engine(empty_database_url)
    with (
        engine.connect() as connection,
        revisions.ready_for_copies(connection),
        connection.begin(),
    ):
        command.upgrade(revisions._alembic(connection), "0010")  # noqa: SLF001 - no public way
    assert deferred.leave_out(engine)
    revisions.upgrade(engine)
    revisions.check(engine)
    engine.dispose()
