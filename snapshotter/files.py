"""Files and folders that appear whole or not at all, and never take the database's place.

The exception is a file in a folder that cannot be written: it is overwritten in place.
"""

import errno
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from snapshotter import interrupt, temporary_files
from snapshotter.errors import Failure, UsageError
from snapshotter.targets import DESCRIPTORS, followed, refuse_database

# Errors after which a file may still be written in place: its folder belongs to another user, or is
# read-only, or the file itself is a mount point.
_MAY_BE_IN_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)


def write_text(file: BinaryIO | TextIO, text: str) -> None:
    """Write a text, in UTF-8 into a binary file."""
    if isinstance(file, io.TextIOBase):
        file.write(text)
    else:
        cast("BinaryIO", file).write(text.encode())


@contextmanager
def opened(
    target: Path | TextIO, database: Path | None = None, *, new_mode: int = 0o600
) -> Iterator[BinaryIO | TextIO]:
    """Open a file beside the target; it takes the target's name when it is complete.

    A new file has the mode `new_mode`, by default for its owner only; one that replaces another has
    its mode, owner and group. If only the target itself can be written, and not its folder, it is
    overwritten in place at the end. A stream, a pipe and a device are written directly. Raises
    `UsageError` for a missing folder and for a file of the `database`, `Failure` if the target
    cannot be written.
    """
    if not isinstance(target, Path):
        with _named("standard output"):
            refuse_database(target, database, "standard output")
            yield target
            target.flush()
        return
    shown = repr(str(target))
    with _named(shown, breaks=True):
        if not target.parent.is_dir():
            folder = str(target.parent)
            raise UsageError(f"cannot write {shown}: there is no folder {folder!r}")
        path = followed(target, shown)
        refuse_database(path, database, shown)
        if path.is_dir():
            raise UsageError(f"cannot write {shown}: it is a folder")
        with _stream(path) or _replacing(path, shown, new_mode) as file:
            yield file


@contextmanager
def synced(path: Path) -> Iterator[BinaryIO]:
    """Open a new file for its owner only; it is synced to the disk at the end."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w+b") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def placed(target: Path, database: Path | None, *, replaces: bool) -> Iterator[Path]:
    """Yield an empty file for its owner only; it takes the target's name when it is complete.

    It is for a writer that needs a path, in a folder of its own for what the writer puts beside it.
    An existing file is replaced only with `replaces`. Raises `UsageError` for a missing folder, a
    target that cannot be replaced, and a file of the `database`; `Failure` if it cannot be written.
    """
    shown = repr(str(target))
    with _named(shown):
        if not target.parent.is_dir():
            raise UsageError(f"cannot write {shown}: there is no folder {str(target.parent)!r}")
        path = followed(target, shown)
        refuse_database(path, database, shown)
        if path.exists() and not path.is_file():
            raise UsageError(f"cannot write {shown}: it is not a regular file")
        if path.exists() and not replaces:
            raise UsageError(f"{shown} exists; add --force to replace it, or name another file")
        temporary_files.remove_dead(path.parent)
        with temporary_files.new_folder(path) as part:
            with synced(part / path.name):
                pass
            yield part / path.name
            descriptor = os.open(part / path.name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            (part / path.name).replace(path)


@contextmanager
def folder(
    target: Path, manifest: str, is_ours: Callable[[Path], bool], database: Path | None = None
) -> Iterator[Path]:
    """Create a folder beside the target; it takes the target's name when it is complete.

    It replaces an empty folder, or one that `is_ours`. What it replaces keeps its mode, owner and
    group; files that were not there before get those of the old file `manifest`. Raises
    `UsageError` if the target is anything else, `Failure` if it cannot be written.
    """
    shown = repr(str(target))
    with _named(shown):
        path = followed(target, shown)
        refuse_database(path, database, shown)
        if database is not None and database.is_relative_to(path):
            raise UsageError(f"cannot write {shown}: the database is in it; name another folder")
        if not path.parent.is_dir():
            raise UsageError(f"cannot write {shown}: there is no folder {str(path.parent)!r}")
        if path.exists() and not path.is_dir():
            raise UsageError(f"cannot write {shown}: it is a file; name a folder")
        if path.is_mount():
            raise UsageError(f"cannot replace {shown}: it is a mount point; name a folder in it")
        if path.is_dir() and not os.access(path.parent, os.W_OK, effective_ids=True):
            raise UsageError(
                f"cannot replace {shown}: the folder that it is in is not writable; name a "
                "folder in it"
            )
        temporary_files.restore(path)
        temporary_files.remove_dead(path.parent)
        _require_ours(path, is_ours, shown)
        with temporary_files.new_folder(path) as part:
            yield part
            _require_ours(path, is_ours, shown)  # it may have been filled meanwhile
            _put_in_place(path, part, manifest)


def _require_ours(target: Path, is_ours: Callable[[Path], bool], shown: str) -> None:
    if target.is_dir() and any(target.iterdir()) and not is_ours(target):
        raise UsageError(
            f"cannot write {shown}: it contains files that no earlier export wrote; "
            "name another folder, or empty it"
        )


def _put_in_place(target: Path, part: Path, manifest: str) -> None:
    """Replace one folder by another, or leave both as they were."""
    if target.is_dir():
        _inherit(target, part, manifest)
    if not target.is_dir() or not any(target.iterdir()):
        part.replace(target)  # a rename replaces an empty folder
        return
    with temporary_files.moved_aside(target):
        part.replace(target)


def _inherit(old: Path, new: Path, manifest: str) -> None:
    """Copy modes and owners to the files and folders of an export from those that they replace."""
    _keep(new, old, stat.S_IMODE(old.stat().st_mode))
    model = old / manifest
    if not model.exists():
        return
    of_files = stat.S_IMODE(model.stat().st_mode) & 0o777
    of_folders = of_files | (of_files & 0o444) >> 2  # whoever may read files may enter folders
    for path in new.rglob("*"):
        before = old / path.relative_to(new)
        if path.is_dir():
            mode = stat.S_IMODE(before.stat().st_mode) if before.is_dir() else of_folders
            _keep(path, before if before.is_dir() else old, mode)
        else:
            mode = stat.S_IMODE(before.stat().st_mode) & 0o777 if before.is_file() else of_files
            _keep(path, before if before.is_file() else model, mode)


def _keep(path: Path, old: Path, mode: int) -> None:
    """Copy owner, group, access lists and mode to a new file from the old one.

    If the group cannot be kept, the new group gets only the permissions that everybody has.
    """
    before, now = old.stat(), path.stat()
    has_group = True
    if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        try:
            os.chown(path, before.st_uid, before.st_gid)
        except OSError:
            try:
                os.chown(path, -1, before.st_gid)
            except OSError:
                has_group = False
    if not has_group:
        mode = mode & 0o707 | (mode & 0o007) << 3
    elif hasattr(os, "listxattr"):  # Linux keeps access lists there
        with suppress(OSError):
            for name in os.listxattr(old):
                with suppress(OSError):
                    os.setxattr(path, name, os.getxattr(old, name))
    path.chmod(mode)


@contextmanager
def _replacing(target: Path, shown: str, new_mode: int) -> Iterator[BinaryIO]:
    temporary_files.remove_dead(target.parent)
    try:
        part, file = temporary_files.new_file(target)
    except OSError as error:
        if not _may_be_written(target, error):
            raise
        # Only the target itself can be written, and it is not before everything else is done.
        with tempfile.TemporaryFile() as elsewhere:
            yield elsewhere
            _copy_over(elsewhere, target, shown)
        return
    try:
        with file:
            yield file
            file.flush()
            if target.exists():
                mode = stat.S_IMODE(target.stat().st_mode) & 0o777
                _keep(part, target, mode)
            else:
                part.chmod(new_mode)
            os.fsync(file.fileno())
            try:
                part.replace(target)
            except OSError as error:
                if not _may_be_written(target, error):
                    raise
                _copy_over(file, target, shown)
    finally:
        part.unlink(missing_ok=True)


def _may_be_written(target: Path, error: OSError) -> bool:
    return (
        error.errno in _MAY_BE_IN_PLACE
        and target.is_file()
        and os.access(target, os.W_OK, effective_ids=True)
    )


def _copy_over(file: BinaryIO, target: Path, shown: str) -> None:
    """Overwrite a file with another's content: a crash in the middle leaves half of it.

    The space is allocated before the first byte is overwritten, and signals wait.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    with interrupt.held():
        descriptor = os.open(target, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "wb") as over:
            _allocate(descriptor, os.fstat(descriptor).st_size, size)
            try:
                shutil.copyfileobj(file, over)
                over.truncate(size)
                over.flush()
                os.fsync(descriptor)
            except OSError as error:
                raise Failure(
                    f"cannot write {shown}: {error.strerror or error}; its folder is not "
                    "writable, and the file itself is half written now: write it again"
                ) from None


def _allocate(descriptor: int, before: int, size: int) -> None:
    if size <= before or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(descriptor, before, size - before)
    except OSError as error:
        cannot_allocate = error.errno in (errno.EINVAL, errno.EOPNOTSUPP)  # the file system
        if not cannot_allocate:
            os.ftruncate(descriptor, before)
            raise


def _stream(path: Path) -> BinaryIO | None:
    """Open what is written directly: a descriptor of this process, a pipe, a device; else None."""
    if (found := DESCRIPTORS.fullmatch(str(path.parent))) and path.name.isdecimal():
        if found[1] in (None, str(os.getpid())):
            return os.fdopen(os.dup(int(path.name)), "wb")
        return path.open("wb")
    if path.exists() and not path.is_file():
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CLOEXEC), "wb")
    return None


@contextmanager
def _named(what: str, *, breaks: bool = False) -> Iterator[None]:
    """Raise the system's errors as `Failure`; a broken pipe only with `breaks`."""
    try:
        yield
    except BrokenPipeError:
        if not breaks:
            raise
        raise Failure(f"cannot write {what}: its reader has gone") from None
    except OSError as error:
        raise Failure(f"cannot write {what}: {error.strerror or error}") from None
