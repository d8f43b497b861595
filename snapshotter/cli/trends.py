"""`snapshotter trends`: lists the trends, or shows one."""

import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshotter import logs
from snapshotter.cli.connections import reading
from snapshotter.cli.options import (
    Command,
    Integer,
    account_option,
    database_option,
    last_option,
    package_id_option,
    package_option,
    since_option,
    until_option,
)
from snapshotter.cli.streams import data_output, print_line

if TYPE_CHECKING:
    from snapshotter.trends.values import Result


@click.command("trends", cls=Command)
@click.argument("name", required=False)
@since_option
@until_option
@last_option()
@package_option
@package_id_option
@account_option
@click.option("--limit", type=Integer(1), help="Only the first N rows.", metavar="N")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["table", "csv", "json", "markdown"]),
    help="[default: table on a terminal, csv in a pipe]",
)
@click.option(
    "--sql-dir",
    type=click.Path(path_type=Path),
    help="A folder with your own trends: NAME.sql, one select each; it may use :account_id, "
    ":package_id, :since and :until.",
)
@database_option
def command(
    name: str | None,
    since: date | None,
    until: date | None,
    last: timedelta | None,
    package: str | None,
    package_id: int | None,
    account: str | None,
    limit: int | None,
    shape: str | None,
    sql_dir: Path | None,
    database_url: str,
) -> None:
    """List the trends, or show the trend NAME.

    On a terminal it is a table, with a sparkline of each series over time; in a pipe it is CSV.
    """
    from snapshotter.trends.filters import Window
    from snapshotter.trends.trends import catalogue, fetched, require, run

    if name is None:
        questions = catalogue(sql_dir)
        width = max(map(len, questions))
        for each, question in questions.items():
            print_line(f"{each:{width}}  {question}".rstrip())
        return
    require(name, sql_dir)  # a mistyped name is not blamed on the database
    window = Window(since, until, last, package, package_id, account)
    with reading(database_url) as engine:
        with engine.connect() as connection:
            filters = window.filters(connection)
        with engine.connect() as connection, run(connection, name, filters, sql_dir) as result:
            answer = fetched(result, limit)
    show_result(answer, shape or ("table" if sys.stdout.isatty() else "csv"))


def show_result(answer: "Result", shape: str) -> None:
    """Print a trend's rows."""
    from snapshotter.trends import terminal

    if not answer.rows and shape != "table":
        logs.notice(terminal.NO_ROWS)
    match shape:
        case "table":
            terminal.show(answer, sys.stdout)
        case "markdown":
            with data_output() as file:
                terminal.write_markdown(answer, file)
        case _:
            from snapshotter.export.export import write_rows
            from snapshotter.export.style import style

            with data_output() as file:
                write_rows(answer.columns, answer.rows, file, style(shape, ""))
