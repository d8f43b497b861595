"""The engine, and the schema at head. Knows what each database wants to be told."""

import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    exc,
    inspect,
    make_url,
    text,
)

from snapshotter.errors import DatabaseError, Stopped, UsageError

if TYPE_CHECKING:
    from alembic.config import Config

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


def head() -> str:
    """Give the newest revision: they are numbered, and named by their number."""
    return max(path.name[:4] for path in (resource_folder("migrations") / "versions").glob("0*.py"))


def current(engine: Engine) -> str | None:
    """Give the database's revision; None where it has no schema yet."""
    with named_errors(), reading(engine).connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


def require_head(engine: Engine, *, may_create: bool = False) -> None:
    """Check that the schema is the one this version knows.

    An empty database is brought to head where `may_create`. Raises `DatabaseError` otherwise.
    """
    revision = current(engine)
    if revision == head():
        return
    if revision is None:
        if not may_create:
            raise DatabaseError("the database has no tables yet; run 'snapshotter sync' first")
        upgrade(engine)
    elif revision < head():
        if may_create and revision >= FIRST and _was_killed_in_its_first_upgrade(engine):
            upgrade(engine)
            return
        raise DatabaseError(
            f"the database is at revision {revision}, behind {head()}; "
            "run 'snapshotter db upgrade' (after a backup)"
        )
    else:
        _refuse_ahead(revision)


def _was_killed_in_its_first_upgrade(engine: Engine) -> bool:
    """Tell so of MariaDB, which commits each statement, by a schema that no run has used."""
    if engine.dialect.name not in ("mysql", "mariadb"):
        return False
    with named_errors(), engine.connect() as connection:
        return not _has_rows(connection, "accounts")


def _refuse_ahead(revision: str | None) -> None:
    if revision is not None and revision > head():
        raise DatabaseError(
            f"the database is at revision {revision}, ahead of this version's {head()}; "
            "install a newer xplenty-snapshotter"
        )


def _clear(connection: Connection) -> None:
    """Make sure that a database without a revision has none of our tables.

    MariaDB commits each statement: a first upgrade that was killed there leaves some of the tables,
    empty, and Alembic's own. Raises `DatabaseError` where a table is somebody else's.
    """
    from snapshotter.models import Base  # noqa: PLC0415 - only an empty database asks

    names = inspect(connection).get_table_names()
    ours = [table for table in Base.metadata.sorted_tables if table.name in names]
    killed = connection.dialect.name in ("mysql", "mariadb") and "alembic_version" in names
    for table in ours:
        empty = killed and (table.name == "calendar" or not _has_rows(connection, table.name))
        if not empty:
            raise DatabaseError(
                f"the database has a table {table.name!r} of somebody else's; name another database"
            )
    for table in reversed(ours):
        table.drop(connection)


def _has_rows(connection: Connection, table: str) -> bool:
    return connection.execute(text(f"select 1 from {table} limit 1")).first() is not None  # noqa: S608 - our own name


def _alembic(connection: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - 300 ms that only a migration needs

    config = Config()
    config.set_main_option("script_location", str(resource_folder("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(target: Engine | str) -> None:
    """Bring the schema to head; a database that is there already is left alone."""
    from alembic import command  # noqa: PLC0415 - as above

    engine = connect(target) if isinstance(target, str) else target
    with named_errors(), engine.begin() as connection, _alone(connection):
        revision = _revision(connection)
        _refuse_ahead(revision)
        if revision is None:
            _clear(connection)
        command.upgrade(_alembic(connection), "head")
    if isinstance(target, str):
        engine.dispose()


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Wait for whoever else upgrades this database: of two first runs, one makes the tables."""
    match connection.dialect.name:
        case "postgresql":  # until the transaction's end
            connection.execute(text("select pg_advisory_xact_lock(7230194)"))
            yield
        case "mysql" | "mariadb":
            name = "concat('snapshotter ', left(database(), 40))"
            if not connection.execute(text(f"select get_lock({name}, 60)")).scalar():
                raise Stopped("another run is making the tables, for a minute now; run again later")
            try:
                yield
            finally:
                connection.execute(text(f"select release_lock({name})"))
        case _:  # SQLite has one writer at a time
            yield


class SchemaDiffers(DatabaseError):
    """The database is not as the models are; `differences` as Alembic has them."""

    def __init__(self, differences: list[Any]) -> None:
        super().__init__("the database differs from the models")
        self.differences = differences


def check(engine: Engine) -> None:
    """Compare the database with the models. Raises `SchemaDiffers` where they differ."""
    from alembic import command  # noqa: PLC0415 - as above
    from alembic.util import AutogenerateDiffsDetected  # noqa: PLC0415

    require_head(engine)
    with named_errors(), engine.connect() as connection:
        config = _alembic(connection)
        config.print_stdout = lambda *_: None  # type: ignore[method-assign]
        try:
            command.check(config)
        except AutogenerateDiffsDetected as error:
            raise SchemaDiffers(error.diffs) from None


Hold = Callable[[], None]


@contextmanager
def lock(engine: Engine, account_id: str) -> Iterator[Hold | None]:
    """Take the account's lock, which ends with the process however it ends; None: not free.

    What is given is to be called now and then: it raises `DatabaseError` when the database is lost,
    and with it the lock.
    """
    # A name of fixed length: a file and a MariaDB lock take no more than so much.
    name = hashlib.blake2b(account_id.encode(), digest_size=7).hexdigest()
    if engine.dialect.name == "sqlite":
        # By whatever links it is reached, it is one database.
        database = Path(os.path.realpath(str(engine.url.database)))
        with _lock_file(Path(f"{database}.{name}.lock")) as taken:
            yield _same_file(database) if taken else None
        return
    if engine.dialect.name == "postgresql":
        parameter: int | str = int(name, 16)
        take, leave = "select pg_try_advisory_lock(:name)", "select pg_advisory_unlock(:name)"
    else:  # a lock's name belongs to the whole server there
        parameter, full_name = name, "concat(:name, left(database(), 40))"
        take, leave = f"select get_lock({full_name}, 0)", f"select release_lock({full_name})"
    with named_errors(), engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        taken = bool(connection.execute(text(take), {"name": parameter}).scalar())
        try:
            yield _same_session(connection) if taken else None
        finally:
            if taken:  # a server may see the session's end a little late
                with suppress(exc.SQLAlchemyError):
                    connection.execute(text(leave), {"name": parameter})
            connection.invalidate()  # not back into the pool: the session's end ends its lock


def _same_session(connection: Connection) -> Hold:
    def hold() -> None:
        with named_errors():
            connection.execute(text("select 1"))

    return hold


def _same_file(path: Path) -> Hold:
    """SQLite itself would go on writing into a file that was removed or replaced."""

    def identity() -> tuple[int, int]:
        try:
            found = path.stat()
        except OSError as error:
            raise DatabaseError(f"the database {str(path)!r} is lost: {error.strerror}") from None
        return found.st_dev, found.st_ino

    before = identity()

    def hold() -> None:
        if identity() != before:
            raise DatabaseError(f"the database {str(path)!r} was replaced by another file")

    return hold


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
