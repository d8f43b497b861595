"""The job history of an Xplenty (Integrate.io ETL) account, kept in a database of one's own.

From Python: `History(url)` syncs an account, and returns trends as DataFrames. The errors that it
raises are those of `snapshotter.errors`, and are here, too.
"""

from typing import TYPE_CHECKING, Any

from snapshotter.errors import (
    BadAnswer,
    Busy,
    DatabaseError,
    Failure,
    KeyRefused,
    RecordError,
    RequestFailed,
    RequestRefused,
    SnapshotterError,
    Stopped,
    UsageError,
)

if TYPE_CHECKING:
    from snapshotter.history.history import Finding, History, Outcome, Stored

__version__ = "0.1.0"
__all__ = [
    "BadAnswer",
    "Busy",
    "DatabaseError",
    "Failure",
    "Finding",
    "History",
    "KeyRefused",
    "Outcome",
    "RecordError",
    "RequestFailed",
    "RequestRefused",
    "SnapshotterError",
    "Stopped",
    "Stored",
    "UsageError",
]


def __getattr__(name: str) -> Any:
    """Import what takes long, as the database's driver does, when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from snapshotter.history import history  # noqa: PLC0415 - as above

    return getattr(history, name)
