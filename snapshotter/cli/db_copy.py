"""`snapshotter db copy`: copies the database into another one, of any engine."""

import click

from snapshotter import logs
from snapshotter.cli.connections import opened, reading, shown
from snapshotter.cli.options import Command, database_option
from snapshotter.cli.parameters import Setting
from snapshotter.cli.streams import print_if_possible
from snapshotter.errors import Stopped
from snapshotter.texts import counted


@click.command(
    "copy", cls=Command, short_help="Copy all rows into an empty database of any engine."
)
@click.option(
    "--to",
    "target_url",
    cls=Setting,
    required=True,
    metavar="URL",
    help="An empty database, as a SQLAlchemy URL; a SQLite file is created if it is missing.",
)
@database_option
def command(target_url: str, database_url: str) -> None:
    """Copy all rows into an empty database, of SQLite, PostgreSQL or MariaDB.

    The copy is all or nothing, is compared with the source before it counts, and can be run again
    if it was stopped. `sync` may run meanwhile: what it stores after the start is not copied. Views
    are created; tables that are not of this command are not copied.
    """
    from snapshotter.interrupt import InterruptibleClock
    from snapshotter.store import database_copy
    from snapshotter.store.engine import named_errors
    from snapshotter.store.revisions import require_head

    with InterruptibleClock("batch") as clock:

        def check() -> None:
            if clock.interrupted:
                raise Stopped(f"{clock.interrupted}; nothing was copied, run it again")

        with reading(database_url, clock.time_left) as source:
            logs.ABOUT.database = target_url  # of which errors are from now on
            target_engine = opened(target_url, read_only=False, time_left=clock.time_left)
            with target_engine as target, named_errors():
                database_copy.require_other(source, target)
                database_copy.require_empty(target)
                require_head(target, may_create=True)
                rows = database_copy.copy(source, target, check)
    print_if_possible(
        f"copied {counted(rows['jobs'], 'job')} to {shown(target_url)}, "
        f"{counted(sum(rows.values()), 'row')} in all; both databases have the same"
    )
