"""`snapshotter trends`: lists the trends, or shows one."""

import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snapshotter import logs
from snapshotter.cli.options import (
    Command,
    database_option,
    last_option,
    package_id_option,
    package_option,
    since_option,
    until_option,
)
from snapshotter.cli.sessions import reading
from snapshotter.cli.streams import data_output, show
from snapshotter.errors import UsageError

if TYPE_CHECKING:
    from snapshotter.trends.trends import Filters


@click.command("trends", cls=Command)
@click.argument("name", required=False)
@since_option
@until_option
@last_option()
@package_option
@package_id_option
@click.option("--limit", type=click.IntRange(1), help="Just the first rows.")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["table", "csv", "json", "markdown"]),
    help="[default: table on a terminal, csv into a pipe]",
)
@click.option(
    "--sql-dir",
    type=click.Path(path_type=Path),
    help="A folder of your own trends: NAME.sql, one select each, with :since, :until and "
    ":package_id where you want them.",
)
@database_option
def command(
    name: str | None,
    since: date | None,
    until: date | None,
    last: timedelta | None,
    package: str | None,
    package_id: int | None,
    limit: int | None,
    shape: str | None,
    sql_dir: Path | None,
    database_url: str,
) -> None:
    """List the trends, or show the one called NAME.

    On a terminal it is a table, with the course of what there is in time; into a pipe it is CSV.
    """
    from snapshotter.trends import trends as known

    if name is None:
        width = max(map(len, known.names(sql_dir)))
        for each in known.names(sql_dir):
            try:
                asks = known.question(each, sql_dir)
            except UsageError as error:
                asks = str(error)
            show(f"{each:{width}}  {asks}".rstrip())
        return
    known.Filters(since, until)  # what cannot be is refused before the database is asked
    with reading(database_url) as engine:
        filters = _filters(engine, since, until, last, package, package_id)
        with engine.connect() as connection:
            columns, rows = known.rows(connection, name, filters, sql_dir, limit)
    show_rows(columns, rows, shape or ("table" if sys.stdout.isatty() else "csv"))


def _filters(
    engine: Any,
    since: date | None,
    until: date | None,
    last: timedelta | None,
    package: str | None,
    package_id: int | None,
) -> "Filters":
    """Give what the options let through. Raises `UsageError` where two say the same."""
    from snapshotter.trends import trends

    if last is not None and since is not None:
        raise UsageError("--last and --since both say where to begin: give one")
    if package is not None and package_id is not None:
        raise UsageError("--package and --package-id both name a package: give one")
    with engine.connect() as connection:
        if last is not None:
            since, end = trends.last_days(connection, last)
            until = until or end
            if since is not None and until is not None and until <= since:
                raise UsageError(
                    f"--until {until} leaves nothing of the last days, from {since} on"
                )
        if package is not None:
            package_id = trends.package(connection, package)
    return trends.Filters(since, until, package_id)


def show_rows(columns: list[str], rows: list[tuple[Any, ...]], shape: str) -> None:
    """Print a trend's rows."""
    from snapshotter.trends import terminal

    answer = terminal.Answer(columns, rows)
    if not rows and shape != "table":
        logs.notice(terminal.NO_ROWS)
    match shape:
        case "table":
            terminal.show(answer, sys.stdout)
        case "markdown":
            with data_output() as file:
                terminal.write_markdown(answer, file)
        case _:
            from snapshotter.export.export import write_rows
            from snapshotter.export.formats import style

            with data_output() as file:
                write_rows(columns, rows, file, style(shape, ""))
