"""Files and folders written as the code does, and who may enter them."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from snapshotter import files
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
    os.setresgid(NOBODY, NOBODY, 0)  # the real one too, which `os.access` goes by
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


def left(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.name.startswith(".snapshotter-")]
