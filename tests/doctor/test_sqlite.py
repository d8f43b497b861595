"""A SQLite file, as `doctor` reports it: what is there, how it is written, and what is not."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from examined import examined, lines
from writing import another_user, as_root, mode

pytest_plugins = ["writing_fixtures"]
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def found(path: Path | str) -> list[str]:
    return lines(examined({}, f"sqlite:///{path}"), "database")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    (line,) = found(tmp_path / "none.db")
    assert line.startswith(f"warning: no file '{tmp_path}/none.db' yet; 'snapshotter sync' creates")
    assert not list(tmp_path.iterdir())


def test_a_missing_folder(tmp_path: Path) -> None:
    (line,) = found(tmp_path / "none" / "x.db")
    assert line.startswith(f"FAILED: there is no folder '{tmp_path}/none'")


def test_a_folder_that_may_only_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    (line,) = found(tmp_path / "x.db")
    assert line.startswith("FAILED: no file")
    assert "its folder may only be read" in line


def test_an_empty_file_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "x.db").touch()
    (line,) = found(tmp_path / "x.db")
    assert line.startswith(f"warning: '{tmp_path}/x.db' is empty; 'snapshotter sync' creates the")
    assert contents(tmp_path) == {"x.db": b""}


@sqlite
def test_a_file_of_ours_is_left_as_it_is(database_url: str, tmp_path: Path) -> None:
    before = contents(tmp_path)
    (line,) = found(tmp_path / "test.db")
    assert line.startswith(f"ok: SQLite {sqlite3.sqlite_version} (at least 3.25), journal mode ")
    assert contents(tmp_path) == before
    assert database_url.endswith("/test.db")


@sqlite
def test_a_file_that_may_only_be_read(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.R_OK and access(path, mode))
    one, two = found(tmp_path / "test.db")
    assert one.startswith("ok: SQLite ")
    assert two.startswith("FAILED: cannot write the database")
    assert "only reading is permitted" in two
    assert database_url


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"short", "is not a SQLite database"),
        (b"long enough" * 100, "the file is not a SQLite database"),
    ],
)
def test_what_is_not_a_database(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x.db").write_bytes(content)
    (line,) = found(tmp_path / "x.db")
    assert line.startswith("FAILED: the database cannot be used: ")
    assert words in line
    assert contents(tmp_path) == {"x.db": content}


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (line,) = found(tmp_path)
    assert line.startswith("FAILED: the database cannot be used")


@sqlite
def test_a_file_that_another_program_has_locked(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("pragma journal_mode = delete")
        other.execute("begin exclusive")
        checks = examined({}, database_url, timeout=0.1)
        other.execute("rollback")
    (line,) = lines(checks, "database")
    assert line.startswith("FAILED: ")
    assert "locked" in line or "no result within" in line


@as_root
@sqlite
def test_a_file_that_another_user_may_not_read(database_url: str, everybodys: Path) -> None:
    path = everybodys / "test.db"
    assert database_url == f"sqlite:///{path}"
    path.chmod(0o600)
    found(path)  # what it imports, the other user may not be able to read either
    with another_user():
        (line,) = found(path)
    assert line.startswith("FAILED")
    assert "Permission denied" in line
    assert mode(path) == 0o600
