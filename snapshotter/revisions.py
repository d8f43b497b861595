"""The schema: its revision, and the way to the newest."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from snapshotter.database import connect, named_errors, reading, resource_folder
from snapshotter.errors import DatabaseError, Stopped

if TYPE_CHECKING:
    from alembic.config import Config

FIRST = "0001"


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
