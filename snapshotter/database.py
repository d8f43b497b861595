"""The engine, and the schema at head. Knows what each database wants to be told."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    exc,
    make_url,
)

from snapshotter.errors import DatabaseError, UsageError

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mariadb+pymysql": "mariadb+pymysql",
}
_BUSY_TIMEOUT_MS = 30_000
_LOG_PAGES = 10_000  # of 4 kB
FIRST = "0001"  # revision
_READS = "snapshotter_reads"
# The execution option of a PostgreSQL statement that is a COPY FROM STDIN; its one parameter is
# the text to be copied.
COPIES = "snapshotter_copies"


def resource_folder(name: str) -> Path:
    """Give the folder `migrations` or `sql`: in the installed package, or beside a checkout's."""
    package = Path(__file__).resolve().parent
    installed = package / name
    return installed if installed.is_dir() else package.parent / name


def connect(url: str, *, read_only: bool = False) -> Engine:
    """Make the engine for a SQLAlchemy URL; a SQLite file is made, for its owner alone.

    With `read_only` nothing is made, and a reader never waits for a writer.
    Raises `UsageError` for a URL or driver that cannot be, `DatabaseError` for a database that
    cannot be opened.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        _open_file(parsed, read_only=read_only)
    try:
        engine = create_engine(
            parsed,
            json_serializer=to_json,
            json_deserializer=_from_json,
            hide_parameters=True,  # an error's text must not show what a job's variables hold
            **_options(parsed, read_only=read_only),
        )
    except (ImportError, exc.ArgumentError) as error:
        extra = "postgresql" if parsed.get_backend_name() == "postgresql" else "mysql"
        raise UsageError(
            f"database {_shown(parsed)}: its driver is not installed ({error}); "
            f"pip install 'xplenty-snapshotter[{extra}]'"
        ) from None
    match parsed.get_backend_name():
        case "sqlite":
            _prepare_sqlite(engine, read_only=read_only)
        case "postgresql":
            _prepare_postgresql(engine)
    return engine


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise UsageError(
            "the database's URL cannot be read; like sqlite:///job_history.db "
            "or postgresql://user@host/name"
        ) from None
    if parsed.drivername not in _DRIVERS:
        raise UsageError(
            f"no database driver {parsed.drivername!r}; known are sqlite, postgresql and mysql"
        )
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


def _options(url: URL, *, read_only: bool) -> dict[str, Any]:
    """Give what `create_engine` is told; each driver takes parameters by place, for `bulk`."""
    match url.get_backend_name():
        case "postgresql":
            options = "-c timezone=UTC"
            if not read_only:
                # A server that crashes may lose the last transactions, each whole and with the
                # checkpoint of what it stored: the next run goes on from before them. The same
                # holds of SQLite, below.
                options += " -c synchronous_commit=off"
            return {
                "connect_args": {"options": options, "connect_timeout": 10},
                "paramstyle": "format",
            }
        case "mysql" | "mariadb":
            return {
                "connect_args": {
                    "charset": "utf8mb4",
                    "connect_timeout": 10,
                    "init_command": "set time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,"
                    "NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO'",
                },
                "isolation_level": "READ COMMITTED",
                "paramstyle": "format",
            }
        case _:
            return {}


def to_json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except OverflowError:  # an integer past 64 bits, which JSON allows
        return json.dumps(value, ensure_ascii=False)


def _from_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:  # a number past all others, and what else only Python reads
        return json.loads(text)


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _open_file(url: URL, *, read_only: bool) -> None:
    """Make the file with mode 0600: job errors and variables are nobody else's business."""
    if url.database in (None, "", ":memory:"):
        raise UsageError("a SQLite database in memory is gone when the command ends; name a file")
    if url.query:
        raise UsageError("a SQLite URL takes no options after '?'")
    path = Path(str(url.database))
    try:
        if path.exists():
            return
    except OSError as error:
        raise DatabaseError(f"cannot reach the database {str(path)!r}: {error.strerror}") from None
    if read_only:
        raise DatabaseError(f"no database at {str(path)!r}; 'snapshotter sync' makes it")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DatabaseError(f"cannot write the database {str(path)!r}: {error.strerror}") from None


def _prepare_sqlite(engine: Engine, *, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own BEGIN comes too late for DDL and too weak for writers: ours is below.
        connection.isolation_level = None
        connection.execute(f"pragma busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute("pragma foreign_keys = on")
        if not read_only:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            # Pages that are written again and again, those of the indexes, go from the log into
            # the file once in 40 MB instead of once in 4, and wait in memory until then.
            connection.execute(f"pragma wal_autocheckpoint = {_LOG_PAGES}")
            connection.execute(f"pragma journal_size_limit = {_LOG_PAGES * 4096}")
            connection.execute("pragma cache_size = -16000")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a write is refused at once, whatever the timeout.
        reads = read_only or connection.get_execution_options().get(_READS)
        connection.exec_driver_sql("begin" if reads else "begin immediate")


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "do_execute")
    def copy(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        # Here a COPY is to SQLAlchemy a statement like all others, its errors and events included.
        if COPIES not in context.execution_options:
            return False
        with cursor.copy(statement) as stream:
            stream.write(parameters[0])
        return True


def reading(engine: Engine) -> Engine:
    """Give the engine for what only reads, and so never waits for another writer."""
    return engine.execution_options(**{_READS: True})


def unmoving(engine: Engine) -> Engine:
    """Give the engine for what reads again and again, and is to see one moment all the while."""
    match engine.dialect.name:
        case "sqlite":
            return reading(engine)
        case "postgresql":
            return engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        case _:
            return engine.execution_options(isolation_level="REPEATABLE READ")


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn what a driver raises into one line of `DatabaseError`."""
    try:
        yield
    except exc.DBAPIError as error:
        cause = str(error.orig).strip().splitlines()
        raise DatabaseError(
            f"the database cannot be used: {cause[0] if cause else type(error.orig).__name__}"
        ) from error
    except exc.SQLAlchemyError as error:
        raise DatabaseError(f"the database cannot be used: {str(error).splitlines()[0]}") from error
