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
from snapshotter.trends.filters import Window


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
    with engine.connect() as connection:
        require_status(connection, request.status)
        filters = request.window.filters(connection, request.name)
    if request.name is None:
        bundle = Bundle(_folder(target), request.style, now, request.by_month)
        entries = export_all(engine, bundle, filters, request.status)
        return f"{counted(sum(entry.rows for entry in entries), 'row')} of {len(entries)} files"
    selection = Selection(
        request.name, filters, request.status, folder=request.folder, limit=request.limit
    )
    if request.by_month:
        bundle = Bundle(_folder(target), request.style, now, by_month=True)
        rows = sum(entry.rows for entry in export_by_month(engine, bundle, selection))
    else:
        rows = export(engine, selection, target, request.style)
    return f"{counted(rows, 'row')} of {request.name}"


def _folder(target: Path | TextIO) -> Path:
    if not isinstance(target, Path):
        raise UsageError("many files cannot go to standard output; name a folder")
    return target
