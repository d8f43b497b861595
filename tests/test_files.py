"""Files and folders that appear whole: their modes, what is not overwritten, what a kill leaves."""

import errno
import io
import os
import shutil
import signal
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from writing import (
    NOBODY,
    another_user,
    as_root,
    mode,
    write,
    write_folder,
)

from snapshotter import temporary_files
from snapshotter.errors import Failure, Interrupted, UsageError
from snapshotter.files import write_text

pytest_plugins = ["writing_fixtures"]


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    write(tmp_path / "x")
    assert mode(tmp_path / "x") == 0o600
    write_folder(tmp_path / "out", "manifest", "jobs/x")
    assert [mode(tmp_path / "out" / name) for name in (".", "manifest", "jobs", "jobs/x")] == [
        *(0o700, 0o600, 0o700, 0o600)
    ]


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o644, 0o664, 0o444])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, kept: int) -> None:
    target = tmp_path / "x"
    target.write_text("old")
    target.chmod(kept)
    before = target.stat().st_ino
    write(target)
    assert (mode(target), target.read_text()) == (kept, "new")
    assert target.stat().st_ino != before


@as_root
def test_a_text_goes_into_text_and_binary_files() -> None:
    text, binary = io.StringIO(), io.BytesIO()
    write_text(text, "Größe\n")
    write_text(binary, "Größe\n")
    assert (text.getvalue(), binary.getvalue().decode()) == ("Größe\n", "Größe\n")


def test_a_replaced_file_keeps_its_owner_and_group(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_text("old")
    os.chown(target, NOBODY, 12)
    write(target)
    assert (target.stat().st_uid, target.stat().st_gid, mode(target)) == (NOBODY, 12, 0o644)


@as_root
def test_a_group_that_cannot_be_kept_gives_its_rights_to_no_other(everybodys: Path) -> None:
    (shared := everybodys / "shared").mkdir()
    shared.chmod(0o777)
    target = shared / "x"
    target.write_text("old")
    target.chmod(0o640)
    with another_user():
        write(target)
    assert (target.stat().st_uid, mode(target)) == (NOBODY, 0o600)


def test_a_replaced_file_keeps_its_attributes(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_text("old")
    try:
        os.setxattr(target, "user.note", b"mine")
    except (AttributeError, OSError):
        pytest.skip("no extended attributes in this folder")
    write(target)
    assert os.getxattr(target, "user.note") == b"mine"


def test_a_replaced_folder_keeps_its_modes(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    target.chmod(0o755)
    write_folder(target, "manifest", "jobs/x")
    names = (".", "manifest", "jobs", "jobs/x")
    assert [mode(target / name) for name in names] == [0o755, 0o600, 0o700, 0o600]
    for name, open_ in zip(names, (0o2750, 0o640, 0o755, 0o644), strict=True):
        (target / name).chmod(open_)
    write_folder(target, "manifest", "jobs/x", "jobs/y", "more/z")
    assert [mode(target / name) for name in names] == [0o2750, 0o640, 0o755, 0o644]
    # What is new in it is as open as its manifest.
    assert [mode(target / name) for name in ("jobs/y", "more", "more/z")] == [0o640, 0o750, 0o640]


def test_a_folder_that_holds_the_database_is_not_replaced(database: Path) -> None:
    for target in (database.parent, database.parent.parent):
        with pytest.raises(UsageError, match="the database is in it; name another folder"):
            write_folder(target, "x", database=database)


def test_a_descriptor_is_written_at_its_position(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w+b") as file:
        file.write(b"before ")
        file.flush()
        write(Path(f"/dev/fd/{file.fileno()}"))
        write(Path(f"/proc/self/fd/{file.fileno()}"), " and more")
    assert (tmp_path / "x").read_text() == "before new and more"
    with pytest.raises(Failure, match="cannot write '/dev/fd/987': Bad file descriptor"):
        write(Path("/dev/fd/987"))


def test_a_reader_of_a_pipe_that_leaves(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: pipe.open("rb").close())
    reader.start()
    with pytest.raises(Failure, match=r"cannot write '.*pipe': its reader has gone"):
        write(pipe, "x" * 10**7)
    reader.join()
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@as_root
def test_a_file_that_may_be_written_in_a_folder_that_may_not(everybodys: Path) -> None:
    (shut := everybodys / "shut").mkdir()
    shut.chmod(0o755)
    target = shut / "x"
    for before in ("old", "older and longer than the new one"):
        target.write_text(before)
        target.chmod(0o666)
        inode = target.stat().st_ino
        with another_user():
            write(target)
        assert (target.read_text(), target.stat().st_ino) == ("new", inode)
        assert target.stat().st_uid == 0
    with another_user():
        with pytest.raises(Failure, match=r"cannot write '.*y': Permission denied"):
            write(shut / "y")
        with pytest.raises(AttributeError):
            write(target, None)  # type: ignore[arg-type]  # it fails in the middle
    assert target.read_text() == "new"
    target.chmod(0o644)
    with another_user(), pytest.raises(Failure, match=r"cannot write '.*x': Permission denied"):
        write(target)


def test_writing_in_place_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "x"
    target.write_text("old")

    def denied(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(temporary_files, "new_file", denied)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(Failure, match=r"cannot write '.*x': No space left on device"):
        write(target, "longer than before")
    assert target.read_text() == "old"


@as_root
def test_a_folder_in_a_folder_that_may_not_be_written(everybodys: Path) -> None:
    (shut := everybodys / "shut").mkdir()
    (shut / "out").mkdir()
    (shut / "out").chmod(0o777)
    with another_user():
        with pytest.raises(UsageError, match=r"cannot replace '.*out': .*; name a folder in it"):
            write_folder(shut / "out", "manifest")
        write_folder(shut / "out" / "in", "manifest")


def test_a_signal_waits_while_a_file_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "x"
    target.write_text("old")

    def denied(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    def interrupted_copy(source: Any, over: Any) -> None:
        over.write(source.read(5))
        signal.raise_signal(signal.SIGTERM)  # not by kill: a thread of another test may take it
        over.write(source.read())

    def stop(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(temporary_files, "new_file", denied)
    monkeypatch.setattr(shutil, "copyfileobj", interrupted_copy)
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(Interrupted):
            write(target, "longer than before")
        assert signal.getsignal(signal.SIGTERM) is stop
    finally:
        signal.signal(signal.SIGTERM, before)
    assert target.read_text() == "longer than before"
