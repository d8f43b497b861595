"""The lock of an account: one run at a time reads it into a database; `sync` refuses a second."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, exc, text

from snapshotter.errors import DatabaseError, SnapshotterError
from snapshotter.store.engine import checkpoint, named_errors
from snapshotter.store.session_setup import is_pooled

CheckLock = Callable[[], None]


@contextmanager
def lock(engine: Engine, account_id: str) -> Iterator[CheckLock | None]:
    """Take the account's lock; yield None if another run has it.

    The lock ends with the process, however that ends. Call the yielded function now and then: it
    raises `DatabaseError` if the database is lost, and with it the lock.
    """
    # A name of fixed length, because file names and MariaDB's lock names are limited.
    name = hashlib.blake2b(account_id.encode(), digest_size=7).hexdigest()
    if engine.dialect.name == "sqlite":
        # A file that is reached by different links is one database.
        database = Path(os.path.realpath(str(engine.url.database)))
        with _lock_file(Path(f"{database}.{name}.lock")) as taken:
            try:
                yield _same_file(database) if taken else None
            finally:
                if taken:
                    checkpoint(engine)
        return
    server_lock = _postgresql_lock if engine.dialect.name == "postgresql" else _mariadb_lock
    with named_errors(), engine.connect() as connection:
        try:
            with server_lock(connection, name) as taken:
                yield _same_session(connection) if taken else None
        finally:
            connection.invalidate()  # instead of back into the pool: the lock ends with the session


@contextmanager
def _postgresql_lock(connection: Connection, name: str) -> Iterator[bool]:
    """Take an advisory lock; behind a pooler, one of a transaction, which stays open.

    There the next client may get the same session of the server, with its locks. The two kinds of
    lock exclude each other.
    """
    key = {"key": int(name, 16)}
    if is_pooled(connection):
        take = "select pg_try_advisory_xact_lock(:key)"
        try:
            yield bool(connection.execute(text(take), key).scalar())
        finally:
            with suppress(exc.SQLAlchemyError, SnapshotterError):
                connection.rollback()  # a pooler may see the session's end a little late
        return
    connection.execution_options(isolation_level="AUTOCOMMIT")
    taken = bool(connection.execute(text("select pg_try_advisory_lock(:key)"), key).scalar())
    try:
        yield taken
    finally:
        if taken:  # a server may see the session's end a little late
            with suppress(exc.SQLAlchemyError, SnapshotterError):
                connection.execute(text("select pg_advisory_unlock(:key)"), key)


@contextmanager
def _mariadb_lock(connection: Connection, name: str) -> Iterator[bool]:
    """Take a named lock; its name belongs to the whole server."""
    connection.execution_options(isolation_level="AUTOCOMMIT")
    key, whole = {"name": name}, "concat(:name, left(database(), 40))"
    taken = bool(connection.execute(text(f"select get_lock({whole}, 0)"), key).scalar())
    try:
        yield taken
    finally:
        if taken:  # as above
            with suppress(exc.SQLAlchemyError, SnapshotterError):
                connection.execute(text(f"select release_lock({whole})"), key)


def _same_session(connection: Connection) -> CheckLock:
    def check() -> None:
        with named_errors():
            connection.execute(text("select 1"))

    return check


def _same_file(path: Path) -> CheckLock:
    """Check for a removed or replaced file, into which SQLite itself would go on writing."""

    def identity() -> tuple[int, int]:
        try:
            found = path.stat()
        except OSError as error:
            raise DatabaseError(f"the database {str(path)!r} is lost: {error.strerror}") from None
        return found.st_dev, found.st_ino

    before = identity()

    def check() -> None:
        if identity() != before:
            raise DatabaseError(f"the database {str(path)!r} was replaced by another file")

    return check


@contextmanager
def _lock_file(path: Path) -> Iterator[bool]:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseError(f"cannot lock {str(path)!r}: {error.strerror}") from None
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = True
        except BlockingIOError:
            taken = False
        except OSError as error:
            raise DatabaseError(f"cannot lock {str(path)!r}: {error.strerror}") from None
        yield taken
