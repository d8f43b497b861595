"""The exit code and the line that an error ends a command with."""

import logging
import sys

from snapshotter import interrupt, logs
from snapshotter.cli import streams
from snapshotter.errors import (
    DatabaseError,
    Failure,
    Interrupted,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.interrupt import INTERRUPTED

_FAILED, _USAGE = Failure.exit_code, UsageError.exit_code
Ending = tuple[int, str]


def ending(error: BaseException) -> Ending:
    """Return the exit code and the line that an error ends the command with."""
    match error:
        case SnapshotterError():
            return error.exit_code, _named(error)
        case Interrupted() | KeyboardInterrupt():
            return Stopped.exit_code, str(error) or INTERRUPTED
        case streams.OutputLost():
            # The reader has gone: there is nobody to print to.
            return _FAILED, "" if isinstance(error, streams.OutputGone) else str(error)
        case _:
            return _of_click(error) or _unforeseen(error)


def _of_click(error: BaseException) -> Ending | None:
    # From its submodules: a signal that has ended the import of click leaves the package without.
    from click.exceptions import Abort, ClickException, NoArgsIsHelpError
    from click.utils import echo

    match error:
        case NoArgsIsHelpError():
            echo(error.format_message(), err=True)
            return error.exit_code, ""
        case ClickException():
            return error.exit_code, error.format_message()
        case Abort():
            return Stopped.exit_code, INTERRUPTED
    return None


def _unforeseen(error: BaseException) -> Ending:
    logging.getLogger(__name__).debug("the traceback", exc_info=error)
    known = _of_the_host(error) or _of_the_database(error)
    if interrupt.has_been_raised() and (known is None or isinstance(error, ImportError)):
        # What a library raises after it has swallowed `Interrupted` while it was imported.
        return Stopped.exit_code, INTERRUPTED
    return known or _bug(error)


def _bug(error: BaseException) -> Ending:
    return _FAILED, f"a bug in snapshotter: {type(error).__name__}: {error}; -vv shows where"


def _of_the_host(error: BaseException) -> Ending | None:
    """Return the ending for what the host or the installation lacks; None for other errors."""
    match error:
        case MemoryError():
            ending = _FAILED, "not enough memory: give it more; what is stored is consistent"
        case RecursionError():
            ending = _FAILED, "data is nested too deeply to be read; what is stored is consistent"
        case ImportError():
            ending = _USAGE, _missing(error)
        case UnicodeError():
            ending = _USAGE, f"text that is not UTF-8 was given, or cannot be written ({error})"
        case OSError():
            about = f"{str(error.filename)!r}: " if error.filename else ""
            ending = _FAILED, f"{about}{error.strerror or error}"
        case RuntimeError() if "start new thread" in str(error):
            ending = _FAILED, "the host allows no more threads; raise its limit (ulimit -u)"
        case _:
            return None
    return ending


def _of_the_database(error: BaseException) -> Ending | None:
    """Return the ending for a driver's error that was not named before; None for other errors."""
    sqlalchemy = sys.modules.get("sqlalchemy.exc")
    sqlite = sys.modules.get("sqlite3")
    of_databases = (
        getattr(sqlalchemy, "SQLAlchemyError", Interrupted),
        getattr(sqlite, "Error", Interrupted),
    )
    if isinstance(error, of_databases):
        from snapshotter.store.driver_errors import as_our_error

        ending = as_our_error(getattr(error, "orig", None) or error)
        return ending.exit_code, _named(ending)
    return None


def _missing(error: ImportError) -> str:
    name = (error.name or "").partition(".")[0]
    match name:
        case "_sqlite3" | "sqlite3":
            return "this Python was built without sqlite3; use another Python"
        case _:
            return (
                f"a package is missing or broken ({error}); install xplenty-snapshotter again, "
                "with the extras that you use"
            )


def _named(error: SnapshotterError) -> str:
    """Return the error's message, with the database it is about: host and name, no password."""
    message = str(error)
    if not isinstance(error, DatabaseError) or not logs.ABOUT.database:
        return message
    from snapshotter.cli.connections import shown

    database = shown(logs.ABOUT.database)
    is_named = database in message or database.removeprefix("sqlite:///") in message
    return message if is_named else f"{message} (database {database})"
