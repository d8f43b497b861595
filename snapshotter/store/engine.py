"""Opens a database as an engine, and names what goes wrong with it.

Each engine sets in every session what this command depends on, waits for others' locks for a
bounded time, and notices within it that the run is to end.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from snapshotter.errors import DatabaseError, SnapshotterError, Stopped, UsageError
from snapshotter.store import sqlite_file
from snapshotter.store.patience import Patience, TimeLeft
from snapshotter.store.refusals import told
from snapshotter.store.surroundings import Surroundings
from snapshotter.store.urls import Hosts, bad_value, check_options, parse, secrets, shown

_READS = "snapshotter_reads"
# The execution option of a PostgreSQL statement that is a COPY FROM STDIN; its one parameter is
# the text to be copied.
COPIES = "snapshotter_copies"
_CONNECT_SECONDS = 10
_LOCAL_SETTINGS = "snapshotter_local_settings"  # in a connection's `info`
_DATABASE = "snapshotter_database"  # on an error: which database raised it, as it may be shown


def connect(url: str, *, read_only: bool = False, time_left: TimeLeft | None = None) -> Engine:
    """Make the engine for a SQLAlchemy URL; a SQLite file is made, for its owner alone.

    With `read_only` nothing is made, and a reader never waits for a writer. `time_left` bounds how
    long a statement waits: seconds, 0 if the run is to stop, None for no bound. Any thread asks it.
    Raises `UsageError` for a URL or driver that cannot be, `DatabaseError` for a database that
    cannot be opened.
    """
    parsed, hosts = parse(url)
    patience = Patience(time_left)
    surroundings = Surroundings(patience, read_only)
    options = _options(parsed, hosts, patience)
    if parsed.get_backend_name() == "sqlite":
        options["creator"] = _opens_file(parsed, patience, read_only=read_only)
    try:
        engine = create_engine(
            parsed,
            json_serializer=to_json,
            json_deserializer=_from_json,
            hide_parameters=True,  # an error's text must not show what a job's variables hold
            **options,
        )
    except (ImportError, exc.ArgumentError) as error:
        extra = "postgresql" if parsed.get_backend_name() == "postgresql" else "mysql"
        raise UsageError(
            f"database {shown(parsed)}: its driver is not installed ({error}); "
            f"pip install 'xplenty-snapshotter[{extra}]'"
        ) from None
    except (ValueError, TypeError):
        raise bad_value(parsed) from None
    match parsed.get_backend_name():
        case "sqlite":
            _prepare_sqlite(engine, read_only=read_only)
            cut: Callable[[Any], None] = _cut_sqlite
        case "postgresql":
            check_options(parsed, engine.dialect)
            _prepare_postgresql(engine, surroundings)
            cut = _cut_postgresql
        case _:
            check_options(parsed, engine.dialect)
            _prepare_mariadb(engine, surroundings)
            cut = partial(_cut_mariadb, engine)
    if parsed.get_backend_name() != "sqlite":
        _connect_in_words(engine, parsed)
    _end_in_time(engine, patience, cut)
    return engine


def _options(url: URL, hosts: Hosts | None, patience: Patience) -> dict[str, Any]:
    """Give what `create_engine` is told; each driver takes parameters by place, for `bulk`."""
    arguments: dict[str, Any] = {}
    seconds = round(min(_CONNECT_SECONDS, patience.seconds()))
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = seconds
    match url.get_backend_name():
        case "postgresql":
            # Nothing but what poolers let through: `options` belongs to the user.
            arguments["client_encoding"] = "utf8"
            if hosts is not None:
                arguments |= {"host": hosts.hosts, "port": hosts.ports}
            return {
                "connect_args": arguments,
                "paramstyle": "format",
                "use_native_hstore": False,  # nothing is kept in one: a question less
            }
        case "mysql" | "mariadb":
            arguments |= {
                "charset": "utf8mb4",
                "read_timeout": seconds,  # until the session is there
                "init_command": "set time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,"
                "NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO'",
            }
            return {"connect_args": arguments, "paramstyle": "format"}
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


def _opens_file(url: URL, patience: Patience, *, read_only: bool) -> sqlite_file.Creator:
    if url.database in (None, "", ":memory:"):
        raise UsageError("a SQLite database in memory is gone when the command ends; name a file")
    create = sqlite_file.creator(Path(str(url.database)), patience, read_only=read_only)

    def opened() -> sqlite3.Connection:
        try:
            return create()
        except sqlite3.Error as error:
            raise told(error, shown(url)) from None

    return opened


def _connect_in_words(engine: Engine, url: URL) -> None:
    """Raise an error of ours when no session comes about, whatever the driver raises."""

    @event.listens_for(engine, "do_connect")
    def do_connect(dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
        try:
            return dialect.connect(*arguments, **named)
        except dialect.loaded_dbapi.Error as error:
            raise told(error, shown(url), secrets=secrets(url)) from None
        except RuntimeError as error:  # PyMySQL's, of a package that a kind of login needs
            raise UsageError(
                f"database {shown(url)}: its kind of login needs a package that is not installed "
                f"({error}); pip install 'xplenty-snapshotter[mysql]'"
            ) from None
        except (OSError, ValueError, TypeError, NotImplementedError, AttributeError) as error:
            name = type(error).__name__
            reason = getattr(error, "strerror", None) or name
            raise UsageError(
                f"database {shown(url)}: an option of its URL cannot be used ({reason})"
            ) from None


def _end_in_time(engine: Engine, patience: Patience, cut: Callable[[Any], None]) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def begin(_connection: Any, cursor: Any, *_: object) -> None:
        patience.begin(partial(cut, cursor.connection))

    @event.listens_for(engine, "after_cursor_execute")
    def end(*_: object) -> None:
        patience.end()

    @event.listens_for(engine, "handle_error")
    def name(context: Any) -> None:
        patience.end()
        if patience.has_cut:
            raise Stopped(
                "stopped while the database was at work, or waited for a lock of another session "
                f"({shown(engine.url)}); nothing is lost, the next run continues"
            )
        if context.sqlalchemy_exception is not None:
            setattr(context.sqlalchemy_exception, _DATABASE, engine.url)


def _cut_sqlite(connection: Any) -> None:
    connection.interrupt()


def _cut_postgresql(connection: Any) -> None:
    with suppress(Exception):
        connection.cancel_safe(timeout=2)


def _cut_mariadb(engine: Engine, connection: Any) -> None:
    """End the statement by another session: this one does not listen."""
    arguments, named = engine.dialect.create_connect_args(engine.url)
    with suppress(Exception):
        other: Any = engine.dialect.connect(
            *arguments, **{**named, "connect_timeout": 2, "read_timeout": 2}
        )
        with other, other.cursor() as cursor:
            cursor.execute(f"kill query {connection.thread_id()}")


def _prepare_sqlite(engine: Engine, *, read_only: bool) -> None:
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a write is refused at once, whatever the timeout.
        reads = read_only or connection.get_execution_options().get(_READS)
        connection.exec_driver_sql("begin" if reads else "begin immediate")


def _prepare_postgresql(engine: Engine, surroundings: Surroundings) -> None:
    def greet(connection: Any, record: Any) -> None:
        record.info[_LOCAL_SETTINGS] = surroundings.greet_postgresql(connection)

    _greet_by(engine, greet)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if settings := connection.info.get(_LOCAL_SETTINGS):
            connection.exec_driver_sql(settings)

    @event.listens_for(engine, "do_execute")
    def copy(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        # Here a COPY is to SQLAlchemy a statement like all others, its errors and events included.
        if COPIES not in context.execution_options:
            return False
        with cursor.copy(statement) as stream:
            stream.write(parameters[0])
        return True


def _prepare_mariadb(engine: Engine, surroundings: Surroundings) -> None:
    def greet(connection: Any, _record: Any) -> None:
        connection._read_timeout = None  # noqa: SLF001 - it would bound every statement
        surroundings.greet_mariadb(connection)

    _greet_by(engine, greet)


def _greet_by(engine: Engine, greet: Callable[[Any, Any], None]) -> None:
    def in_words(connection: Any, record: Any) -> None:
        try:
            greet(connection, record)
        except engine.dialect.loaded_dbapi.Error as error:
            raise told(error, shown(engine.url), secrets=secrets(engine.url)) from None

    # Before SQLAlchemy's own, which takes what it then finds as the defaults of each session.
    event.listen(engine, "connect", in_words, insert=True)


def checkpoint(engine: Engine) -> None:
    """Bring into a SQLite file what waits beside it, so that a plain copy has it all."""
    if engine.dialect.name == "sqlite":
        with suppress(exc.SQLAlchemyError, SnapshotterError), engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            sqlite_file.checkpoint(driver)


def is_pooled(connection: Connection) -> bool:
    """Whether a pooler is in between, which may give each transaction another session."""
    return bool(connection.info.get(_LOCAL_SETTINGS))


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
    """Turn what a driver raises into one line of an error of ours: see `refusals`."""
    try:
        yield
    except exc.DBAPIError as error:
        raise named(error) from error
    except exc.SQLAlchemyError as error:
        raise DatabaseError(f"the database cannot be used: {str(error).splitlines()[0]}") from error


def named(error: exc.DBAPIError) -> SnapshotterError:
    url: URL | None = getattr(error, _DATABASE, None)
    cause = error.orig or error
    return told(cause) if url is None else told(cause, shown(url), secrets=secrets(url))
