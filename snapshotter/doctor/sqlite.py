"""A SQLite file: whether it is there, and how it is written."""

import os
from pathlib import Path

from sqlalchemy import Connection

from snapshotter.doctor.report import Report


def is_there(report: Report, path: Path) -> bool:
    """Report a file that is missing or empty: the first run creates the tables."""
    if path.exists():
        if path.is_file() and path.stat().st_size == 0:
            report.warn(f"{str(path)!r} is empty", "'snapshotter sync' creates the tables")
            return False
        return True
    folder = path.parent
    if not folder.is_dir():
        report.fail(f"there is no folder {str(folder)!r}", "create it, or correct --database")
    elif not os.access(folder, os.W_OK | os.X_OK):
        report.fail(f"no file {str(path)!r}, and its folder may only be read", "correct the rights")
    else:
        report.warn(
            f"no file {str(path)!r} yet",
            "'snapshotter sync' creates it; if there is one elsewhere, correct --database",
        )
    return False


def check(report: Report, connection: Connection) -> None:
    """Report the version and the journal mode."""
    (version,) = connection.exec_driver_sql("select sqlite_version()").one()
    (mode,) = connection.exec_driver_sql("pragma journal_mode").one()
    report.ok(f"SQLite {version} (at least 3.25), journal mode {mode}")
