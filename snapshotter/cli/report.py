"""`snapshotter report`: writes the HTML page."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshotter import logs
from snapshotter.cli.connections import reading
from snapshotter.cli.options import Command, database_option, output_option, required, takes_filters
from snapshotter.cli.streams import data_output

if TYPE_CHECKING:
    from snapshotter.trends.filters import Window

DEFAULT_LENGTH = timedelta(days=90)


@click.command("report", cls=Command)
@output_option("The HTML file to write; - is standard output.", required=True)
@takes_filters
@database_option
def command(output: str, window: "Window", database_url: str) -> None:
    """Write one HTML file about how the packages are doing, to mail or to put on a file share.

    The main findings are plain sentences, then come charts and tables: what got slower, what fails
    and why, what waits, volume, cost, field changes, freshness, and the snapshots themselves. It
    needs no network to open. By default it covers the last 90 days.
    """
    from snapshotter.report.answers import Scope
    from snapshotter.report.report import report

    target = required(output)
    scope = Scope(
        window.last or DEFAULT_LENGTH,
        window.package if window.package_id is None else window.package_id,
        window.account,
        since=window.since,
        until=window.until,
    )
    with (
        reading(database_url) as engine,
        data_output() if target == "-" else nullcontext(Path(target)) as stream,
    ):
        report(engine, stream, scope, datetime.now(UTC))
    if target != "-":
        logs.notice(f"the report is in {target}")
