"""Opens a database as an engine, and names what goes wrong with it.

Each engine sets in every session what this command depends on, waits for others' locks for a
bounded time, and notices within it that the run is to end.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Engine, create_engine, event, exc
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection

from snapshotter.errors import CONTINUES, DatabaseError, SnapshotterError, Stopped, UsageError
from snapshotter.store import sqlite_file
from snapshotter.store.driver_errors import as_our_error
from snapshotter.store.server_setup import ServerSetup
from snapshotter.store.session_setup import READS, Cut, on_each_statement, set_up_sessions
from snapshotter.store.urls import Address, Hosts, address_of, bad_value, check_options, parse
from snapshotter.store.wait_limit import TimeLeft, WaitLimit

_CONNECT_SECONDS = 10
# Perhaps within a text. Both encoders write a small e; to begin with a letter is five times faster.
_EXPONENT = re.compile(r"e(?<=\de)\+?\d")
# A text, or a number with an exponent that is not negative.
_LARGE = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<number>-?\d+(?:\.\d+)?[eE]\+?\d+)')
_ADDRESS = "snapshotter_address"  # an attribute of an error: which database raised it


def open_engine(url: str, *, read_only: bool = False, time_left: TimeLeft | None = None) -> Engine:
    """Return the engine for a SQLAlchemy URL; a server is contacted when it is first used.

    A SQLite file is checked here, and created for its owner alone if it is missing: see
    `sqlite_file`. With `read_only` nothing is created, and a reader never waits for a writer.
    `time_left` bounds how long a statement waits: seconds, 0 if the run is to stop, None for no
    bound; any thread may call it. Raises `UsageError` for a URL or driver that cannot be used,
    `DatabaseError` for a SQLite file that cannot be used.
    """
    parsed, hosts = parse(url)
    address = address_of(parsed, hosts)
    wait_limit = WaitLimit(time_left)
    options = _options(parsed, hosts, wait_limit)
    if parsed.get_backend_name() == "sqlite":
        options["creator"] = _opens_file(parsed, wait_limit, read_only=read_only)
    engine = _created(parsed, address, options)
    if parsed.get_backend_name() != "sqlite":
        check_options(parsed, engine.dialect, address)
    cut = set_up_sessions(engine, address, ServerSetup(wait_limit, read_only))
    _end_in_time(engine, address, wait_limit, cut)
    return engine


def _created(url: URL, address: Address, options: dict[str, Any]) -> Engine:
    try:
        return create_engine(
            url,
            json_serializer=to_json,
            json_deserializer=_from_json,
            hide_parameters=True,  # an error's text must not show the content of a job's variables
            **options,
        )
    except (ImportError, exc.ArgumentError) as error:
        extra = "postgresql" if url.get_backend_name() == "postgresql" else "mysql"
        raise UsageError(
            f"database {address.shown}: its driver is not installed ({error}); "
            f"pip install 'xplenty-snapshotter[{extra}]'"
        ) from None
    except (ValueError, TypeError):
        raise bad_value(address) from None


def _options(url: URL, hosts: Hosts | None, wait_limit: WaitLimit) -> dict[str, Any]:
    """Return arguments of `create_engine`; parameters are positional, as `bulk` needs them."""
    arguments: dict[str, Any] = {}
    seconds = round(min(_CONNECT_SECONDS, wait_limit.seconds()))
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = seconds
    match url.get_backend_name():
        case "postgresql":
            # Only what poolers let through: `options` belongs to the user.
            arguments["client_encoding"] = "utf8"
            if hosts is not None:
                arguments |= {"host": hosts.hosts, "port": hosts.ports}
            return {
                "connect_args": arguments,
                "paramstyle": "format",
                "use_native_hstore": False,  # no column is one, which saves a query
            }
        case "mysql" | "mariadb":
            arguments |= {
                "charset": "utf8mb4",
                "read_timeout": seconds,  # until the session is open
                "init_command": "set time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,"
                "NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO'",
            }
            return {"connect_args": arguments, "paramstyle": "format"}
        case _:
            return {}


def to_json(value: Any) -> str:
    """Return a value as JSON from which every engine returns an equal value."""
    try:
        document = msgspec.json.encode(value).decode()
    except OverflowError:  # an integer past 64 bits, which JSON allows
        document = json.dumps(value, ensure_ascii=False)
    if _EXPONENT.search(document):
        document = _LARGE.sub(_with_decimals, document)
    return document


def _with_decimals(part: re.Match[str]) -> str:
    """Return a large float with its digits: from an exponent PostgreSQL would make an integer."""
    number = part["number"]
    return part[0] if number is None else f"{Decimal(number):f}.0"


def _from_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:  # a number out of range, and what only Python reads
        return json.loads(text)


def _opens_file(url: URL, wait_limit: WaitLimit, *, read_only: bool) -> sqlite_file.Creator:
    if url.database in (None, "", ":memory:"):
        raise UsageError("a SQLite database in memory is lost when the command ends; name a file")
    create = sqlite_file.creator(Path(str(url.database)), wait_limit, read_only=read_only)

    def opened() -> sqlite3.Connection:
        try:
            return create()
        except sqlite3.Error as error:
            raise as_our_error(error, address_of(url).shown) from None

    return opened


def _end_in_time(engine: Engine, address: Address, wait_limit: WaitLimit, cut: Cut) -> None:
    """End statements that go on after the run was to stop; note the database on each error."""

    def begin(connection: DBAPIConnection) -> None:
        wait_limit.begin(partial(cut, connection))

    on_each_statement(engine, begin, wait_limit.end)

    @event.listens_for(engine, "handle_error")
    def note_address(context: ExceptionContext) -> None:
        wait_limit.end()
        if wait_limit.has_cut:
            raise Stopped(
                "stopped while the database was at work, or waited for a lock of another session "
                f"({address.shown}){CONTINUES}"
            )
        if context.sqlalchemy_exception is not None:
            setattr(context.sqlalchemy_exception, _ADDRESS, address)


def checkpoint(engine: Engine) -> None:
    """Write a SQLite file's log into it, so that a plain copy of the file is complete."""
    if engine.dialect.name == "sqlite":
        with suppress(exc.SQLAlchemyError, SnapshotterError), engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            sqlite_file.checkpoint(driver)


def reading(engine: Engine) -> Engine:
    """Return the engine for transactions that only read, and so never wait for a writer."""
    return engine.execution_options(**{READS: True})


def unmoving(engine: Engine) -> Engine:
    """Return the engine for transactions whose reads all see the same state."""
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
    """Turn the error of a driver into one of ours, of one line: see `driver_errors`."""
    try:
        yield
    except exc.DBAPIError as error:
        raise named(error) from error
    except exc.SQLAlchemyError as error:
        raise DatabaseError(f"the database cannot be used: {str(error).splitlines()[0]}") from error


def named(error: exc.DBAPIError) -> SnapshotterError:
    """Return the error of ours for one of a driver's, with the database it is about."""
    address: Address | None = getattr(error, _ADDRESS, None)
    cause = error.orig or error
    return (
        as_our_error(cause)
        if address is None
        else as_our_error(cause, address.shown, secrets=address.secrets)
    )
