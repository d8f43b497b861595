"""What an upgrade leaves behind, and what a check of the schema overlooks."""

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.schema import CreateTable

from snapshotter.errors import DatabaseError, Stopped
from snapshotter.store import revisions
from snapshotter.store.engine import open_engine

_ENDED = "its server ended the session|Lost connection|server has gone away"


def test_tables_of_the_users_own_are_no_difference(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("create table notes (id int)"))
    revisions.check(engine)
    engine.dispose()


def test_a_failed_upgrade_leaves_no_session_open(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("create table alembic_version (version_num varchar(32))"))
        connection.execute(text("insert into alembic_version values ('another')"))
    disposed: list[object] = []
    event.listen(engine, "engine_disposed", disposed.append)
    monkeypatch.setattr(revisions, "open_engine", lambda _url: engine)
    with pytest.raises(DatabaseError, match="belongs to another program"):
        revisions.upgrade(empty_database_url)
    assert disposed == [engine]


@pytest.mark.parametrize("empty_database_url", ["postgresql", "mariadb"], indirect=True)
def test_the_error_of_a_session_that_ends_during_an_upgrade(empty_database_url: str) -> None:
    """Not the one that follows, when the upgrade releases its lock."""
    engine, admin = open_engine(empty_database_url), open_engine(empty_database_url)
    ids = {"postgresql": "pg_backend_pid()", "mariadb": "connection_id()"}
    ends = {"postgresql": "select pg_terminate_backend({}, 10000)", "mariadb": "kill {}"}
    kind = "postgresql" if engine.dialect.name == "postgresql" else "mariadb"

    @event.listens_for(engine, "before_execute")
    def end_session(connection: Connection, statement: object, *_: object) -> None:
        if not isinstance(statement, CreateTable):
            return
        mine = connection.execute(text(f"select {ids[kind]}")).scalar_one()
        with admin.begin() as other:
            other.execute(text(ends[kind].format(mine)))

    with pytest.raises((DatabaseError, Stopped), match=_ENDED):
        revisions.upgrade(engine)
    engine.dispose()
    admin.dispose()
