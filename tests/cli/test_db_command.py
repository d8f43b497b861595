"""`snapshotter db` as a user runs it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from command_line import Run, assert_one_line

from snapshotter.store.revisions import head


def test_the_schema_commands(run: Run, tmp_path: Path) -> None:
    assert run("db", "upgrade").stdout == f"at revision {head()}\n"
    assert run("db", "current").stdout == f"{head()} (this version's: {head()})\n"
    assert run("db", "check").returncode == 0
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        connection.execute("drop table calendar")
    assert_one_line(run("db", "check"), 1, "the database differs from the models in 1 place (")


def test_a_schema_that_is_behind_names_the_command(
    run: Run, acme: dict[str, str], tmp_path: Path
) -> None:
    run("db", "upgrade")
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        connection.execute("update alembic_version set version_num = '0000'")
    assert_one_line(run("sync", **acme), 1, "run 'snapshotter db upgrade'")


def test_differences_of_the_schema_in_words(run: Run, tmp_path: Path) -> None:
    run("db", "upgrade")
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        connection.execute("drop table calendar")
        connection.execute("create table mine (x integer)")
        connection.execute("alter table jobs add column odd text")
        connection.execute("drop index ix_job_changes_job_id")
    connection.close()
    done = run("db", "check")
    assert_one_line(done, 1, "the database differs from the models in 3 places")
    assert sorted(done.stdout.splitlines()) == [
        "column jobs.odd is not one of this program's",
        "index ix_job_changes_job_id of table job_changes is missing",
        "table calendar is missing",
    ]
