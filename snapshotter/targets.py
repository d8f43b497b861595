"""Where a file is written: follows its links, and refuses the database's own files."""

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from snapshotter.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MOST_LINKS = 40  # as in Linux
DESCRIPTORS = re.compile(r"/proc/(\d+)(/task/\d+)?/fd|/dev/fd")  # folders of open files


def database_file(connection: "Connection") -> Path | None:
    """Return the file of a SQLite database; None for a database on a server."""
    if connection.dialect.name != "sqlite":
        return None
    found = connection.exec_driver_sql("pragma database_list").all()
    return next((Path(row[2]) for row in found if row[1] == "main" and row[2]), None)


def followed(target: Path, shown: str) -> Path:
    """Return where a path's links lead: the link stays, and will lead to the new file.

    Raises `UsageError` for a link or a file that another user has put into a sticky folder that
    everybody may write, like /tmp, as Linux does with `protected_symlinks` and `protected_regular`.
    """
    absolute = Path.cwd() / target
    left = list(reversed(absolute.parts[1:]))
    path = Path(absolute.anchor)
    links = 0
    while left:
        name = left.pop()
        if name == "..":
            path = path.parent
            continue
        here = path / name
        try:
            found = here.lstat()
        except FileNotFoundError:
            return here.joinpath(*reversed(left))
        is_link = stat.S_ISLNK(found.st_mode)
        if (is_link or not left) and _is_planted(found, path.stat()):
            what = "a link" if is_link else "a file of another user"
            raise UsageError(
                f"cannot write {shown}: {str(here)!r} is {what} in a folder that everybody may "
                "write; name another place"
            )
        if not is_link or DESCRIPTORS.fullmatch(str(path)):
            path = here
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        leads_to = here.readlink()
        left.extend(reversed(leads_to.parts[leads_to.is_absolute() :]))
        path = Path(leads_to.anchor) if leads_to.is_absolute() else path
    return path


def _is_planted(found: os.stat_result, of_folder: os.stat_result) -> bool:
    is_shared = of_folder.st_mode & stat.S_ISVTX and of_folder.st_mode & stat.S_IWOTH
    return bool(is_shared) and found.st_uid not in (os.geteuid(), of_folder.st_uid)


def refuse_database(target: Path | TextIO, database: Path | None, shown: str) -> None:
    """Raise `UsageError` for the database's file and those that SQLite or a run puts beside it."""
    if database is None:
        return
    refused = UsageError(
        f"cannot write {shown}: it is the database, or one of its own files (-wal, -shm, "
        "-journal, .lock); name another file"
    )
    own = re.compile(re.escape(database.name) + r"(-wal|-shm|-journal|\..+\.lock)?")
    if (
        isinstance(target, Path)
        and own.fullmatch(target.name)
        and _is_same(target.parent, database.parent)
    ):
        raise refused
    beside = [database]
    with suppress(OSError):  # a folder that may not be read
        beside += [path for path in database.parent.iterdir() if own.fullmatch(path.name)]
    if any(_is_same(target, path) for path in beside):
        raise refused


def _is_same(target: Path | TextIO, file: Path) -> bool:
    try:
        found = target.stat() if isinstance(target, Path) else os.fstat(target.fileno())
        return os.path.samestat(found, file.stat())
    except (OSError, ValueError):  # one of them does not exist, or is a stream without a file
        return False
