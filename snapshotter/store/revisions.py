"""Finds the schema's revision, brings it to the newest, and compares it with the models."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from snapshotter.errors import DatabaseError, Stopped
from snapshotter.resources import resource_folder
from snapshotter.store.engine import checkpoint, named_errors, open_engine, reading
from snapshotter.store.ownership import clear, has_rows, revision_of

if TYPE_CHECKING:
    from alembic.config import Config

    from snapshotter.store import deferred

log = logging.getLogger(__name__)

FIRST = "0001"
_ONE_AT_A_TIME = threading.Lock()  # Alembic's revisions share names of the process, as `op`


def head() -> str:
    """Return the newest revision; revisions are numbered, and files named by the number."""
    return max(path.name[:4] for path in (resource_folder("migrations") / "versions").glob("0*.py"))


def current(engine: Engine) -> str | None:
    """Return the database's revision; None if it has no schema yet.

    Raises `DatabaseError` if the database is another program's.
    """
    with named_errors(), reading(engine).connect() as connection:
        return revision_of(connection)


def require_head(engine: Engine, *, may_create: bool = False, may_upgrade: bool = False) -> None:
    """Check that the schema is the newest that this version knows.

    With `may_create` an empty database gets it, and views of older files are made anew; with
    `may_upgrade` an older schema is upgraded. Raises `DatabaseError` for any other revision.
    """
    revision = current(engine)
    if revision == head():
        if may_create:
            _refresh_views(engine)
        return
    if revision is None:
        if not may_create:
            raise DatabaseError("the database has no tables yet; run 'snapshotter sync' first")
        upgrade(engine)
    elif revision < head():
        if may_upgrade:
            log.info("upgrading the schema from revision %s to %s", revision, head())
        if may_upgrade or (
            may_create and revision >= FIRST and _was_killed_in_its_first_upgrade(engine)
        ):
            upgrade(engine)
            return
        raise DatabaseError(
            f"the database is at revision {revision}, behind {head()}; "
            "run 'snapshotter db upgrade' (after a backup)"
        )
    else:
        _refuse_ahead(revision)


def _refresh_views(engine: Engine) -> None:
    """Make the views anew if the shipped files differ from those that they were made of."""
    from snapshotter.store import views  # noqa: PLC0415 - its table loads all dialects

    with named_errors():
        if views.are_outdated(engine):
            with engine.begin() as connection, _alone(connection):
                views.refresh(connection)


def _was_killed_in_its_first_upgrade(engine: Engine) -> bool:
    """Whether no run has used the schema: MariaDB commits each statement of an upgrade."""
    if engine.dialect.name not in ("mysql", "mariadb"):
        return False
    with named_errors(), engine.connect() as connection:
        return not has_rows(connection, "accounts")


def _refuse_ahead(revision: str | None) -> None:
    if revision is not None and revision > head():
        raise DatabaseError(
            f"the database is at revision {revision}, ahead of this version's {head()}; "
            "install a newer xplenty-snapshotter"
        )


def _alembic(connection: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - 300 ms that only a migration needs

    config = Config()
    config.set_main_option("script_location", str(resource_folder("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(target: Engine | str) -> None:
    """Bring the schema to the newest revision; do nothing if it is there already.

    An empty database gets it at once, without the revisions: see `creation`.
    """
    from snapshotter.store import creation, deferred, output_days  # noqa: PLC0415 - they import the models

    engine = open_engine(target) if isinstance(target, str) else target
    try:
        with (
            _ONE_AT_A_TIME,
            named_errors(),
            engine.connect() as connection,
            ready_for_copies(connection),
            connection.begin(),
            _alone(connection),
        ):
            revision = revision_of(connection)
            _refuse_ahead(revision)
            if revision is None:
                clear(connection)
                creation.create(connection, head())
            else:
                _run_revisions(connection, revision)
        with named_errors():
            deferred.build_all(engine)
            output_days.fill_all(engine)
        checkpoint(engine)
    finally:
        if isinstance(target, str):
            engine.dispose()


def _run_revisions(connection: Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - as above
    from alembic.util import CommandError  # noqa: PLC0415

    try:
        command.upgrade(_alembic(connection), "head")
    except CommandError as error:
        raise DatabaseError(
            f"the database is at revision {revision}, from which no way leads to {head()} ({error})"
        ) from None


@contextmanager
def ready_for_copies(connection: Connection) -> Iterator[None]:
    """Let the revisions replace tables of SQLite by copies; to be entered before a transaction.

    With foreign keys on, a table cannot be dropped while rows of others refer to its rows.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    # So views and triggers that refer to the old table go on to refer to its copy.
    driver.execute("pragma legacy_alter_table = on")
    driver.execute("pragma foreign_keys = off")
    try:
        yield
    finally:
        connection.rollback()  # in a transaction the pragma does nothing
        driver.execute("pragma foreign_keys = on")
        driver.execute("pragma legacy_alter_table = off")


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Wait for others that upgrade this database: of two first runs, one creates the tables."""
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
                # After an error the session may be gone, and the lock with it.
                with suppress(SQLAlchemyError):
                    connection.execute(text(f"select release_lock({name})"))
        case _:  # SQLite has one writer at a time
            yield


class SchemaDiffers(DatabaseError):
    """The database differs from the models.

    `differences` are in the form that Alembic returns; those of views are lines of text.
    """

    def __init__(self, differences: list[Any]) -> None:
        super().__init__("the database differs from the models")
        self.differences = differences


class LoadUnfinished(SchemaDiffers):
    """Only that is missing which a first load builds at its end; `unbuilt` names it."""

    def __init__(self, unbuilt: str, remedy: str) -> None:
        super().__init__([f"{unbuilt}; {remedy}"])
        self.unbuilt = unbuilt


def _is_about(difference: Any, parts: "Sequence[deferred.Part]") -> bool:
    """Whether a difference is that one of the parts is missing."""
    if not isinstance(difference, tuple) or difference[0] not in ("add_index", "add_fk"):
        return False
    return difference[1].name in {part.name for part in parts}


def check(engine: Engine) -> None:
    """Compare the database with the models. Raises `SchemaDiffers` if they differ."""
    from alembic import command  # noqa: PLC0415 - as above
    from alembic.util import AutogenerateDiffsDetected  # noqa: PLC0415

    from snapshotter.store import deferred, views  # noqa: PLC0415 - as above

    require_head(engine)
    with _ONE_AT_A_TIME, named_errors(), engine.connect() as connection:
        config = _alembic(connection)
        config.print_stdout = lambda *_: None  # type: ignore[method-assign]
        differences: list[Any] = []
        try:
            command.check(config)
        except AutogenerateDiffsDetected as error:
            differences += error.diffs
        differences += views.differences(connection)
        parts = deferred.missing(connection)
        differences += deferred.violations(connection, parts)
    if parts:
        differences = [each for each in differences if not _is_about(each, parts)]
        unbuilt = deferred.in_words(parts)
        if not differences:
            raise LoadUnfinished(unbuilt, deferred.REMEDY)
        differences.append(f"{unbuilt}; {deferred.REMEDY}")
    if differences:
        raise SchemaDiffers(differences)
