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
from snapshotter.export.export import write
from snapshotter.export.selection import (
    NO_MONTH,
    OF_JOBS,
    Selection,
    months,
    names,
    narrowed_by,
)
from snapshotter.export.style import LIBRARIES, Style
from snapshotter.store.engine import unmoving
from snapshotter.store.tables import ACCOUNTS, ANSWERED
from snapshotter.targets import database_file
from snapshotter.times import stamp
from snapshotter.trends.filters import Filters

MANIFEST = "manifest.json"
PARTITION_MANIFEST = "_manifest.json"  # readers of Parquet folders ignore names that begin with _
_PRODUCT = "xplenty-snapshotter"
_ALL = Filters()


@dataclass(frozen=True)
class Entry:
    """A file of an export. `path` is within the folder, `filters` are those that apply to it."""

    name: str
    path: str
    rows: int
    bytes: int
    sha256: str
    filters: dict[str, Any]


@dataclass(frozen=True)
class Bundle:
    """A folder of files to write. `now` is the time in its manifest; `by_month` is for Parquet."""

    target: Path
    style: Style
    now: datetime
    by_month: bool = False


def export_all(
    engine: Engine, bundle: Bundle, filters: Filters = _ALL, status: str | None = None
) -> list[Entry]:
    """Write every table and trend, as one moment of the database has them, with a manifest.

    A filter narrows the tables and trends that it makes sense for; the others are whole. Raises
    what `files.folder` raises; after a failure the folder is as it was before.
    """
    with _folder(engine, bundle, MANIFEST) as folder:
        entries = []
        for name in names():
            selection = _narrowed(name, filters, status)
            if bundle.by_month and name in OF_JOBS:
                entries += folder.write_months(selection, folder.root / name)
            else:
                entries.append(folder.write(selection, folder.root / f"{name}.{folder.format}"))
        folder.write_manifest(entries, _as_json(filters, status))
    return entries


def export_by_month(engine: Engine, bundle: Bundle, selection: Selection) -> list[Entry]:
    """Write one table as a folder of Parquet with a part per month of jobs, as Hive does.

    Raises `UsageError` for a table whose rows belong to no job, else what `export_all` raises.
    """
    require_months(selection.name)
    with _folder(engine, bundle, PARTITION_MANIFEST) as folder:
        entries = folder.write_months(selection, folder.root)
        folder.write_manifest(entries, _as_json(selection.filters, selection.status))
    return entries


def require_months(name: str) -> None:
    if name not in OF_JOBS:
        raise UsageError(
            f"{name} cannot be split by month; --partition-by is for {', '.join(OF_JOBS)}, or --all"
        )


@contextmanager
def _folder(engine: Engine, bundle: Bundle, manifest: str) -> Iterator["_Folder"]:
    with (
        unmoving(engine).connect() as connection,
        files.folder(
            bundle.target,
            manifest,
            lambda old: _is_earlier_export(old, manifest),
            database_file(connection),
        ) as root,
    ):
        yield _Folder(connection, root, bundle, manifest)


def _is_earlier_export(folder: Path, manifest: str) -> bool:
    """Return whether a folder holds the files of its manifest and nothing else."""
    try:
        document = json.loads((folder / manifest).read_bytes())
        known = {manifest, *(str(entry["path"]) for entry in document["files"])}
        is_ours = document["product"] == _PRODUCT
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
    if "account" not in allowed:
        filters = replace(filters, account_id=None)
    return Selection(name, filters, status if "status" in allowed else None)


@dataclass(frozen=True)
class _Folder:
    """A folder that is being filled, at `root`, from one moment of the database."""

    connection: Connection
    root: Path
    bundle: Bundle
    manifest: str

    @property
    def format(self) -> str:
        return self.bundle.style.format

    def write(self, selection: Selection, path: Path) -> Entry:
        with files.synced(path) as file:
            rows = write(self.connection, selection, file, self.bundle.style)
        with path.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        return Entry(
            selection.name,
            path.relative_to(self.root).as_posix(),
            rows,
            path.stat().st_size,
            digest,
            _as_json(selection.filters, selection.status),
        )

    def write_months(self, selection: Selection, folder: Path) -> list[Entry]:
        """Write the months that have rows; if none has, an empty part that has the columns."""
        folder.mkdir(mode=0o700, exist_ok=True)
        entries: list[Entry] = []
        for month in months(self.connection, selection):
            path = folder / f"month={month}" / f"part-0.{self.format}"
            path.parent.mkdir(mode=0o700)
            entry = self.write(replace(selection, month=month), path)
            if entry.rows or (month == NO_MONTH and not entries):
                entries.append(entry)
            else:
                path.unlink()
                path.parent.rmdir()
        return entries

    def write_manifest(self, entries: list[Entry], filters: dict[str, Any]) -> None:
        spreadsheet = self.bundle.style.spreadsheet
        document = {
            "product": _PRODUCT,
            "created_at": stamp(self.bundle.now),
            "format": self.format,
            "raw": self.bundle.style.raw,
            **({} if spreadsheet is None else {"locale": spreadsheet.locale}),
            "filters": filters,
            "accounts": _accounts(self.connection),
            "versions": _versions(self.connection, self.format),
            "files": [asdict(entry) for entry in entries],
        }
        _put(self.root / self.manifest, document)


def _put(path: Path, document: dict[str, Any]) -> None:
    with files.synced(path) as file:
        file.write((json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def _as_json(filters: Filters, status: str | None) -> dict[str, Any]:
    asked = {**asdict(filters), "status": status}
    return {
        name: value if isinstance(value, int) else str(value)
        for name, value in asked.items()
        if value is not None
    }


def _accounts(connection: Connection) -> list[dict[str, Any]]:
    columns = ACCOUNTS.c.account_id, ACCOUNTS.c.watermark
    watermarks = connection.execute(
        select(*columns).where(ANSWERED).order_by(ACCOUNTS.c.account_id)
    ).all()
    return [
        {"account_id": account_id, "watermark": watermark and stamp(watermark)}
        for account_id, watermark in watermarks
    ]


def _versions(connection: Connection, format_: str) -> dict[str, Any]:
    libraries = [LIBRARIES[format_]] if format_ in LIBRARIES else []
    return {
        "snapshotter": __version__,
        "schema": connection.execute(text("select version_num from alembic_version")).scalar(),
        "python": platform.python_version(),
        **{library: version(library) for library in libraries},
    }
