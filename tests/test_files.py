"""Files and folders that appear whole: their modes, what is not overwritten, what a kill leaves."""

import errno
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from snapshotter import files, parts
from snapshotter.errors import Failure, Interrupted, UsageError
from snapshotter.files import folder, opened

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(target: Path, text: str = "new", database: Path | None = None) -> None:
    with opened(target, database) as file:
        file.write(text.encode())  # type: ignore[arg-type]


def write_folder(target: Path, *names: str, database: Path | None = None) -> None:
    with folder(target, "manifest", lambda _: True, database) as part:
        for name in names:
            (part / name).parent.mkdir(mode=0o700, exist_ok=True)
            with files.synced(part / name) as file:
                file.write(b"new")


@contextmanager
def another_user() -> Iterator[None]:
    """Act as a user without root's rights."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def everybodys(tmp_path: Path) -> Path:
    """Return a folder that others can enter: pytest's own is closed to them."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent == Path("/tmp"):  # noqa: S108 - where pytest has its folders
            break
        if not mode(parent) & 0o001:
            parent.chmod(mode(parent) | 0o011)
    return tmp_path


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


@pytest.fixture
def database(tmp_path: Path) -> Path:
    (tmp_path / "db").mkdir()
    for name in ("h.db", "h.db-wal", "h.db-shm", "h.db.0123.lock"):
        (tmp_path / "db" / name).write_text("the database")
    return tmp_path / "db" / "h.db"


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


def test_a_folder_that_holds_the_database_is_not_replaced(database: Path) -> None:
    for target in (database.parent, database.parent.parent):
        with pytest.raises(UsageError, match="the database is in it; name another folder"):
            write_folder(target, "x", database=database)


def test_a_file_beside_the_database_may_be_written(database: Path) -> None:
    for name in ("h.db.csv", "h.db-wal.csv", "xh.db", "h.db.lock.csv"):
        write(database.with_name(name), database=database)


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


# A run in a process of its own, which is killed in the middle, or waits to be let go.
RUN = """
import os, signal, sys
from pathlib import Path
from snapshotter import files
target, kind, end = sys.argv[1:]
def wait_or_die():
    print("writing", flush=True)
    if end == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
if kind == "file":
    with files.opened(Path(target)) as file:
        file.write(b"half")
        file.flush()
        wait_or_die()
else:
    if kind == "swap":
        replace = Path.replace
        def replacing(self, to):
            if self.name.endswith(".part"):
                wait_or_die()
            return replace(self, to)
        Path.replace = replacing
    with files.folder(Path(target), "manifest", lambda _: True) as part:
        with files.synced(part / "manifest") as file:
            file.write(b"half")
        if kind == "folder":
            wait_or_die()
"""


@contextmanager
def running(target: Path, kind: str, end: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", RUN, str(target), kind, end]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "writing\n"
        yield process


def left(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.name.startswith(".snapshotter-")]


@pytest.mark.parametrize("kind", ["file", "folder", "swap"])
def test_the_next_run_removes_what_a_killed_one_left(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "x"
    if kind == "swap":
        write_folder(target, "manifest", "old")
    with running(target, kind, "die"):
        pass
    assert left(tmp_path)
    assert {mode(path) & 0o077 for path in left(tmp_path)} == {0}
    assert not target.exists()
    if kind == "swap":  # killed with the old folder out of the way, and no new one: it comes back
        with (
            pytest.raises(RuntimeError),
            folder(target, "manifest", lambda old: (old / "old").exists()),
        ):
            raise RuntimeError
        assert sorted(path.name for path in target.iterdir()) == ["manifest", "old"]
    else:
        (write if kind == "file" else write_folder)(target)
    assert left(tmp_path) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_live_run_writes_is_left_alone(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "x"
    with running(target, kind, "wait") as process:
        (write if kind == "file" else write_folder)(target)
        assert len(left(tmp_path)) == 1
        process.communicate()
        assert process.returncode == 0
    assert left(tmp_path) == []
    assert (target if kind == "file" else target / "manifest").read_text() == "half"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_another_run_may_remove_what_is_not_locked_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    removed: list[Path] = []

    def cleaned(_: object) -> None:
        if not removed:
            removed.extend(left(tmp_path))
            parts.remove_dead(tmp_path)

    made, opened_ = Path.mkdir, os.open

    def mkdir(path: Path, mode: int = 0o777, **options: bool) -> None:
        made(path, mode, **options)
        cleaned(path)

    def open_(path: Path, flags: int, *mode: int, dir_fd: int | None = None) -> int:
        descriptor = opened_(path, flags, *mode, dir_fd=dir_fd)
        if mode and path.parent == tmp_path:
            cleaned(path)
        return descriptor

    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(os, "open", open_)
    (write if kind == "file" else write_folder)(tmp_path / "x")
    assert len(removed) == 1
    assert left(tmp_path) == []
    assert (tmp_path / "x").exists()


def test_what_another_host_writes_is_left_alone_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "x"
    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "elsewhere")
        path, file = parts.new_file(target)
        file.close()
    write(target)
    assert left(tmp_path) == [path]
    os.utime(path, (0, 0))
    write(target)
    assert left(tmp_path) == []


def test_files_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    names = (".snapshotter-1.part", "x.part", ".snapshotter-", ".snapshotter-0-0-0.old")
    for name in names:
        (tmp_path / name).write_text("x")
    link = tmp_path / parts._fresh(tmp_path / "x", "part").name  # noqa: SLF001 - a name of ours
    link.symlink_to(tmp_path / names[0])
    write(tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((*names, "x", link.name))


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

    monkeypatch.setattr(parts, "new_file", denied)
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


def test_a_signal_waits_while_a_file_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "x"
    target.write_text("old")

    def denied(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    def interrupted_copy(source: Any, over: Any) -> None:
        over.write(source.read(5))
        os.kill(os.getpid(), signal.SIGTERM)
        over.write(source.read())

    def stop(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(parts, "new_file", denied)
    monkeypatch.setattr(shutil, "copyfileobj", interrupted_copy)
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(Interrupted):
            write(target, "longer than before")
        assert signal.getsignal(signal.SIGTERM) is stop
    finally:
        signal.signal(signal.SIGTERM, before)
    assert target.read_text() == "longer than before"
