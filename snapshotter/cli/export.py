"""`snapshotter export`: writes tables and trends as files."""

from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from snapshotter import logs
from snapshotter.cli.options import (
    Command,
    database_option,
    package_id_option,
    required,
    since_option,
    until_option,
)
from snapshotter.cli.sessions import reading
from snapshotter.cli.streams import data_output
from snapshotter.errors import UsageError
from snapshotter.texts import nearest


@click.command("export", cls=Command)
@click.argument("name", required=False)
@click.option("-o", "--output", metavar="FILE", help="Where to; - is standard output.")
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
    help="How; without it as FILE ends (also .csv.gz and .json.gz), else CSV.",
)
@click.option(
    "--partition-by",
    type=click.Choice(["month"]),
    help="Write Parquet as folders, a month of jobs each: month=2026-01 and so on.",
)
@click.option("--raw", is_flag=True, help="Leave text that looks like a formula as it is, in CSV.")
@since_option
@until_option
@package_id_option
@click.option("--status", help="Just the jobs of this status.")
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
    status: str | None,
    database_url: str,
) -> None:
    """Write the table or trend NAME, or all of them.

    In CSV, integers are integers, times are UTC like 2026-01-31T23:59:59Z, and null is an empty
    field, as the empty text is. Text that begins with = + - @, tab, return or line feed gets an
    apostrophe before it, or a spreadsheet would run it as a formula; --raw leaves it as it is.
    """
    from snapshotter.export import bundle, formats
    from snapshotter.export.export import Selection
    from snapshotter.export.export import export as write
    from snapshotter.trends.filters import Filters

    target = _one_target(name, output, folder)
    filters = Filters(since, until, package_id)
    style = formats.style(asked_format, "" if folder else target, raw=raw)
    if partition_by and style.format != "parquet":
        raise UsageError(f"--partition-by is for Parquet, not {style.format}; add --format parquet")
    if raw:
        logs.notice("raw: formulas in text are left as they are; open it in no spreadsheet")
    now, path = datetime.now(UTC), Path(target)
    with reading(database_url) as engine:
        _require_status(engine, status)
        if name is None:
            by_month = partition_by is not None
            entries = bundle.export_all(
                engine, path, style, now, filters, status, by_month=by_month
            )
            rows, what = sum(entry.rows for entry in entries), f"{len(entries)} files"
        elif partition_by:
            selection = Selection(name, filters, status)
            entries = bundle.export_by_month(engine, path, style, now, selection)
            rows, what = sum(entry.rows for entry in entries), name
        else:
            with data_output() if target == "-" else nullcontext(path) as stream:
                rows, what = write(engine, name, stream, filters, status, style), name
    if target != "-":
        logs.notice(f"{rows:,} rows of {what} in {target}")


def _require_status(engine: Any, status: str | None) -> None:
    """Raise `UsageError` for a status that is neither known nor stored: a typing error."""
    from sqlalchemy import text

    from snapshotter.statuses import STATUSES

    if status is None or status in STATUSES:
        return
    with engine.connect() as connection:
        stored = set(connection.execute(text("select distinct status from jobs")).scalars())
    if status not in stored:
        known = sorted({*STATUSES, *filter(None, stored)})
        hint = nearest(status, known) or f"; known are {', '.join(known)}"
        raise UsageError(f"--status {status!r}: no job has it{hint}")


def _one_target(name: str | None, output: str | None, folder: str | None) -> str:
    if (name is None) == (folder is None):
        raise UsageError("name one table or trend to export, or --all DIR: one of the two")
    if folder is not None and output is not None:
        raise UsageError("--all DIR says where to: leave -o out")
    target = folder if folder is not None else output
    return required(target)
