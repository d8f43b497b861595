"""Prepares the sessions of each kind of database, and knows how to end a statement from outside."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor, ExecutionContext
from sqlalchemy.pool import ConnectionPoolEntry

from snapshotter.errors import UsageError
from snapshotter.store.driver_errors import as_our_error
from snapshotter.store.server_setup import ServerSetup
from snapshotter.store.urls import Address

# The execution option of a PostgreSQL statement that is a COPY FROM STDIN; its one parameter is
# the text to be copied.
COPIES = "snapshotter_copies"
READS = "snapshotter_reads"  # the execution option of what never waits for another writer

_LOCAL_SETTINGS = "snapshotter_local_settings"  # in a connection's `info`
_CUT_SECONDS = 2

Cut = Callable[[DBAPIConnection], None]


def set_up_sessions(engine: Engine, address: Address, setup: ServerSetup) -> Cut:
    """Set up every session of the engine; return what ends a statement in progress in one."""
    match engine.dialect.name:
        case "sqlite":
            _begin_in_sqlite(engine, read_only=setup.read_only)
            return _cut_sqlite
        case "postgresql":
            _name_failed_connections(engine, address)
            _set_up_by(engine, address, partial(_set_up_postgresql, setup))
            _begin_in_postgresql(engine)
            _copy_in_postgresql(engine)
            return _cut_postgresql
        case _:
            _name_failed_connections(engine, address)
            _set_up_by(engine, address, partial(_set_up_mariadb, setup, engine.url))
            return partial(_cut_mariadb, engine)


def is_pooled(connection: Connection) -> bool:
    """Whether a pooler is in between, which may give each transaction another session."""
    return bool(connection.info.get(_LOCAL_SETTINGS))


def _cut_sqlite(connection: DBAPIConnection) -> None:
    connection.interrupt()


def _cut_postgresql(connection: DBAPIConnection) -> None:
    with suppress(Exception):
        connection.cancel_safe(timeout=_CUT_SECONDS)


def _cut_mariadb(engine: Engine, connection: DBAPIConnection) -> None:
    """End the statement by another session, because this one does not listen meanwhile."""
    arguments, named = engine.dialect.create_connect_args(engine.url)
    limits = {"connect_timeout": _CUT_SECONDS, "read_timeout": _CUT_SECONDS}
    with suppress(Exception):
        other: Any = engine.dialect.connect(*arguments, **{**named, **limits})
        with other, other.cursor() as cursor:
            cursor.execute(f"kill query {connection.thread_id()}")


def _begin_in_sqlite(engine: Engine, *, read_only: bool) -> None:
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # SQLite refuses at once, whatever the timeout, to turn a deferred transaction into a write.
        reads = read_only or connection.get_execution_options().get(READS)
        connection.exec_driver_sql("begin" if reads else "begin immediate")


def _begin_in_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if settings := connection.info.get(_LOCAL_SETTINGS):
            connection.exec_driver_sql(settings)


def _copy_in_postgresql(engine: Engine) -> None:
    """Run a COPY through SQLAlchemy like any statement, with its errors and events."""

    @event.listens_for(engine, "do_execute")
    def copy(
        cursor: Any, statement: str, parameters: tuple[str, ...], context: ExecutionContext
    ) -> bool:
        if COPIES not in context.execution_options:
            return False
        with cursor.copy(statement) as stream:
            stream.write(parameters[0])
        return True


def _name_failed_connections(engine: Engine, address: Address) -> None:
    """Raise an error of ours if a session cannot be opened, whatever the driver raises."""

    @event.listens_for(engine, "do_connect")
    def do_connect(
        dialect: Any, _record: ConnectionPoolEntry, arguments: list[Any], named: dict[str, Any]
    ) -> DBAPIConnection:
        try:
            connection: DBAPIConnection = dialect.connect(*arguments, **named)
        except dialect.loaded_dbapi.Error as error:
            raise as_our_error(error, address.shown, secrets=address.secrets) from None
        except RuntimeError as error:  # PyMySQL's, for a package that a kind of login needs
            raise UsageError(
                f"database {address.shown}: its kind of login needs a package that is not "
                f"installed ({error}); pip install 'xplenty-snapshotter[mysql]'"
            ) from None
        except (OSError, ValueError, TypeError, NotImplementedError, AttributeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise UsageError(
                f"database {address.shown}: an option of its URL cannot be used ({reason})"
            ) from None
        return connection


def _set_up_postgresql(
    setup: ServerSetup, connection: DBAPIConnection, record: ConnectionPoolEntry
) -> None:
    record.info[_LOCAL_SETTINGS] = setup.set_up_postgresql(connection)


def _set_up_mariadb(
    setup: ServerSetup, url: URL, connection: DBAPIConnection, _: ConnectionPoolEntry
) -> None:
    # The one for connecting would bound every statement.
    timeout = url.query.get("read_timeout")
    connection._read_timeout = int(str(timeout)) if timeout else None  # noqa: SLF001
    setup.set_up_mariadb(connection)


def _set_up_by(
    engine: Engine,
    address: Address,
    set_up: Callable[[DBAPIConnection, ConnectionPoolEntry], None],
) -> None:
    def named(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        try:
            set_up(connection, record)
        except engine.dialect.loaded_dbapi.Error as error:
            raise as_our_error(error, address.shown, secrets=address.secrets) from None

    # Before SQLAlchemy's own, which takes what it then finds as the defaults of each session.
    event.listen(engine, "connect", named, insert=True)


def on_each_statement(
    engine: Engine, begin: Callable[[DBAPIConnection], None], end: Callable[[], None]
) -> None:
    """Call `begin` with the driver's connection before each statement, and `end` after it."""

    @event.listens_for(engine, "before_cursor_execute")
    def before(_connection: Connection, cursor: DBAPICursor, *_: object) -> None:
        begin(cursor.connection)

    @event.listens_for(engine, "after_cursor_execute")
    def after(*_: object) -> None:
        end()
