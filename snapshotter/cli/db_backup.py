"""`snapshotter db backup`: backs a SQLite database up while it is used."""

from pathlib import Path

import click

from snapshotter.cli.connections import opened
from snapshotter.cli.options import Command, database_option
from snapshotter.cli.streams import print_if_possible
from snapshotter.errors import Stopped
from snapshotter.texts import counted, in_megabytes


@click.command(
    "backup", cls=Command, short_help="Write a checked copy of a SQLite database to FILE."
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing file.")
@database_option
def command(file: Path, force: bool, database_url: str) -> None:
    """Write a copy of a SQLite database to FILE, as of one moment, and check it.

    Runs may write meanwhile. The file appears whole or not at all, and is readable by its owner
    only. For a database on a server, the error prints the command of the server's own tool.
    """
    from snapshotter.interrupt import InterruptibleClock
    from snapshotter.store import backup
    from snapshotter.store.engine import named_errors
    from snapshotter.store.urls import parse

    backup.require_file(parse(database_url)[0], file)
    with (
        InterruptibleClock("part") as clock,
        opened(database_url, read_only=True) as engine,
        named_errors(),
    ):

        def check() -> None:
            if clock.interrupted:
                raise Stopped(f"{clock.interrupted}; no backup was made, run it again")

        rows = backup.backup(engine, file, check, replaces=force)
    size = file.stat().st_size
    print_if_possible(
        f"backed up {counted(sum(rows.values()), 'row')} of {counted(len(rows), 'table')} to "
        f"{str(file)!r}, {in_megabytes(size)}; checked"
    )
