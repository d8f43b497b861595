"""`snapshotter export`: writes tables and trends as files."""

from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path

import click

from snapshotter import logs
from snapshotter.cli.connections import reading
from snapshotter.cli.options import (
    Command,
    account_option,
    database_option,
    package_id_option,
    required,
    since_option,
    until_option,
)
from snapshotter.cli.streams import data_output
from snapshotter.errors import UsageError


@click.command("export", cls=Command)
@click.argument("name", required=False)
@click.option("-o", "--output", metavar="FILE", help="The file to write; - is standard output.")
@click.option(
    "--all",
    "folder",
    metavar="DIR",
    help="Write every table and trend into this folder, with a manifest.json.",
)
@click.option(
    "--format",
    "asked_format",
    type=click.Choice(["csv", "parquet", "xlsx", "json"]),
    help="[default: by the ending of FILE (also .csv.gz and .json.gz), else csv]",
)
@click.option(
    "--partition-by",
    type=click.Choice(["month"]),
    help="Write Parquet as one folder per month of jobs: month=2026-01 and so on.",
)
@click.option("--raw", is_flag=True, help="In CSV, leave text that looks like a formula unchanged.")
@since_option
@until_option
@package_id_option
@account_option
@click.option("--status", help="Only the jobs with this status.")
@database_option
def command(
    name: str | None,
    output: str | None,
    folder: str | None,
    asked_format: str | None,
    partition_by: str | None,
    raw: bool,
    since: date | None,
    until: date | None,
    package_id: int | None,
    account: str | None,
    status: str | None,
    database_url: str,
) -> None:
    """Write the table or trend NAME, or all of them.

    In CSV, integers stay integers, times are UTC like 2026-01-31T23:59:59Z, and null and empty text
    are both an empty field. Text that begins with = + - @, tab, return or line feed gets an
    apostrophe in front, so that a spreadsheet does not run it as a formula; --raw leaves it
    unchanged.
    """
    from snapshotter.export.request import Request, carry_out
    from snapshotter.export.style import style
    from snapshotter.trends.filters import Filters

    target = _target(name, output, folder)
    is_stream = folder is None and target == "-"
    filters = Filters(since, until, package_id, account)
    how = style(asked_format, "" if folder else target, raw=raw)
    request = Request(name, how, filters, status, by_month=partition_by is not None)
    if raw:
        logs.notice(
            "raw: text that looks like a formula is unchanged; do not open it in a spreadsheet"
        )
    with (
        reading(database_url) as engine,
        data_output() if is_stream else nullcontext(Path(target)) as stream,
    ):
        written = carry_out(engine, request, stream, datetime.now(UTC))
    if not is_stream:
        logs.notice(f"{written} in {target}")


def _target(name: str | None, output: str | None, folder: str | None) -> str:
    if (name is None) == (folder is None):
        raise UsageError("name one table or trend to export, or give --all DIR: one of the two")
    if folder is not None and output is not None:
        raise UsageError("--all DIR already names the target: leave -o out")
    return required(folder if folder is not None else output)
