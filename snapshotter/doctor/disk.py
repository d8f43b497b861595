"""Free space: for the database's file, and for temporary files."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from snapshotter.doctor.report import Report
from snapshotter.texts import in_megabytes

_LEAST = 100_000_000  # bytes
_FULL = 1_000_000  # bytes, below which nothing is written
# In this order, as Python and SQLite look for it.
_TEMPORARY = ("TMPDIR", "TEMP", "TMP")
_TEMPORARY_FOLDERS = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - nothing is created there


def of_database(report: Report, path: Path | None) -> None:
    """Compare the free space beside a SQLite file with its size, which an upgrade needs again."""
    if path is None:
        report.skip("the disk of a server cannot be seen from here")
        return
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        report.skip("there is no folder of the database")
        return
    free = shutil.disk_usage(folder).free
    size = path.stat().st_size if path.exists() else 0
    found = f"{in_megabytes(free)} free beside the database, which has {in_megabytes(size)}"
    advice = "make room: runs need some, and an upgrade as much as the database has"
    if free < _FULL:
        report.fail(found, advice)
    elif free < max(size, _LEAST):
        report.warn(found, advice)
    else:
        report.ok(found)


def of_temporary_files(report: Report, environment: Mapping[str, str]) -> None:
    """Check the folder for temporary files, which large exports and sorts need."""
    given = [environment[name] for name in _TEMPORARY if environment.get(name)]
    places = [*map(Path, given), *map(Path, _TEMPORARY_FOLDERS), Path.cwd()]
    usable = [each for each in places if each.is_dir() and os.access(each, os.W_OK | os.X_OK)]
    if not usable:
        report.warn(
            "no folder for them can be written",
            "set TMPDIR to one; large exports and sorts fail without",
        )
        return
    free = shutil.disk_usage(usable[0]).free
    found = f"{in_megabytes(free)} free in {str(usable[0])!r}"
    if free < _LEAST:
        report.warn(found, "make room, or set TMPDIR to another folder")
    else:
        report.ok(found)
