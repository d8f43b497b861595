"""`snapshotter export`: writes tables and trends as files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshotter import logs
from snapshotter.cli import candidates
from snapshotter.cli.connections import reading
from snapshotter.cli.options import (
    Command,
    database_option,
    output_option,
    required,
    status_option,
    takes_file_options,
    takes_filters,
)
from snapshotter.cli.streams import data_output
from snapshotter.errors import DatabaseError, UsageError
from snapshotter.statuses import STATUSES
from snapshotter.texts import suggestion

if TYPE_CHECKING:
    from snapshotter.export.request import Request
    from snapshotter.export.style import Asked, Style
    from snapshotter.trends.filters import Window


@click.command("export", cls=Command)
@click.argument("name", required=False, shell_complete=candidates.tables_and_trends)
@output_option("The file to write; - is standard output.")
@click.option(
    "--all",
    "folder",
    metavar="DIR",
    shell_complete=candidates.folders,
    help="Write every table and trend into this folder, with a manifest.json.",
)
@click.option(
    "--format",
    type=click.Choice(["csv", "parquet", "xlsx", "json"]),
    help="[default: by the ending of FILE (also .csv.gz and .json.gz), else csv]",
)
@click.option(
    "--partition-by",
    type=click.Choice(["month"]),
    help="Write Parquet as one folder per month of jobs: month=2026-01 and so on.",
)
@takes_file_options
@takes_filters
@status_option
@database_option
def command(
    name: str | None,
    output: str | None,
    folder: str | None,
    partition_by: str | None,
    asked: "Asked",
    window: "Window",
    status: str | None,
    database_url: str,
) -> None:
    """Write the table or trend NAME, or all of them.

    In CSV, integers stay integers, times are UTC like 2026-01-31T23:59:59Z, and null and empty text
    are both an empty field. Text that begins with = + - @ (after spaces, too), tab, return or line
    feed gets an apostrophe in front, so that a spreadsheet does not run it as a formula; --raw
    leaves it unchanged.
    """
    from snapshotter.export.request import Request

    target = _target(name, output, folder)
    how = asked.style("" if folder else target, os.environ)
    request = Request(name, how, window, status, by_month=partition_by is not None)
    write(request, target, database_url)


def write(request: "Request", target: str, database_url: str) -> None:
    """Write what is requested to a file or a folder, or one file to standard output (`-`)."""
    from snapshotter.export.request import carry_out

    is_stream = request.name is not None and target == "-"
    warn_if_raw(request.style)
    with (
        _status_hint(request.status),
        reading(database_url) as engine,
        data_output() if is_stream else nullcontext(Path(target)) as stream,
    ):
        written = carry_out(engine, request, stream, datetime.now(UTC))
    if not is_stream:
        logs.notice(f"{written} in {target}")


def warn_if_raw(style: "Style") -> None:
    if style.raw:
        logs.notice(
            "raw: text that looks like a formula is unchanged; do not open it in a spreadsheet"
        )


@contextmanager
def _status_hint(status: str | None) -> Iterator[None]:
    """Name an undocumented status if no database can show that a job has it: a typing error."""
    try:
        yield
    except DatabaseError as error:
        if status is None or status in STATUSES:
            raise
        hint = suggestion(status, STATUSES)
        raise UsageError(
            f"--status {status!r} is not a documented status{hint} ({error})"
        ) from None


def _target(name: str | None, output: str | None, folder: str | None) -> str:
    if (name is None) == (folder is None):
        raise UsageError("name one table or trend to export, or give --all DIR: one of the two")
    if folder is not None and output is not None:
        raise UsageError("--all DIR already names the target: leave -o out")
    return required(folder if folder is not None else output)
