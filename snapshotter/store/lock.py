"""The lock of an account: one run at a time reads it into a database; `sync` refuses a second.

The message of that is in `sync.sync`: "account ... is being read by ...".
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, exc, text

from snapshotter.errors import DatabaseError, SnapshotterError
from snapshotter.store.engine import checkpoint, named_errors, reading
from snapshotter.store.session_setup import is_pooled

CheckLock = Callable[[], None]
_A_MOMENT = 0.05  # seconds
_WHOLE = "concat(:name, left(database(), 40))"  # a lock's name in MariaDB, unique in the server
# How `pg_locks` shows an advisory lock with one key of 64 bits.
_HELD_IN_POSTGRESQL = (
    "select exists (select 1 from pg_locks where locktype = 'advisory' and granted "
    "and objsubid = 1 and classid::bigint = :high and objid::bigint = :low "
    "and database = (select oid from pg_database where datname = current_database()))"
)


@contextmanager
def lock(engine: Engine, account_id: str) -> Iterator[CheckLock | None]:
    """Take the account's lock; yield None if another run has it.

    The lock ends with the process, however that ends. Call the yielded function now and then: it
    raises `DatabaseError` if the database is lost, and with it the lock.
    """
    name = _name(account_id)
    if engine.dialect.name == "sqlite":
        database = _database(engine)
        with _lock_file(_path(database, name)) as taken:
            try:
                yield _same_file(database) if taken else None
            finally:
                if taken:
                    checkpoint(engine)
        return
    with _session(engine) as connection, _server_lock(connection, name) as taken:
        yield _same_session(connection) if taken else None


@contextmanager
def locks(engine: Engine, account_ids: Iterable[str]) -> Iterator[str | None]:
    """Take the locks of several accounts, in a fixed order; yield the first that another run has.

    None if all are taken. On a server one session takes them all.
    """
    with ExitStack() as stack:
        is_file = engine.dialect.name == "sqlite"
        connection = None if is_file else stack.enter_context(_session(engine))

        def is_taken(account_id: str) -> bool:
            if connection is None:
                return stack.enter_context(lock(engine, account_id)) is None
            return not stack.enter_context(_server_lock(connection, _name(account_id)))

        yield next(filter(is_taken, sorted(account_ids)), None)


@contextmanager
def _session(engine: Engine) -> Iterator[Connection]:
    """Open a session of a server for locks, which end with it."""
    with named_errors(), engine.connect() as connection:
        try:
            if not is_pooled(connection):
                connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection
        finally:
            connection.invalidate()  # instead of back into the pool: its locks end with it


def _server_lock(connection: Connection, name: str) -> AbstractContextManager[bool]:
    is_postgresql = connection.dialect.name == "postgresql"
    return (_postgresql_lock if is_postgresql else _mariadb_lock)(connection, name)


def is_held(engine: Engine, account_id: str) -> bool:
    """Return whether a run holds the account's lock. Nothing is created or changed."""
    name = _name(account_id)
    if engine.dialect.name == "sqlite":
        return _is_locked(_path(_database(engine), name))
    with named_errors(), reading(engine).connect() as connection:
        if engine.dialect.name == "postgresql":
            key = int(name, 16)
            parts = {"high": key >> 32, "low": key & 0xFFFFFFFF}
            held = connection.execute(text(_HELD_IN_POSTGRESQL), parts).scalar()
        else:
            user = connection.execute(text(f"select is_used_lock({_WHOLE})"), {"name": name})
            held = user.scalar() is not None
    return bool(held)


def _name(account_id: str) -> str:
    """Return a name of fixed length, because file names and MariaDB's lock names are limited."""
    return hashlib.blake2b(account_id.encode(), digest_size=7).hexdigest()


def _database(engine: Engine) -> Path:
    """Return the file of a SQLite database: one that is reached by different links is one."""
    return Path(os.path.realpath(str(engine.url.database)))


def _path(database: Path, name: str) -> Path:
    return Path(f"{database}.{name}.lock")


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DatabaseError(f"cannot read the lock {str(path)!r}: {error.strerror}") from None
    try:
        # Shared, and for a moment only: two that look do not see each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise DatabaseError(f"cannot read the lock {str(path)!r}: {error.strerror}") from None
    finally:
        os.close(descriptor)
    return False


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
    key = {"name": name}
    taken = bool(connection.execute(text(f"select get_lock({_WHOLE}, 0)"), key).scalar())
    try:
        yield taken
    finally:
        if taken:  # as above
            with suppress(exc.SQLAlchemyError, SnapshotterError):
                connection.execute(text(f"select release_lock({_WHOLE})"), key)


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
            taken = _take(file.fileno())
        except OSError as error:
            raise DatabaseError(f"cannot lock {str(path)!r}: {error.strerror}") from None
        yield taken


def _take(descriptor: int) -> bool:
    """Take a file's lock, and return whether that worked; `_is_locked` may have it for a moment."""
    for pause in (_A_MOMENT, 0):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause)
        else:
            return True
    return False
