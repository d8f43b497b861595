"""Exports of many files: every table and trend with a manifest, and Parquet by month."""

import hashlib
import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select, text

from snapshotter import __version__, files
from snapshotter.errors import UsageError
from snapshotter.export.export import (
    NO_MONTH,
    OF_JOBS,
    TABLES,
    Selection,
    months,
    names,
    narrowed_by,
    write,
)
from snapshotter.export.formats import LIBRARIES, Style
from snapshotter.store.engine import unmoving
from snapshotter.targets import database_file
from snapshotter.times import stamp
from snapshotter.trends.filters import Filters

MANIFEST = "manifest.json"
PARTITION_MANIFEST = "_manifest.json"  # readers of Parquet folders pass over what begins with _
_PRODUCT = "xplenty-snapshotter"


@dataclass(frozen=True)
class Entry:
    """A file of an export. `path` is within the folder, `filters` are those that it was cut by."""

    name: str
    path: str
    rows: int
    bytes: int
    sha256: str
    filters: dict[str, Any]


def export_all(
    engine: Engine,
    target: Path,
    style: Style,
    now: datetime,
    filters: Filters = Filters(),  # noqa: B008 - frozen
    status: str | None = None,
    *,
    by_month: bool = False,
) -> list[Entry]:
    """Write every table and trend, as one moment of the database has them, with a manifest.

    A filter narrows what it makes sense for, and leaves the rest whole. `by_month` is for Parquet.
    Raises as `files.folder` does; a failure leaves what was there.
    """
    with _folder(engine, target, MANIFEST) as (connection, folder):
        entries = []
        for name in names():
            selection = _narrowed(name, filters, status)
            if by_month and name in OF_JOBS:
                entries += _partitions(connection, selection, folder, folder / name, style)
            else:
                path = folder / f"{name}.{style.format}"
                entries.append(_entry(connection, selection, folder, path, style))
        manifest = _manifest(connection, style, now, entries, filters, status)
        _put(folder / MANIFEST, manifest)
    return entries


def export_by_month(
    engine: Engine, target: Path, style: Style, now: datetime, selection: Selection
) -> list[Entry]:
    """Write one table as a folder of Parquet, a month of jobs a part, as Hive lays it out.

    Raises `UsageError` for what hangs on no job; else as `export_all`.
    """
    require_months(selection.name)
    with _folder(engine, target, PARTITION_MANIFEST) as (connection, folder):
        entries = _partitions(connection, selection, folder, folder, style)
        manifest = _manifest(connection, style, now, entries, selection.filters, selection.status)
        _put(folder / PARTITION_MANIFEST, manifest)
    return entries


def require_months(name: str) -> None:
    if name not in OF_JOBS:
        raise UsageError(
            f"{name} has no months of jobs; --partition-by is for {', '.join(OF_JOBS)}, or --all"
        )


@contextmanager
def _folder(engine: Engine, target: Path, manifest: str) -> Iterator[tuple[Connection, Path]]:
    with (
        unmoving(engine).connect() as connection,
        files.folder(
            target,
            manifest,
            lambda old: _is_earlier_export(old, manifest),
            database_file(connection),
        ) as folder,
    ):
        yield connection, folder


def _is_earlier_export(folder: Path, manifest: str) -> bool:
    """Tell whether a folder holds the files of its manifest, and nothing else."""
    try:
        told = json.loads((folder / manifest).read_bytes())
        known = {manifest, *(str(entry["path"]) for entry in told["files"])}
        is_ours = told["product"] == _PRODUCT
    except (OSError, ValueError, TypeError, KeyError):
        return False
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    return is_ours and found <= known


def _narrowed(name: str, filters: Filters, status: str | None) -> Selection:
    allowed = narrowed_by(name)
    if "day" not in allowed:
        filters = replace(filters, since=None, until=None)
    if "package" not in allowed:
        filters = replace(filters, package_id=None)
    return Selection(name, filters, status if "status" in allowed else None)


def _partitions(
    connection: Connection, selection: Selection, root: Path, folder: Path, style: Style
) -> list[Entry]:
    """Write the months that have rows; where none has, an empty part that has the columns."""
    folder.mkdir(mode=0o700, exist_ok=True)
    entries: list[Entry] = []
    for month in months(connection, selection):
        path = folder / f"month={month}" / f"part-0.{style.format}"
        path.parent.mkdir(mode=0o700)
        entry = _entry(connection, replace(selection, month=month), root, path, style)
        if entry.rows or (month == NO_MONTH and not entries):
            entries.append(entry)
        else:
            path.unlink()
            path.parent.rmdir()
    return entries


def _entry(
    connection: Connection, selection: Selection, root: Path, path: Path, style: Style
) -> Entry:
    with files.synced(path) as file:
        rows = write(connection, selection, file, style)
    with path.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return Entry(
        selection.name,
        path.relative_to(root).as_posix(),
        rows,
        path.stat().st_size,
        digest,
        _filters(selection.filters, selection.status),
    )


def _filters(filters: Filters, status: str | None) -> dict[str, Any]:
    asked = {**asdict(filters), "status": status}
    return {
        name: value if isinstance(value, int) else str(value)
        for name, value in asked.items()
        if value is not None
    }


def _manifest(
    connection: Connection,
    style: Style,
    now: datetime,
    entries: list[Entry],
    filters: Filters,
    status: str | None,
) -> dict[str, Any]:
    accounts = TABLES["accounts"]
    columns = accounts.c.account_id, accounts.c.watermark
    watermarks = connection.execute(select(*columns).order_by(accounts.c.account_id)).all()
    revision = connection.execute(text("select version_num from alembic_version")).scalar()
    libraries = ("pandas", *([LIBRARIES[style.format]] if style.format in LIBRARIES else []))
    return {
        "product": _PRODUCT,
        "created_at": stamp(now),
        "format": style.format,
        "raw": style.raw,
        "filters": _filters(filters, status),
        "accounts": [
            {"account_id": account_id, "watermark": watermark and stamp(watermark)}
            for account_id, watermark in watermarks
        ],
        "versions": {
            "snapshotter": __version__,
            "schema": revision,
            "python": platform.python_version(),
            **{library: version(library) for library in libraries},
        },
        "files": [asdict(entry) for entry in entries],
    }


def _put(path: Path, manifest: dict[str, Any]) -> None:
    with files.synced(path) as file:
        file.write((json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
