"""Makes a schema by the revisions alone, as databases of older versions have come to theirs."""

from alembic import command
from sqlalchemy import Engine

from snapshotter.store import revisions


def run_revisions(engine: Engine) -> None:
    """Run all revisions one by one in an empty database, which a first run does without."""
    with engine.connect() as connection, revisions.ready_for_copies(connection):
        command.upgrade(revisions._alembic(connection), "head")  # noqa: SLF001
        connection.commit()
