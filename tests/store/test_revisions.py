"""What an upgrade leaves behind, and what a check of the schema overlooks."""

import pytest
from sqlalchemy import event, text

from snapshotter.errors import DatabaseError
from snapshotter.store import revisions
from snapshotter.store.engine import connect


def test_tables_of_the_users_own_are_no_difference(database_url: str) -> None:
    engine = connect(database_url)
    with engine.begin() as connection:
        connection.execute(text("create table notes (id int)"))
    revisions.check(engine)
    engine.dispose()


def test_a_failed_upgrade_leaves_no_session_open(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = connect(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("create table alembic_version (version_num varchar(32))"))
        connection.execute(text("insert into alembic_version values ('another')"))
    disposed: list[object] = []
    event.listen(engine, "engine_disposed", disposed.append)
    monkeypatch.setattr(revisions, "connect", lambda _url: engine)
    with pytest.raises(DatabaseError, match="belongs to another program"):
        revisions.upgrade(empty_database_url)
    assert disposed == [engine]
