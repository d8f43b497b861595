"""The space of removed rows returns, if there is room to rebuild and nobody is in the way."""

import shutil
from collections import namedtuple
from typing import Any
from uuid import uuid4

import pytest
from accounts import add
from databases import PostgresServer
from sqlalchemy import Engine, make_url, text

from snapshotter.errors import DatabaseError, Stopped
from snapshotter.store import owned, vacuum
from snapshotter.store.accounts import stored
from snapshotter.store.engine import open_engine
from snapshotter.store.lock import lock
from snapshotter.store.tables import JOBS

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's


def emptied(engine: Engine) -> Engine:
    add(engine, "acme", *range(1, 301))
    with engine.begin() as connection:
        connection.execute(text("update jobs set errors = :errors"), {"errors": "x" * 2000})
    with engine.begin() as connection:
        owned.remove(connection, JOBS, range(1, 300))
    return engine


def test_the_rest_stays_and_takes_less(engine: Engine) -> None:
    before = vacuum.size(emptied(engine))
    assert before > 0
    vacuum.vacuum(engine)
    match engine.dialect.name:
        case "sqlite":
            assert vacuum.size(engine) < before
        case "postgresql":  # the space is for new rows
            with engine.connect() as connection:
                counted = text("select reltuples from pg_class where oid = 'jobs'::regclass")
                assert connection.execute(counted).scalar_one() == 1
        case _:
            assert vacuum.size(engine) <= before
    assert stored(engine)[0].jobs == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_table_that_the_server_skips_is_an_error(
    database_url: str, postgres: PostgresServer
) -> None:
    """It warns, and reports success."""
    name = f"worker_{uuid4().hex}"
    postgres._execute(f"create role {name} login")  # noqa: SLF001
    worker = open_engine(make_url(database_url).set(username=name).render_as_string())
    with pytest.raises(DatabaseError, match=r"cannot vacuum \w+: .*(owner|permission)"):
        vacuum.vacuum(worker)
    worker.dispose()
    postgres._execute(f"drop role {name}")  # noqa: SLF001


@sqlite
def test_a_run_in_progress_is_not_disturbed(engine: Engine) -> None:
    emptied(engine)
    with lock(engine, "acme"), pytest.raises(Stopped, match="a run of account acme is in progress"):
        vacuum.vacuum(engine)


@sqlite
def test_a_writer_of_another_program_is_waited_for_a_while(
    engine: Engine, database_url: str
) -> None:
    emptied(engine)
    impatient = open_engine(database_url, time_left=lambda: 0.1)
    with engine.begin(), pytest.raises(Stopped, match="the database is locked by another program"):
        vacuum.vacuum(impatient)
    impatient.dispose()


@sqlite
def test_without_room_nothing_is_changed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = vacuum.size(emptied(engine))

    def full(*_: Any) -> Usage:
        return Usage(10**9, 10**9, 1000)

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", full)
        with pytest.raises(DatabaseError, match=r"no room to rebuild the database: it needs \d+"):
            vacuum.vacuum(engine)
    with engine.connect() as connection:
        assert connection.execute(text("pragma freelist_count")).scalar_one() > 100
    vacuum.vacuum(engine)
    assert vacuum.size(engine) < before
