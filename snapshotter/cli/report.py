"""`snapshotter report`: writes the HTML page."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from snapshotter import logs
from snapshotter.cli.connections import reading
from snapshotter.cli.options import (
    Command,
    account_option,
    database_option,
    last_option,
    package_option,
    required,
)
from snapshotter.cli.streams import data_output


@click.command("report", cls=Command)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="The HTML file to write; - is standard output.",
)
@last_option(default="90d")
@package_option
@account_option
@database_option
def command(
    output: str, last: timedelta, package: str | None, account: str | None, database_url: str
) -> None:
    """Write one HTML file about how the packages are doing, to mail or to put on a file share.

    The main findings are plain sentences, then come charts and tables: what got slower, what fails
    and why, what waits, volume, cost, field changes, freshness, and the snapshots themselves. It
    needs no network to open.
    """
    from snapshotter.report.answers import Scope
    from snapshotter.report.report import report

    target = required(output)
    with (
        reading(database_url) as engine,
        data_output() if target == "-" else nullcontext(Path(target)) as stream,
    ):
        report(engine, stream, Scope(last, package, account), datetime.now(UTC))
    if target != "-":
        logs.notice(f"the report is in {target}")
