"""Files and folders that appear whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from snapshotter.errors import Failure, UsageError


@contextmanager
def opened(target: Path | TextIO) -> Iterator[BinaryIO | TextIO]:
    """Open a file beside the target, which takes the target's name when it is whole.

    A stream, a pipe and a device are written as they are. Raises `UsageError` for a folder that is
    not there, `Failure` when the target cannot be written.
    """
    if not isinstance(target, Path):
        with _named("standard output"):
            yield target
            target.flush()
        return
    with _named(repr(str(target))):
        if not target.parent.is_dir():
            folder = str(target.parent)
            raise UsageError(f"cannot write {str(target)!r}: there is no folder {folder!r}")
        if target.is_dir():
            raise UsageError(f"cannot write {str(target)!r}: it is a folder")
        target = target.resolve()  # a link stays a link, to the new file
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        part = _part_of(target)
        try:
            with synced(part) as file:
                yield file
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def synced(path: Path) -> Iterator[BinaryIO]:
    """Open a new file, which is on the disk when the context ends."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def folder(target: Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Give a folder beside the target, which takes the target's name when it is filled.

    What stands at the target is replaced where it is an empty folder, or `is_ours`. Raises
    `UsageError` where it is anything else, `Failure` when it cannot be written.
    """
    shown = repr(str(target))
    with _named(shown):
        target = target.resolve()
        if not target.parent.is_dir():
            raise UsageError(f"cannot write {shown}: there is no folder {str(target.parent)!r}")
        if target.exists() and not target.is_dir():
            raise UsageError(f"cannot write {shown}: it is a file, and a folder is to be made")
        if target.is_mount():
            raise UsageError(f"cannot replace {shown}: it is a mount point; name a folder in it")
        if target.is_dir() and any(target.iterdir()) and not is_ours(target):
            raise UsageError(
                f"cannot write {shown}: it holds what is no earlier export; name another folder, "
                "or empty it"
            )
        part = _part_of(target)
        try:
            part.mkdir()
            yield part
            _replace(target, part)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _replace(target: Path, part: Path) -> None:
    """Put one folder in another's place, or leave both as they were."""
    if not target.is_dir() or not any(target.iterdir()):
        part.replace(target)  # a folder takes the place of an empty one
        return
    old = part.with_suffix(".old")
    target.replace(old)
    try:
        part.replace(target)
    except BaseException:
        old.replace(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _part_of(target: Path) -> Path:
    return target.with_name(f".snapshotter-{os.getpid()}-{secrets.token_hex(4)}.part")


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(f"cannot write {what}: {error.strerror or error}") from None
