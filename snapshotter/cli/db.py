"""`snapshotter db`: the schema, the size and copies of the database."""

import click

from snapshotter.cli import db_backup, db_copy, db_prune, db_vacuum
from snapshotter.cli.connections import opened
from snapshotter.cli.options import Group, database_option
from snapshotter.cli.streams import print_if_possible, print_line
from snapshotter.errors import DatabaseError
from snapshotter.texts import counted


@click.group("db", cls=Group)
def command() -> None:
    """Manage the database: its schema (by Alembic), its size, and copies of it."""


for each in (db_backup, db_copy, db_prune, db_vacuum):
    command.add_command(each.command)


@command.command()
@database_option
def upgrade(database_url: str) -> None:
    """Upgrade the schema to this version's; back up the database first."""
    from snapshotter.store import revisions

    with opened(database_url, read_only=False) as engine:
        revisions.upgrade(engine)
        print_if_possible(f"at revision {revisions.current(engine)}")


@command.command()
@database_option
def current(database_url: str) -> None:
    """Print the revision of the schema, and this version's."""
    from snapshotter.store import revisions

    with opened(database_url, read_only=True) as engine:
        revision = revisions.current(engine) or "none, the database is empty"
    print_line(f"{revision} (this version's: {revisions.head()})")


@command.command(short_help="Compare the schema with this version's.")
@database_option
def check(database_url: str) -> None:
    """Compare the schema with this version's; print each difference, and exit 1 if there is one."""
    from snapshotter.store import revisions
    from snapshotter.store.schema_differences import in_words

    try:
        with opened(database_url, read_only=True) as engine:
            revisions.check(engine)
    except revisions.SchemaDiffers as error:
        differences = in_words(error.differences)
        for line in differences:
            print_if_possible(line)
        raise DatabaseError(
            f"the database differs from the models in {counted(len(differences), 'place')}"
        ) from None
    print_if_possible(f"as expected, at revision {revisions.head()}")
