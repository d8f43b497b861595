"""Opens a database for as long as a block runs: with any schema, or with this version's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Engine

from snapshotter.errors import UsageError
from snapshotter.store import urls
from snapshotter.store.engine import named_errors, open_engine
from snapshotter.store.revisions import require_head
from snapshotter.store.wait_limit import TimeLeft


class Database(NamedTuple):
    """A run's database, as a SQLAlchemy URL. `may_upgrade`: upgrade an old schema first."""

    url: str
    may_upgrade: bool = False


@contextmanager
def opened(
    database_url: str, *, read_only: bool, time_left: TimeLeft | None = None
) -> Iterator[Engine]:
    """Open a database with any schema."""
    engine = open_engine(database_url, read_only=read_only, time_left=time_left)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def reading(database_url: str, time_left: TimeLeft | None = None) -> Iterator[Engine]:
    """Open a database that has this version's schema, to read. Raises `DatabaseError`."""
    with opened(database_url, read_only=True, time_left=time_left) as engine:
        require_head(engine)
        with named_errors():
            yield engine


@contextmanager
def writing(database_url: str, time_left: TimeLeft | None = None) -> Iterator[Engine]:
    """Open a database that has this version's schema, to write. Raises `DatabaseError`."""
    with reading(database_url, time_left):  # which does not create a missing file
        pass
    with opened(database_url, read_only=False, time_left=time_left) as engine:
        require_head(engine)
        with named_errors():
            yield engine


@contextmanager
def filling(database: Database, time_left: TimeLeft | None = None) -> Iterator[Engine]:
    """Open a database to write, as a run does: if it is missing or empty, with new tables."""
    with opened(database.url, read_only=False, time_left=time_left) as engine:
        require_head(engine, may_create=True, may_upgrade=database.may_upgrade)
        with named_errors():
            yield engine


def shown(database_url: str) -> str:
    """Return a database's URL without password and options, which may be secret too."""
    try:
        return urls.shown(*urls.parse(database_url))
    except UsageError:
        return "a database whose URL cannot be read"
