"""What a run opens: a database with any schema, or with this version's, and which may be made."""

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from snapshotter.errors import DatabaseError
from snapshotter.store import revisions
from snapshotter.store.opening import Database, filling, opened, reading, shown, writing


def at_an_older_revision(path: Path) -> str:
    """Make a database whose schema is older than this version's; return its URL."""
    url = f"sqlite:///{path}"
    with (
        opened(url, read_only=False) as engine,
        engine.connect() as connection,
        revisions.ready_for_copies(connection),
        connection.begin(),
    ):
        command.upgrade(revisions._alembic(connection), "0007")  # noqa: SLF001
    return url


def test_only_a_run_creates_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    for open_one in (reading, writing):
        with pytest.raises(DatabaseError, match="no database at"), open_one(url):
            pass
    with filling(Database(url)) as engine, engine.begin() as connection:
        connection.execute(text("delete from jobs"))
    for open_one in (reading, writing):
        with open_one(url) as engine, engine.connect() as connection:
            assert connection.execute(text("select count(*) from jobs")).scalar() == 0


def test_an_old_schema_is_upgraded_only_if_that_is_allowed(tmp_path: Path) -> None:
    url = at_an_older_revision(tmp_path / "x.db")
    with pytest.raises(DatabaseError, match="run 'snapshotter db upgrade'"), filling(Database(url)):
        pass
    with filling(Database(url, may_upgrade=True)) as engine:
        assert revisions.current(engine) == revisions.head()
    with filling(Database(url)):
        pass


def test_a_schema_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with filling(Database(url)) as engine, engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with (
        pytest.raises(DatabaseError, match="install a newer"),
        filling(Database(url, may_upgrade=True)),
    ):
        pass


def test_a_database_is_shown_without_its_secrets() -> None:
    assert shown("postgresql://joe:hunter2@h:5/x?sslpassword=y") == "postgresql://joe:***@h:5/x"
    assert shown("nonsense hunter2") == "a database whose URL cannot be read"
