"""Opens a SQLite file, after checking its permissions, its file system and its journal mode.

Whatever prevents its use is reported before the file is changed. A file that this command creates
is in WAL mode if the file system can share memory; any other file keeps its mode.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from snapshotter import temporary_files
from snapshotter.errors import DatabaseError
from snapshotter.store.sqlite_connection import open_file
from snapshotter.store.wait_limit import WaitLimit

_LOG_PAGES = 10_000  # of 4 kB
# Below this much free space SQLite's shared memory may have no room: writing to it kills a process.
_LEAST_FREE = 1024 * 1024
_SMALLEST = 512  # bytes of a SQLite file
_OLDEST = (3, 25)  # has window functions
_CANNOT_SHARE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}

Creator = Callable[[], sqlite3.Connection]


def creator(path: Path, wait_limit: WaitLimit, *, read_only: bool) -> Creator:
    """Return a function that opens the file; unless `read_only`, create a file that is missing.

    Raises `DatabaseError` if it cannot be used.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise DatabaseError(
            f"SQLite {sqlite3.sqlite_version} is too old; {'.'.join(map(str, _OLDEST))} or newer"
        )
    _check_kind(path, read_only=read_only)
    if read_only:
        return _Reader(path, wait_limit)
    if not path.exists():
        _create(path)
    _check_writable(path)
    return _Writer(path, wait_limit)


def _check_kind(path: Path, *, read_only: bool) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        if read_only:
            raise DatabaseError(
                f"no database at {str(path)!r}; 'snapshotter sync' creates it"
            ) from None
        return
    except OSError as error:
        raise DatabaseError(f"cannot reach the database {str(path)!r}: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise DatabaseError(f"the database cannot be used: {str(path)!r} is {kind}")
    if 0 < found.st_size < _SMALLEST:  # SQLite would overwrite it as if it were empty
        raise DatabaseError(f"the database cannot be used: {str(path)!r} is not a SQLite database")
    if not os.access(path, os.R_OK):
        raise DatabaseError(f"cannot read the database {str(path)!r}: Permission denied")


def _create(path: Path) -> None:
    """Create the file for its owner alone, because job errors and variables may be secret."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DatabaseError(f"cannot write the database {str(path)!r}: {error.strerror}") from None


def _check_writable(path: Path) -> None:
    for what, each in (("the database", path), ("beside the database, in", _folder(path))):
        if not os.access(each, os.W_OK):
            raise DatabaseError(f"cannot write {what} {str(each)!r}: only reading is permitted")
    if _is_full(path):
        raise DatabaseError(
            f"the database cannot be used: the disk of {str(path)!r} is full; "
            "nothing is changed, make room and run again"
        )


def _folder(path: Path) -> Path:
    return Path(os.path.realpath(path)).parent


def _beside(path: Path, suffix: str) -> int:
    """Return the size of a file that SQLite keeps beside the database; 0 if there is none."""
    try:
        return Path(f"{os.path.realpath(path)}{suffix}").stat().st_size
    except OSError:
        return 0


def _is_full(path: Path) -> bool:
    try:
        found = os.statvfs(_folder(path))
    except OSError:
        return False
    free = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    return found.f_blocks > 0 and free * found.f_frsize < _LEAST_FREE


def _memory_is_there(path: Path) -> bool:
    """Whether the shared memory file has all its blocks, so that a full disk does no harm."""
    try:
        found = Path(f"{os.path.realpath(path)}-shm").stat()
    except OSError:
        return False
    return 0 < found.st_size <= found.st_blocks * 512


class _Reader:
    """Opens a file to read: as usual, or without shared memory if the file system has none."""

    def __init__(self, path: Path, wait_limit: WaitLimit) -> None:
        self._path, self._wait_limit = path, wait_limit
        self._way: tuple[str, ...] | None = None

    def __call__(self) -> sqlite3.Connection:
        if self._way is not None:
            return open_file(self._path, self._wait_limit, *self._way)
        failed: sqlite3.Error | None = None
        for way in self._ways():
            try:
                connection = open_file(self._path, self._wait_limit, *way)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _CANNOT_SHARE:
                    raise
                failed = error
            else:
                self._way = way
                return connection
        raise DatabaseError(self._why(failed)) from None

    def _ways(self) -> Iterator[tuple[str, ...]]:
        if not _is_full(self._path) or _memory_is_there(self._path):
            yield ("mode=rw",)
        if not _beside(self._path, "-wal") and not _beside(self._path, "-journal"):
            yield ("mode=ro&immutable=1",)
        elif os.access(self._path, os.W_OK):
            yield "mode=rw", "pragma locking_mode = exclusive"

    def _why(self, failed: sqlite3.Error | None) -> str:
        name = str(self._path)
        log = next((each for each in ("-wal", "-journal") if _beside(self._path, each)), None)
        if log is not None:
            return (
                f"cannot read the database {name!r}: {name + log!r} holds changes; merging them "
                "needs write access; wait for the run in progress, or run 'snapshotter status' as "
                "the owner"
            )
        return f"cannot read the database {name!r}: {failed}"


class _Writer:
    """Opens a file to write; a new one in WAL mode if the file system supports it."""

    def __init__(self, path: Path, wait_limit: WaitLimit) -> None:
        self._path, self._wait_limit = path, wait_limit

    def __call__(self) -> sqlite3.Connection:
        try:
            connection = open_file(self._path, self._wait_limit, "mode=rw")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _CANNOT_SHARE:
                raise
            raise DatabaseError(
                f"cannot write the database {str(self._path)!r}: it is in WAL mode, and its file "
                f"system cannot do that ({error}); nothing is changed. Keep it on a local disk, or "
                "run `pragma journal_mode = delete` on it there"
            ) from None
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        ((mode,),) = connection.execute("pragma journal_mode").fetchall()
        if mode != "wal" and self._path.stat().st_size == 0 and _can_share_memory(self._path):
            ((mode,),) = connection.execute("pragma journal_mode = wal").fetchall()
        if mode == "wal":
            # A crash of the machine may undo the last transactions, each with its checkpoint; the
            # next run continues from before them.
            connection.execute("pragma synchronous = normal")
            # Index pages are written again and again; they go from the log into the file once per
            # 40 MB instead of 4, and stay in memory until then.
            connection.execute(f"pragma wal_autocheckpoint = {_LOG_PAGES}")
            connection.execute(f"pragma journal_size_limit = {_LOG_PAGES * 4096}")
        connection.execute("pragma cache_size = -8000")


def _can_share_memory(path: Path) -> bool:
    """Try WAL mode on another file beside it: a file that fails in it cannot be read any longer."""
    temporary_files.remove_dead(_folder(path))
    with temporary_files.new_folder(_folder(path) / path.name) as folder:
        with closing(sqlite3.connect(folder / "probe.db")) as connection:
            try:
                connection.execute("pragma synchronous = off")
                connection.execute("pragma journal_mode = wal")
                connection.execute("create table probe (id integer)")
            except sqlite3.OperationalError:
                return False
        return True


def checkpoint(connection: sqlite3.Connection) -> None:
    """Write the log into the file, so that a plain copy of the file is complete, without waiting.

    A reader in a transaction may keep some of it in the log.
    """
    with suppress(sqlite3.Error):
        # Of the driver itself: ours waits for locks.
        sqlite3.Connection.execute(connection, "pragma wal_checkpoint(truncate)").fetchall()
