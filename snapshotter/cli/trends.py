"""`snapshotter trends`: lists the trends, or shows one."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
    from sqlalchemy import CursorResult, Engine

    from snapshotter.export.style import Asked, Style
    from snapshotter.trends.filters import Filters, Window
    from snapshotter.trends.view import View

_FOR_PEOPLE = ("table", "markdown")


@click.command("trends", cls=Command)
@click.argument("name", required=False, shell_complete=candidates.trends)
@takes_filters
@click.option(
    "--limit",
    type=Integer(0),
    help="Only the first N rows; 0 is all. [default: 100 for a table on a terminal, else all]",
    metavar="N",
)
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

        request = Request(name, how, window, folder=sql_dir, limit=limit or None)
        export.write(request, target, database_url)
        return
    require(name, sql_dir, window.kinds())
    question = _Asked(name, window, sql_dir, limit or None)
    if asked.format == "table":
        is_preview = limit is None and sys.stdout.isatty()
        show(_answer(question, database_url, is_preview=is_preview))
    else:
        export.warn_if_raw(how)
        _write_rows(question, None if asked.format == "markdown" else how, database_url)


def _refuse_beside_sql(limit: int | None, output: str | None, asked: "Asked") -> None:
    if limit is not None or output is not None or asked != type(asked)():
        raise UsageError("--sql prints a statement: leave --limit, --format and -o out")


class _Asked(NamedTuple):
    name: str
    window: "Window"
    folder: Path | None
    limit: int | None


def _answer(asked: _Asked, database_url: str, *, is_preview: bool) -> "View":
    """Return what a trend answers, or its first rows; for a terminal with the pages of its jobs."""
    from snapshotter.trends.filters import has_several_accounts
    from snapshotter.trends.job_links import job_links
    from snapshotter.trends.trends import batches, fetched
    from snapshotter.trends.view import View, first_rows

    with reading(database_url) as engine:
        with _opened(engine, asked) as result:
            if is_preview:
                view = first_rows([*result.keys()], batches(result), asked.name)
            else:
                view = View(fetched(result, asked.limit), asked.name)
        with engine.connect() as connection:
            links = job_links(connection, view.result) if sys.stdout.isatty() else {}
            several = asked.window.account is None and has_several_accounts(connection)
    return replace(view, links=links, several_accounts=several)


@contextmanager
def _opened(engine: "Engine", asked: _Asked) -> Iterator["CursorResult[Any]"]:
    """Run a trend; its rows are fetched as they are read."""
    from snapshotter.trends.trends import BATCH_ROWS, run

    with engine.connect() as connection:
        filters = asked.window.filters(connection, asked.name)
    streaming = engine.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS)
    with (
        streaming.connect() as connection,
        run(connection, asked.name, filters, asked.folder) as result,
    ):
        yield result


def _write_rows(asked: _Asked, how: "Style | None", database_url: str) -> None:
    """Write a trend's rows to standard output as they are fetched; as Markdown without `how`."""
    from snapshotter.trends.markdown import write_markdown
    from snapshotter.trends.trends import batches
    from snapshotter.trends.view import NO_ROWS

    with (
        reading(database_url) as engine,
        data_output() as file,
        _opened(engine, asked) as result,
    ):
        columns, rows = [*result.keys()], batches(result, asked.limit)
        if how is None:
            count = write_markdown(columns, rows, file)
        else:
            from snapshotter.export.formats import write_rows

            count = write_rows(columns, rows, file, how)
    if not count:
        logs.notice(NO_ROWS)


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


def show(view: "View") -> None:
    """Print a trend's rows as a table."""
    from snapshotter.trends import terminal

    terminal.show(view, sys.stdout)
