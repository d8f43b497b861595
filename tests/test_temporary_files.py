"""Temporary files and folders: what a killed run leaves, and what is left alone."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from writing import left, mode, write, write_folder

from snapshotter import temporary_files
from snapshotter.files import folder

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
            temporary_files.remove_dead(tmp_path)

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
        path, file = temporary_files.new_file(target)
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
    link = tmp_path / temporary_files._fresh(tmp_path / "x", "part").name  # noqa: SLF001 - a name of ours
    link.symlink_to(tmp_path / names[0])
    write(tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((*names, "x", link.name))


def test_a_new_file_is_beside_its_target_and_for_its_owner_only(tmp_path: Path) -> None:
    path, file = temporary_files.new_file(tmp_path / "x")
    with file:
        assert path.parent == tmp_path
        assert mode(path) == 0o600
        temporary_files.remove_dead(tmp_path)
        assert path.exists()
    temporary_files.remove_dead(tmp_path)
    assert not path.exists()


def test_a_new_folder_is_removed_at_the_end_of_its_block(tmp_path: Path) -> None:
    with temporary_files.new_folder(tmp_path / "x") as path:
        (path / "in").write_text("x")
        assert mode(path) == 0o700
        temporary_files.remove_dead(tmp_path)
        assert (path / "in").exists()
    assert left(tmp_path) == []


def test_a_folder_that_was_moved_aside_comes_back_only_after_a_failure(tmp_path: Path) -> None:
    target = tmp_path / "x"
    write_folder(target, "manifest")

    def fail_meanwhile() -> None:
        with temporary_files.moved_aside(target) as old:
            assert not target.exists()
            assert (old / "manifest").exists()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_meanwhile()
    assert (target / "manifest").exists()
    with temporary_files.moved_aside(target):
        pass
    assert not target.exists()
    assert left(tmp_path) == []
