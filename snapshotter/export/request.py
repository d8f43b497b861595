"""What `snapshotter export` is asked for: one file, or a folder of them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from sqlalchemy import Engine

from snapshotter.errors import UsageError
from snapshotter.export.bundle import Bundle, export_all, export_by_month, require_months
from snapshotter.export.export import export
from snapshotter.export.selection import Selection, require, require_status
from snapshotter.export.style import Style
from snapshotter.texts import counted
from snapshotter.trends.filters import Filters, Window


@dataclass(frozen=True)
class Request:
    """An export: of the table or trend `name`, or of all if that is None.

    `by_month` splits tables into a file a month; `folder` and `limit` are those of `Selection`.
    Raises `UsageError` for months in another format than Parquet, for an unknown name, and for a
    filter that does not apply: before a database is opened, so that a typing error is not blamed
    on it.
    """

    name: str | None
    style: Style
    window: Window
    status: str | None = None
    by_month: bool = False
    folder: Path | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.by_month and self.style.format != "parquet":
            raise UsageError(
                f"--partition-by is for Parquet, not {self.style.format}; add --format parquet"
            )
        if self.name is not None and self.folder is None:
            require(self.name, {*self.window.kinds(), *(["status"] if self.status else [])})
            if self.by_month:
                require_months(self.name)


def carry_out(engine: Engine, request: Request, target: Path | TextIO, now: datetime) -> str:
    """Write what is asked for, one file or a folder; return what was written, in words.

    A stream is for one file only.
    """
    if request.name is None:
        filters = _filters(engine, request)
        bundle = Bundle(_folder(target), request.style, now, request.by_month)
        entries = export_all(engine, bundle, filters, request.status)
        return f"{counted(sum(entry.rows for entry in entries), 'row')} of {len(entries)} files"
    if request.by_month:
        selection = _selection(engine, request, request.name)
        bundle = Bundle(_folder(target), request.style, now, by_month=True)
        rows = sum(entry.rows for entry in export_by_month(engine, bundle, selection))
    else:
        rows = write_file(engine, request, request.name, target)
    return f"{counted(rows, 'row')} of {request.name}"


def write_file(engine: Engine, request: Request, name: str, target: Path | TextIO) -> int:
    """Write the one table or trend that is asked for, and return the number of its rows."""
    return export(engine, _selection(engine, request, name), target, request.style)


def _selection(engine: Engine, request: Request, name: str) -> Selection:
    filters = _filters(engine, request)
    return Selection(name, filters, request.status, folder=request.folder, limit=request.limit)


def _filters(engine: Engine, request: Request) -> Filters:
    with engine.connect() as connection:
        require_status(connection, request.status)
        return request.window.filters(connection, request.name)


def _folder(target: Path | TextIO) -> Path:
    if not isinstance(target, Path):
        raise UsageError("many files cannot go to standard output; name a folder")
    return target
