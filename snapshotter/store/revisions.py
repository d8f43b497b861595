"""The schema: its revision, and the way to the newest."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from snapshotter.errors import DatabaseError, Stopped
from snapshotter.resources import resource_folder
from snapshotter.store.engine import checkpoint, connect, named_errors, reading

if TYPE_CHECKING:
    from alembic.config import Config

FIRST = "0001"
# What our tables are known by, whatever their revision: columns that all of them have.
_SIGNS = {
    "accounts": "account_id api_url watermark newest_updated_at listing_since listing_offset",
    "calendar": "day week month weekday",
    "job_changes": "id job_id snapshot_id observed_at records_count",
    "job_outputs": "id job_id records_count component_name preview_url extra",
    "jobs": "id account_id status package_id cluster_id run_date first_seen_at gone_at extra",
    "output_fields": "output_id position name",
    "rejected_records": "id snapshot_id account_id job_id reason payload rejected_at",
    "snapshots": "id account_id kind status started_at jobs_seen jobs_rejected",
}
_CORE = {"jobs", "job_changes", "snapshots"}  # without another one, a database of ours is damaged


def head() -> str:
    """Give the newest revision: they are numbered, and named by their number."""
    return max(path.name[:4] for path in (resource_folder("migrations") / "versions").glob("0*.py"))


def current(engine: Engine) -> str | None:
    """Return the database's revision; None if it has no schema yet.

    Raises `DatabaseError` if the revision, or what SQLite file it is, is another program's.
    """
    with named_errors(), reading(engine).connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    names = _names(connection)
    if "alembic_version" not in names:
        if connection.dialect.name == "sqlite" and names and not names & _SIGNS.keys():
            raise _foreign(f"it has the tables {', '.join(sorted(names)[:3])}")
        return None
    result = connection.execute(text("select * from alembic_version"))
    columns, rows = list(result.keys()), result.fetchall()
    if columns != ["version_num"]:
        raise _foreign("its alembic_version has other columns")
    if not rows:
        if names - {"alembic_version"} and not names & _SIGNS.keys():
            raise _foreign("its alembic_version is empty, beside other tables")
        return None
    said = ", ".join(repr(row[0]) for row in rows[:3])
    if not names >= _CORE or not _has_our_columns(connection, names):
        raise _foreign(f"it is at revision {said}, without the tables of this one")
    if len(rows) > 1 or not re.fullmatch(r"\d{4}", str(rows[0][0])):
        raise _foreign(f"it is at revision {said}, which this one does not have")
    return str(rows[0][0])


def _names(connection: Connection) -> set[str]:
    """Return the tables and views where our tables go: the first schema of the search path."""
    found, schema = inspect(connection), None
    if connection.dialect.name == "postgresql":  # or it would list all that can be seen
        schema = connection.dialect.default_schema_name
    return {*found.get_table_names(schema), *found.get_view_names(schema)}


def _foreign(why: str) -> DatabaseError:
    return DatabaseError(
        f"the database belongs to another program: {why}; nothing is touched, name another database"
    )


def _has_our_columns(connection: Connection, names: set[str]) -> bool:
    ours = [table for table in _SIGNS if table in names]
    columns = [f"{table}.{column}" for table in ours for column in _SIGNS[table].split()]
    probe = f"select {', '.join(columns)} from {', '.join(ours)} where 1 = 0"  # noqa: S608 - our own names
    try:
        connection.execute(text(probe))
    except (OperationalError, ProgrammingError) as error:
        if _lacks_something(error.orig):
            connection.rollback()
            return False
        raise
    return True


def _lacks_something(error: BaseException | None) -> bool:
    """Whether a statement failed for a table or column that is not there."""
    if isinstance(error, sqlite3.Error):
        return str(error).startswith("no such")
    code = getattr(error, "sqlstate", None) or (error.args[0] if error and error.args else None)
    return code in {"42P01", "42703", 1146, 1054}


def refuse_foreign(connection: Connection) -> None:
    """Raise `DatabaseError` if the database's revision is another program's."""
    _revision(connection)


def require_head(engine: Engine, *, may_create: bool = False) -> None:
    """Check that the schema is the one this version knows.

    An empty database is brought to head if `may_create`. Raises `DatabaseError` otherwise.
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
    """Whether no run has used the schema: MariaDB commits each statement of an upgrade."""
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
    empty, and Alembic's own. Raises `DatabaseError` if a table is somebody else's.
    """
    from snapshotter.models import Base  # noqa: PLC0415 - only an empty database asks

    names = _names(connection)
    ours = [table for table in Base.metadata.sorted_tables if table.name in names]
    killed = connection.dialect.name in ("mysql", "mariadb") and "alembic_version" in names
    for table in ours:
        if not (killed and _is_left_by_an_upgrade(connection, table.name)):
            raise DatabaseError(
                f"the database has a table {table.name!r} of somebody else's; name another database"
            )
    for table in reversed(ours):
        table.drop(connection)


def _is_left_by_an_upgrade(connection: Connection, table: str) -> bool:
    """Whether a table has our columns, each with a comment as ours have, and no rows yet."""
    columns = inspect(connection).get_columns(table)
    known = {column["name"] for column in columns}
    if not known >= set(_SIGNS.get(table, "id").split()):
        return False
    if not all(column.get("comment") for column in columns):
        return False
    return table == "calendar" or not _has_rows(connection, table)


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
    from alembic.util import CommandError  # noqa: PLC0415

    engine = connect(target) if isinstance(target, str) else target
    with named_errors(), engine.begin() as connection, _alone(connection):
        revision = _revision(connection)
        _refuse_ahead(revision)
        if revision is None:
            _clear(connection)
        try:
            command.upgrade(_alembic(connection), "head")
        except CommandError as error:
            raise DatabaseError(
                f"the database is at revision {revision}, from which no way leads to {head()} "
                f"({error})"
            ) from None
    checkpoint(engine)
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
            if not connection.execute(text(f"select get_lock({name}, 30)")).scalar():
                raise Stopped(
                    "another run has been creating the tables for over half a minute; "
                    "run again later"
                )
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
    """Compare the database with the models. Raises `SchemaDiffers` if they differ."""
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
