"""The lock of an account: held by one session at a time, and lost with the database."""

import fcntl
import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from snapshotter.errors import DatabaseError
from snapshotter.store.engine import open_engine
from snapshotter.store.lock import is_held, lock, locks


def test_a_lock_is_held_once_and_given_back(database_url: str, engine: Engine) -> None:
    other = open_engine(database_url)
    with lock(engine, "acme") as check_lock:
        assert check_lock is not None
        check_lock()
        with lock(other, "acme") as second:
            assert second is None
        with lock(other, "another") as another:
            assert another is not None
    with lock(other, "acme") as freed:
        assert freed is not None
    other.dispose()


def test_the_locks_of_many_accounts_are_taken_by_one_session(
    database_url: str, engine: Engine
) -> None:
    """A pool has 15 sessions at most, and a server not many more."""
    names = [f"account-{number}" for number in range(20)]
    other = open_engine(database_url)
    with lock(other, "account-7") as check_lock, locks(engine, names) as taken:
        assert (check_lock is not None, taken) == (True, "account-7")
    with locks(engine, names) as taken:
        assert (taken, is_held(other, names[0]), is_held(other, names[-1])) == (None, True, True)
    assert not any(is_held(other, name) for name in names)
    other.dispose()


def test_a_lock_is_given_back_after_an_error(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), lock(engine, "acme"):
        raise ZeroDivisionError
    with lock(engine, "acme") as check_lock:
        assert check_lock is not None


sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@sqlite
def test_one_who_looks_at_the_lock_turns_no_run_away(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lock(engine, "acme"):
        pass
    (path,) = Path(str(engine.url.database)).parent.glob("*.lock")
    looking = path.open()
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("snapshotter.store.lock.time.sleep", lambda _: looking.close())
    with lock(engine, "acme") as check_lock:
        assert check_lock is not None


@sqlite
def test_a_file_reached_by_a_link_has_the_same_lock(engine: Engine, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(str(engine.url.database))
    other = open_engine(f"sqlite:///{link}")
    with lock(engine, "acme"), lock(other, "acme") as second:
        assert second is None
    other.dispose()


@sqlite
@pytest.mark.parametrize("replaced", [False, True])
def test_a_lost_file_is_noticed(engine: Engine, tmp_path: Path, *, replaced: bool) -> None:
    path = Path(str(engine.url.database))
    with lock(engine, "acme") as check_lock:
        assert check_lock is not None
        path.rename(tmp_path / "moved.db")
        if replaced:
            path.touch()
        with pytest.raises(DatabaseError, match="was replaced" if replaced else "is lost"):
            check_lock()
        if replaced:
            path.unlink()
        (tmp_path / "moved.db").rename(path)


@sqlite
def test_a_lock_file_is_its_owners_alone(engine: Engine) -> None:
    path = Path(str(engine.url.database))
    with lock(engine, "acme"):
        (file,) = path.parent.glob(f"{path.name}.*.lock")
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lost_session_is_noticed(database_url: str, engine: Engine) -> None:
    other = open_engine(database_url)
    with lock(engine, "acme") as check_lock:
        assert check_lock is not None
        with other.begin() as killer:
            killer.execute(
                text(
                    "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
            )
        with pytest.raises(Exception, match="the database cannot be used"):
            check_lock()
    other.dispose()


def test_whether_a_run_holds_it(engine: Engine, tmp_path: Path) -> None:
    assert not is_held(engine, "acme")
    assert not list(tmp_path.glob("*.lock"))  # looking creates no file
    with lock(engine, "acme"):
        assert is_held(engine, "acme")
        assert is_held(engine, "acme")  # looking changes nothing
        assert not is_held(engine, "another")
    assert not is_held(engine, "acme")


@sqlite
def test_a_lock_that_cannot_be_read(engine: Engine) -> None:
    with lock(engine, "acme"):
        pass
    (path,) = Path(str(engine.url.database)).parent.glob("*.lock")
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(DatabaseError, match="cannot read the lock"):
        is_held(engine, "acme")
