"""`snapshotter trends`: lists the trends, or shows one."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from snapshotter import logs
from snapshotter.cli import candidates, export
from snapshotter.cli.connections import reading
from snapshotter.cli.options import (
    Command,
    database_option,
    output_option,
    required,
    takes_file_options,
    takes_filters,
)
from snapshotter.cli.parameters import Integer
from snapshotter.cli.streams import data_output, print_line
from snapshotter.errors import UsageError

if TYPE_CHECKING:
    from snapshotter.export.style import Asked, Style
    from snapshotter.trends.filters import Filters, Window
    from snapshotter.trends.view import View

_FOR_PEOPLE = ("table", "markdown")


@click.command("trends", cls=Command)
@click.argument("name", required=False, shell_complete=candidates.trends)
@takes_filters
@click.option("--limit", type=Integer(1), help="Only the first N rows.", metavar="N")
@output_option("Write a file, as `snapshotter export` does.")
@click.option(
    "--format",
    type=click.Choice([*_FOR_PEOPLE, "csv", "json", "parquet", "xlsx"]),
    help="[default: table on a terminal, csv in a pipe; of FILE by its ending]",
)
@takes_file_options
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
    window: "Window",
    limit: int | None,
    output: str | None,
    asked: "Asked",
    sql_dir: Path | None,
    as_sql: bool,
    dialect: str | None,
    database_url: str,
) -> None:
    """List the trends, or show the trend NAME, with the worst or the newest rows first.

    On a terminal it is a table, with a sparkline of each series over time; in a pipe it is CSV.
    --sql prints its statement with the filters filled in, which runs as it is in sqlite3, psql,
    mariadb and DuckDB.
    """
    from snapshotter.export.style import Style
    from snapshotter.trends.trends import catalogue, require

    if name is None:
        _list(catalogue(sql_dir))
        return
    require(name, sql_dir)  # a mistyped name is not blamed on the database
    if as_sql or dialect:
        if not as_sql:
            raise UsageError("--dialect is for the statement that --sql prints; add --sql")
        _refuse_beside_sql(limit, output, asked)
        print_statement(name, window, sql_dir, None if dialect else database_url)
        return
    asked = _with_format(asked, output)
    target = "-" if output is None else required(output)
    how = Style() if asked.format in _FOR_PEOPLE else asked.style(target, os.environ)
    if output is not None:
        from snapshotter.export.request import Request

        request = Request(name, how, window, folder=sql_dir, limit=limit)
        export.write(request, target, database_url)
        return
    require(name, sql_dir, window.kinds())
    export.warn_if_raw(how)
    shape = str(asked.format)
    show_result(_answer(_Asked(name, window, sql_dir, limit), shape, database_url), shape, how)


def _refuse_beside_sql(limit: int | None, output: str | None, asked: "Asked") -> None:
    if limit or output is not None or asked != type(asked)():
        raise UsageError("--sql prints a statement: leave --limit, --format and -o out")


class _Asked(NamedTuple):
    name: str
    window: "Window"
    folder: Path | None
    limit: int | None


def _answer(asked: _Asked, shape: str, database_url: str) -> "View":
    """Return what a trend answers; for a terminal with the pages of its jobs."""
    from snapshotter.trends.filters import has_several_accounts
    from snapshotter.trends.job_links import job_links
    from snapshotter.trends.trends import fetched, run
    from snapshotter.trends.view import View

    with reading(database_url) as engine:
        with engine.connect() as connection:
            filters = asked.window.filters(connection, asked.name)
        with (
            engine.connect() as connection,
            run(connection, asked.name, filters, asked.folder) as result,
        ):
            answer = fetched(result, asked.limit)
        with engine.connect() as connection:
            is_linked = shape == "table" and sys.stdout.isatty()
            links = job_links(connection, answer) if is_linked else {}
            several = asked.window.account is None and has_several_accounts(connection)
    return View(answer, asked.name, links, several)


def _list(questions: dict[str, str]) -> None:
    width = max(map(len, questions))
    for each, question in questions.items():
        print_line(f"{each:{width}}  {question}".rstrip())


def _with_format(asked: "Asked", output: str | None) -> "Asked":
    """Return what is asked for with the format of standard output, or of a file if named.

    Raises `UsageError` if the format is for people only, and the rest is not.
    """
    is_csv = asked.raw or asked.excel or asked.locale is not None
    if asked.format is None and output is None:
        return replace(asked, format="table" if sys.stdout.isatty() and not is_csv else "csv")
    if asked.format in _FOR_PEOPLE and is_csv:
        raise UsageError(f"--raw, --excel and --locale are for CSV, not for {asked.format}")
    if asked.format in _FOR_PEOPLE and output is not None:
        raise UsageError(
            f"--format {asked.format} is for standard output: leave -o out, or take another format"
        )
    return asked


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
        statement = standalone.filled(name, _filters(name, window, database_url), sql_dir)
    with data_output() as file:
        file.write(statement)


def _filters(name: str, window: "Window", database_url: str) -> "Filters":
    if window.is_fixed:
        return window.fixed_filters()
    with reading(database_url) as engine, engine.connect() as connection:
        return window.filters(connection, name)


def show_result(view: "View", shape: str, how: "Style | None" = None) -> None:
    """Print a trend's rows; `how` is the style of a shape that is not for people."""
    from snapshotter.trends.markdown import write_markdown
    from snapshotter.trends.view import NO_ROWS

    answer = view.result
    if not answer.rows and shape != "table":
        logs.notice(NO_ROWS)
    if shape == "table":
        from snapshotter.trends import terminal

        terminal.show(view, sys.stdout)
        return
    with data_output() as file:
        if how is None or shape == "markdown":
            write_markdown(answer, file)
            return
        from snapshotter.export.formats import write_rows

        write_rows(answer.columns, answer.rows, file, how)
