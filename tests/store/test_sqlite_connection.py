"""A SQLite connection waits for the locks of others, and notices a signal meanwhile."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Timer
from time import monotonic

import command
import pytest

from snapshotter.errors import Stopped
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve
from snapshotter.store.engine import open_engine
from snapshotter.store.revisions import upgrade
from snapshotter.store.sqlite_connection import open_file
from snapshotter.store.wait_limit import WaitLimit


@pytest.fixture
def file(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///"))


sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.slow
@sqlite
def test_a_file_that_another_program_has_locked(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin immediate")
        ours = open_engine(f"sqlite:///{file}", time_left=lambda: 0.1)
        with pytest.raises(Stopped, match=rf"locked by another program.*{file.name}"):
            upgrade(ours)
        ours.dispose()


@pytest.mark.slow
@sqlite
def test_a_signal_is_noticed_while_a_lock_is_waited_for(file: Path) -> None:
    account = SimulatedAccount()
    account.add_job()
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as other,
        serve(account) as url,
    ):
        lock = file.parent
        other.execute("begin immediate")
        variables = {
            "XPLENTY_ACCOUNT_ID": account.account_id,
            "XPLENTY_API_KEY": account.api_key,
            "XPLENTY_API_URL": url,
        }
        with command.start(["sync", "--database", f"sqlite:///{file}"], env=variables) as process:
            while not list(lock.glob("*.lock")):
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
        assert process.returncode == 75
        assert str(file) in said


def test_a_commit_waits_for_a_reader_of_the_same_file(tmp_path: Path) -> None:
    """Without a write-ahead log a commit needs every reader to be gone."""
    path = tmp_path / "plain.db"
    with (
        closing(open_file(path, WaitLimit(), "mode=rwc")) as ours,
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as reader,
    ):
        ours.execute("create table t (a)")
        reader.execute("begin")
        reader.execute("select count(*) from t").fetchall()
        ours.execute("begin immediate")
        ours.execute("insert into t values (1)")
        end = Timer(0.5, reader.execute, ["rollback"])
        end.start()
        ours.commit()
        end.join()
        assert reader.execute("select a from t").fetchall() == [(1,)]


def test_opening_a_locked_file_waits_for_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "plain.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("create table t (a)")
        other.execute("begin exclusive")

        def unlock() -> None:
            """Return None: waits have no bound; it is asked only after SQLite's own wait."""
            if other.in_transaction:
                other.execute("rollback")

        with closing(open_file(path, WaitLimit(unlock), "mode=rw")) as ours:
            assert not other.in_transaction
            assert ours.execute("select count(*) from t").fetchall() == [(0,)]


def test_an_error_has_the_time_that_was_waited(tmp_path: Path) -> None:
    path = tmp_path / "plain.db"
    with (
        closing(open_file(path, WaitLimit(lambda: 0), "mode=rwc")) as ours,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("begin exclusive")
        with pytest.raises(sqlite3.OperationalError, match="locked") as caught:
            ours.cursor().execute("create table t (a)")
    assert caught.value.waited >= 2  # type: ignore[attr-defined]


def test_any_other_error_is_raised_at_once(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "plain.db", WaitLimit(), "mode=rwc")) as ours:
        began = monotonic()
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            ours.cursor().execute("select * from nowhere")
        assert monotonic() - began < 2


def test_a_file_is_read_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a name with 100% ? and #.db"
    with pytest.raises(sqlite3.OperationalError):
        open_file(path, WaitLimit(), "mode=ro")
    path.write_bytes(b"garbage" * 1_000)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_file(path, WaitLimit(), "mode=ro")
    path.unlink()
    with closing(open_file(path, WaitLimit(), "mode=rwc", "pragma cache_size = 7")) as ours:
        ours.execute("create table t (a)")
        assert ours.execute("pragma foreign_keys").fetchall() == [(1,)]
        assert ours.execute("pragma cache_size").fetchall() == [(7,)]
    assert path.stat().st_size > 0
