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
from snapshotter.errors import UsageError

if TYPE_CHECKING:
    from snapshotter.trends.filters import Filters, Window
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
@click.option("--sql", "as_sql", is_flag=True, help="Print the SQL statement instead of its rows.")
@click.option(
    "--dialect",
    type=click.Choice(["duckdb"]),
    help="With --sql: leave the parameters open, spelled as in DuckDB, e.g. $since.",
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
    as_sql: bool,
    dialect: str | None,
    database_url: str,
) -> None:
    """List the trends, or show the trend NAME.

    On a terminal it is a table, with a sparkline of each series over time; in a pipe it is CSV.
    --sql prints its statement with the filters filled in, which runs as it is in sqlite3, psql,
    mariadb and DuckDB.
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
    if as_sql or dialect:
        if not as_sql or limit or shape:
            raise UsageError("--dialect is for --sql, which cannot have --limit or --format")
        print_statement(name, window, sql_dir, None if dialect else database_url)
        return
    with reading(database_url) as engine:
        with engine.connect() as connection:
            filters = window.filters(connection)
        with engine.connect() as connection, run(connection, name, filters, sql_dir) as result:
            answer = fetched(result, limit)
    show_result(answer, shape or ("table" if sys.stdout.isatty() else "csv"))


def print_statement(
    name: str, window: "Window", sql_dir: Path | None, database_url: str | None
) -> None:
    """Print a trend's statement; in DuckDB's spelling if no database is given."""
    from snapshotter.trends import standalone

    if database_url is None:
        if window != type(window)():
            raise UsageError("--dialect leaves the parameters open: leave the filters out")
        statement = standalone.for_duckdb(name, sql_dir)
    else:
        statement = standalone.filled(name, _filters(window, database_url), sql_dir)
    with data_output() as file:
        file.write(statement)


def _filters(window: "Window", database_url: str) -> "Filters":
    if window.is_fixed:
        return window.fixed_filters()
    with reading(database_url) as engine, engine.connect() as connection:
        return window.filters(connection)


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
