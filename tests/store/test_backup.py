"""A backup has one moment of a database in use, is checked, and appears whole."""

import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from accounts import add
from sqlalchemy import Engine, make_url, text

from snapshotter.errors import DatabaseError, Failure, Stopped, UsageError
from snapshotter.store import backup as module
from snapshotter.store import revisions
from snapshotter.store.accounts import stored
from snapshotter.store.backup import backup, require_file
from snapshotter.store.engine import open_engine

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def go_on() -> None:
    pass


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".lock" not in path.name)


def filled(engine: Engine, jobs: int = 200) -> Engine:
    add(engine, "acme", *range(1, jobs + 1))
    return engine


def backed_up(path: Path) -> Engine:
    engine = open_engine(f"sqlite:///{path}")
    revisions.check(engine)
    return engine


def test_it_has_the_rows_of_its_beginning_while_a_writer_goes_on(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGES_AT_ONCE", 50)
    filled(engine)
    steps: list[int] = []

    def write() -> None:
        steps.append(1)
        with engine.begin() as connection:
            connection.execute(text("update jobs set errors = 'later'"))
            connection.execute(text("delete from job_changes where job_id = 1"))

    rows = backup(engine, tmp_path / "copy.db", write, replaces=False)
    assert len(steps) > 2
    assert (rows["jobs"], rows["job_changes"]) == (200, 200)
    copied = backed_up(tmp_path / "copy.db")
    with copied.connect() as connection:
        query = text("select count(*), sum(errors = 'later') from jobs")
        assert tuple(connection.execute(query).one()) == (200, 0)
        assert connection.execute(text("pragma journal_mode")).scalar() == "wal"
    copied.dispose()
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_an_older_schema_is_backed_up_before_its_upgrade(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '0008'"))
        connection.execute(text("drop table pruned_jobs"))
    assert "pruned_jobs" not in backup(engine, tmp_path / "copy.db", go_on, replaces=False)
    older = open_engine(f"sqlite:///{tmp_path}/copy.db")
    assert revisions.current(older) == "0008"
    older.dispose()


def test_a_stop_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    def stop() -> None:
        raise Stopped("stopped by SIGINT")

    before = left(tmp_path)
    with pytest.raises(Stopped):
        backup(filled(engine), tmp_path / "copy.db", stop, replaces=False)
    assert {*left(tmp_path)} - {"test.db-wal", "test.db-shm"} == {*before}
    backup(engine, tmp_path / "copy.db", go_on, replaces=False)


def test_a_file_is_replaced_only_if_asked(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(UsageError, match="exists; add --force to replace it"):
        backup(engine, tmp_path / "copy.db", go_on, replaces=False)
    assert (tmp_path / "copy.db").read_text() == "mine"
    backup(engine, tmp_path / "copy.db", go_on, replaces=True)
    copied = backed_up(tmp_path / "copy.db")
    assert stored(copied) == []
    copied.dispose()


@pytest.mark.parametrize("name", ["test.db", "soft.db", "hard.db", "test.db-wal", "./test.db"])
def test_the_database_itself_is_never_the_target(engine: Engine, tmp_path: Path, name: str) -> None:
    filled(engine, 1)
    (tmp_path / "soft.db").symlink_to("test.db")
    (tmp_path / "hard.db").hardlink_to(tmp_path / "test.db")
    with pytest.raises(UsageError, match="it is the database, or one of its own files"):
        backup(engine, tmp_path / name, go_on, replaces=True)
    assert stored(engine)[0].jobs == 1


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_only_a_regular_file_is_replaced(
    engine: Engine, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "target")
    with pytest.raises(UsageError, match="it is not a regular file"):
        backup(engine, tmp_path / "target", go_on, replaces=True)
    with pytest.raises(UsageError, match="there is no folder"):
        backup(engine, tmp_path / "none" / "x", go_on, replaces=True)


def test_a_damaged_database_is_not_backed_up_silently(engine: Engine, tmp_path: Path) -> None:
    filled(engine)
    engine.dispose()
    with sqlite3.connect(tmp_path / "test.db") as connection:
        query = "select rootpage from sqlite_master where name = 'ix_job_changes_job_id'"
        ((page,),) = connection.execute(query).fetchall()
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    with (tmp_path / "test.db").open("r+b") as file:
        file.seek((page - 1) * 4096 + 2000)
        file.write(b"\xff" * 1000)
    with pytest.raises((Failure, DatabaseError), match="damaged"):
        backup(engine, tmp_path / "copy.db", go_on, replaces=False)
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize(
    ("url", "command"),
    [
        (
            "postgresql://joe:hunter2@db.example:5433/history?sslpassword=hunter3",
            (
                "pg_dump --format=custom --host=db.example --port=5433 --username=joe "
                "--file='a b' history"
            ),
        ),
        (
            "postgresql://joe@/history?host=/run/postgresql",
            ("pg_dump --format=custom --host=/run/postgresql --username=joe --file='a b' history"),
        ),
        (
            "mysql://joe:hunter2@localhost/history?unix_socket=/run/m.sock",
            (
                "mariadb-dump --single-transaction --host=localhost --socket=/run/m.sock "
                "--user=joe '--result-file=a b' history"
            ),
        ),
    ],
)
def test_a_servers_own_tool_is_named_without_the_password(
    database_url: str, url: str, command: str
) -> None:
    require_file(make_url(database_url), Path("x"))
    with pytest.raises(UsageError) as refused:
        require_file(make_url(url), Path("a b"))
    assert str(refused.value).endswith(command.replace("--file='a b'", "'--file=a b'"))
    assert "hunter" not in str(refused.value)
