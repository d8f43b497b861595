"""`snapshotter db vacuum`: returns the space of removed rows."""

import click

from snapshotter.cli.connections import writing
from snapshotter.cli.options import Command, database_option
from snapshotter.cli.streams import print_if_possible
from snapshotter.texts import in_megabytes


@click.command("vacuum", cls=Command, short_help="Return the space of removed rows.")
@database_option
def command(database_url: str) -> None:
    """Return the space of removed rows to the file system; on PostgreSQL, to new rows.

    SQLite and MariaDB rebuild the tables, for which the disk needs room for a copy of them. On
    SQLite no run may be in progress.
    """
    from snapshotter.store import vacuum

    with writing(database_url) as engine:
        before = vacuum.size(engine)
        vacuum.vacuum(engine)
        after = vacuum.size(engine)
    print_if_possible(f"vacuumed: {in_megabytes(before)} before, {in_megabytes(after)} now")
