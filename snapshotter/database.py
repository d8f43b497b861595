"""The engine, and the schema at head. Knows what each database wants to be told."""

import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
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

from snapshotter.errors import DatabaseError, UsageError

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
            json_serializer=_to_json,
            json_deserializer=json.loads,
            **_options(parsed),
        )
    except (ImportError, exc.ArgumentError) as error:
        extra = "postgresql" if parsed.get_backend_name() == "postgresql" else "mysql"
        raise UsageError(
            f"database {_shown(parsed)}: its driver is not installed ({error}); "
            f"pip install 'xplenty-snapshotter[{extra}]'"
        ) from None
    if parsed.get_backend_name() == "sqlite":
        _prepare_sqlite(engine, read_only=read_only)
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


def _options(url: URL) -> dict[str, Any]:
    match url.get_backend_name():
        case "postgresql":
            return {"connect_args": {"options": "-c timezone=UTC", "connect_timeout": 10}}
        case "mysql" | "mariadb":
            return {
                "connect_args": {
                    "charset": "utf8mb4",
                    "connect_timeout": 10,
                    "init_command": "set time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,"
                    "NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO'",
                },
                "isolation_level": "READ COMMITTED",
            }
        case _:
            return {}


def _to_json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except OverflowError:  # an integer past 64 bits, which JSON allows
        return json.dumps(value, ensure_ascii=False)


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

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a write is refused at once, whatever the timeout.
        connection.exec_driver_sql("begin" if read_only else "begin immediate")


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
    with named_errors(), engine.connect() as connection:
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
        if foreign := _foreign_tables(engine):
            raise DatabaseError(
                f"the database has a table {foreign[0]!r} of somebody else's; name another database"
            )
        upgrade(engine)
    elif revision < head():
        raise DatabaseError(
            f"the database is at revision {revision}, behind {head()}; "
            "run 'snapshotter db upgrade' (after a backup)"
        )
    else:
        _refuse_ahead(revision)


def _refuse_ahead(revision: str | None) -> None:
    if revision is not None and revision > head():
        raise DatabaseError(
            f"the database is at revision {revision}, ahead of this version's {head()}; "
            "install a newer xplenty-snapshotter"
        )


def _foreign_tables(engine: Engine) -> list[str]:
    from snapshotter.models import Base  # noqa: PLC0415 - only an empty database asks

    return sorted(set(inspect(engine).get_table_names()) & set(Base.metadata.tables))


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
    _refuse_ahead(current(engine))
    with named_errors(), engine.begin() as connection:
        command.upgrade(_alembic(connection), "head")
    if isinstance(target, str):
        engine.dispose()


def check(engine: Engine) -> None:
    """Compare the database with the models. Raises `DatabaseError` where they differ."""
    from alembic import command  # noqa: PLC0415 - as above
    from alembic.util import AutogenerateDiffsDetected  # noqa: PLC0415

    require_head(engine)
    with named_errors(), engine.connect() as connection:
        config = _alembic(connection)
        config.print_stdout = lambda *_: None  # type: ignore[method-assign]
        try:
            command.check(config)
        except AutogenerateDiffsDetected as error:
            raise DatabaseError(f"the database differs from the models: {error}") from None


@contextmanager
def _lock_file(path: Path) -> Iterator[bool]:
    try:
        file = path.open("a")
    except OSError as error:
        raise DatabaseError(f"cannot lock {str(path)!r}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = True
        except BlockingIOError:
            taken = False
        except OSError as error:
            raise DatabaseError(f"cannot lock {str(path)!r}: {error.strerror}") from None
        yield taken


@contextmanager
def lock(engine: Engine, account_id: str) -> Iterator[bool]:
    """Take the account's lock, which ends with the process however it ends; False: not free."""
    # A name of fixed length: a file and a MariaDB lock take no more than so much.
    name = hashlib.blake2b(account_id.encode(), digest_size=7).hexdigest()
    if engine.dialect.name == "sqlite":
        with _lock_file(Path(f"{engine.url.database}.{name}.lock")) as taken:
            yield taken
        return
    if engine.dialect.name == "postgresql":
        parameter: int | str = int(name, 16)
        statement = "select pg_try_advisory_lock(:name)"
    else:  # a lock's name belongs to the whole server there
        statement, parameter = "select get_lock(concat(:name, left(database(), 40)), 0)", name
    with named_errors(), engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        taken = bool(connection.execute(text(statement), {"name": parameter}).scalar())
        try:
            yield taken
        finally:
            connection.invalidate()  # not back into the pool: the session's end ends its lock
