"""Whose database it is: another program's is recognized, and nothing of it is touched."""

from functools import partial
from pathlib import Path

import pytest
from command import python
from sqlalchemy import Engine, inspect, text

from snapshotter.errors import DatabaseError
from snapshotter.store import revisions
from snapshotter.store.engine import open_engine

ROOT = Path(__file__).parent.parent.parent
LAYOUTS = {
    "a hash": ("version_num varchar(32)", ["'abcdef012345'"]),
    "a number of ours": ("version_num varchar(32)", ["'0002'"]),
    "a number ahead": ("version_num varchar(32)", ["'9999'"]),
    "several": ("version_num varchar(32)", ["'0001'", "'0002'"]),
    "null": ("version_num varchar(32)", ["null"]),
    "none": ("version_num varchar(32)", []),
    "other columns": ("id int, version_num varchar(32)", ["1, '0003'"]),
}


def contents(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f"select * from {table}"))]
            for table in sorted(inspect(connection).get_table_names())
        }


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("table", ["orders (id int)", "jobs (id int)", "accounts (account_id int)"])
def test_another_programs_revision(empty_database_url: str, layout: str, table: str) -> None:
    columns, values = LAYOUTS[layout]
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text(f"create table alembic_version ({columns})"))
        for value in values:
            connection.execute(text(f"insert into alembic_version values ({value})"))
        connection.execute(text(f"create table {table}"))
    before = contents(engine)
    for command in (
        partial(revisions.require_head, engine, may_create=True),
        partial(revisions.require_head, engine),
        partial(revisions.upgrade, engine),
        partial(revisions.check, engine),
    ):
        with pytest.raises(DatabaseError) as caught:
            command()
        said = str(caught.value)
        assert "another program" in said or "did not create" in said or "no tables yet" in said
    assert contents(engine) == before
    engine.dispose()


@pytest.mark.slow
def test_every_command_leaves_it_alone(empty_database_url: str, tmp_path: Path) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("create table alembic_version (version_num varchar(32))"))
        connection.execute(text("insert into alembic_version values ('0002')"))
        connection.execute(text("create table jobs (id int)"))
    before = contents(engine)
    variables = {
        "XPLENTY_ACCOUNT_ID": "acme",
        "XPLENTY_API_KEY": "k",
        "SNAPSHOTTER_DATABASE_URL": empty_database_url,
    }
    for words in (
        ["-m", "snapshotter", "sync"],
        ["-m", "snapshotter", "status"],
        ["-m", "alembic"],
    ):
        more = ["-c", str(ROOT / "alembic.ini"), "upgrade", "head"] if "alembic" in words else []
        done = python([*words, *more], cwd=tmp_path, env=variables)
        assert done.returncode == 1
        assert done.stderr.startswith("snapshotter: the database belongs to another program: ")
        assert done.stderr.count("\n") == 1
    assert contents(engine) == before
    engine.dispose()


@pytest.mark.parametrize("empty_database_url", ["mariadb"], indirect=True)
def test_a_killed_first_upgrade_is_ours_by_its_columns_and_comments(
    empty_database_url: str,
) -> None:
    """Empty tables of these names, and an empty `alembic_version`, may be another program's."""
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("create table alembic_version (version_num varchar(32))"))
        connection.execute(
            text("create table calendar (day date, week date, month date, weekday int)")
        )
    with pytest.raises(DatabaseError, match="'calendar' that this tool did not create"):
        revisions.require_head(engine, may_create=True)
    with engine.begin() as connection:
        connection.execute(text("drop table calendar"))
        connection.execute(text("drop table alembic_version"))
    revisions.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("delete from alembic_version"))
        connection.execute(text("drop table output_fields"))
    revisions.require_head(engine, may_create=True)
    revisions.check(engine)
    engine.dispose()


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_a_file_of_another_program(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("create table bookmarks (id int)"))
    for may_create in (True, False):
        with pytest.raises(DatabaseError, match="another program: it has the tables bookmarks"):
            revisions.require_head(engine, may_create=may_create)
    assert inspect(engine).get_table_names() == ["bookmarks"]
    engine.dispose()
