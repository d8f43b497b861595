"""The report: one HTML file that opens offline, from the trends and the findings."""

import io
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from sqlalchemy import Engine

from snapshotter.files import opened
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
        _write(file, page(ask(connection, scope, now), now))


def _write(file: BinaryIO | TextIO, text: str) -> None:
    if isinstance(file, io.TextIOBase):
        file.write(text)
    else:
        cast("BinaryIO", file).write(text.encode())
