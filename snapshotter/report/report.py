"""The report: one HTML file that opens offline, from the trends and the findings."""

from datetime import datetime
from pathlib import Path
from typing import TextIO

from sqlalchemy import Engine

from snapshotter.files import opened, write_text
from snapshotter.report.answers import Scope, ask
from snapshotter.report.page import page
from snapshotter.store.engine import unmoving
from snapshotter.targets import database_file


def report(engine: Engine, target: Path | TextIO, scope: Scope, now: datetime) -> None:
    """Write the report of what is in `scope`.

    How the file appears: see `files.opened`. Raises `UsageError` if the package is not known or
    the folder does not exist, `Failure` if the file cannot be written.
    """
    with (
        unmoving(engine).connect() as connection,
        opened(target, database_file(connection)) as file,
    ):
        write_text(file, page(ask(connection, scope, now), now))
