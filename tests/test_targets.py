"""Where a file is written: links are followed, and the database is refused."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine
from writing import NOBODY, as_root, write, write_folder

from snapshotter.errors import Failure, UsageError
from snapshotter.files import opened
from snapshotter.targets import database_file, followed

pytest_plugins = ["writing_fixtures"]


def linked(path: Path) -> Path:
    link = path.parent.parent / f"link-{time.monotonic_ns()}"
    link.symlink_to(path)
    return link


def hard_linked(path: Path) -> Path:
    link = path.with_name("other")
    link.hardlink_to(path)
    return link


WAYS: dict[str, Callable[[Path], Path]] = {
    "itself": lambda db: db,
    "wal": lambda db: Path(f"{db}-wal"),
    "shm": lambda db: Path(f"{db}-shm"),
    "journal that is not there": lambda db: Path(f"{db}-journal"),
    "lock": lambda db: Path(f"{db}.0123.lock"),
    "lock of another account": lambda db: Path(f"{db}.4567.lock"),
    "relative": lambda db: db.parent / ".." / db.parent.name / db.name,
    "link": linked,
    "link to a link in a linked folder": lambda db: linked(linked(linked(db.parent) / db.name)),
    "hard link": hard_linked,
    "hard link of the wal": lambda db: hard_linked(Path(f"{db}-wal")),
    "journal through a link": lambda db: linked(Path(f"{db}-journal")),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_database_is_never_written(database: Path, way: str) -> None:
    before = {path: path.read_text() for path in database.parent.iterdir()}
    target = WAYS[way](database)
    for attempt in (write, write_folder):
        with pytest.raises(UsageError, match="it is the database, or one of its own files"):
            attempt(target, database=database)
    made = {target} if target.parent == database.parent else set()
    found = set(database.parent.iterdir()) - made
    assert {path: path.read_text() for path in found} == {
        path: text for path, text in before.items() if path not in made
    }


@pytest.mark.parametrize("opening", ["ab", "r+b"])
def test_the_database_is_not_written_through_a_descriptor(database: Path, opening: str) -> None:
    with database.open(opening) as file:
        with pytest.raises(UsageError, match="it is the database"):
            write(Path(f"/dev/fd/{file.fileno()}"), database=database)
        with (
            pytest.raises(UsageError, match="cannot write standard output: it is the database"),
            opened(file, database),  # type: ignore[arg-type]
        ):
            pass
    assert database.read_text() == "the database"


def test_a_file_beside_the_database_may_be_written(database: Path) -> None:
    for name in ("h.db.csv", "h.db-wal.csv", "xh.db", "h.db.lock.csv"):
        write(database.with_name(name), database=database)


@as_root
def test_what_another_user_has_planted_is_not_followed(everybodys: Path) -> None:
    (shared := everybodys / "shared").mkdir()
    shared.chmod(0o1777)
    victim, elsewhere = everybodys / "victim", everybodys / "elsewhere"
    victim.write_text("mine")
    elsewhere.mkdir()
    for name, to in (("link", victim), ("folder", elsewhere), ("dangling", everybodys / "new")):
        (shared / name).symlink_to(to)
        os.chown(shared / name, NOBODY, NOBODY, follow_symlinks=False)
    (shared / "file").write_text("theirs")
    os.chown(shared / "file", NOBODY, NOBODY)
    for target in ("link", "dangling", "folder/x", "file"):
        with pytest.raises(UsageError, match="in a folder that everybody may write"):
            write(shared / target)
    for target in ("folder", "dangling", "folder/out"):
        with pytest.raises(UsageError, match="in a folder that everybody may write"):
            write_folder(shared / target)
    assert (victim.read_text(), list(elsewhere.iterdir())) == ("mine", [])
    assert not (everybodys / "new").exists()
    # One's own links stay what they are.
    (shared / "own").symlink_to(victim)
    write(shared / "own")
    assert (shared / "own").is_symlink()
    assert victim.read_text() == "new"


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(Failure, match=r"cannot write '.*a': Too many levels of symbolic links"):
        write(tmp_path / "a")


def test_links_lead_to_where_the_file_will_be(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/new")
    (tmp_path / "other").symlink_to(tmp_path / "folder")
    end = tmp_path / "folder" / "new"
    for target in ("link", "other/new", "folder/../other/new", "folder/new"):
        assert followed(tmp_path / target, target) == end
    assert followed(tmp_path / "none" / "x", "x") == tmp_path / "none" / "x"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_file_of_a_database_is_known(engine: Engine, tmp_path: Path) -> None:
    with engine.connect() as connection:
        assert database_file(connection) == tmp_path / "test.db"
