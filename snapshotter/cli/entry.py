"""Where the command starts and ends: its group, and for every error one line and an exit code.

Little is imported at the top, and click with the commands only by `group`: so a signal finds its
handler as early as possible.
"""

import gc
import logging
import os
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

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
from snapshotter.settings import known_secrets

if TYPE_CHECKING:
    import click

_FAILED, _USAGE = Failure.exit_code, UsageError.exit_code
Ending = tuple[int, str]


def main() -> None:
    """Run the command and end the process with its exit code."""
    # A run holds many rows without cycles: with the usual threshold of 700 the collector would
    # search them all the time, an eighth of a long run.
    gc.set_threshold(100_000)
    streams.prepare()
    try:
        interrupt.take_over()
        exit_code, message = _run()
    except Interrupted:  # while the command's own error was handled
        exit_code, message = Stopped.exit_code, INTERRUPTED
    interrupt.end_with(exit_code)
    try:
        sys.stdout.flush()
    except streams.OutputLost as error:
        # Output that could not be printed is a failure, unless there was one already.
        exit_code, message = (exit_code, message) if exit_code else _ending(error)
    if not message and (lost := streams.loss()):
        logs.notice(f"snapshotter: {lost}")
    logs.final(exit_code, message)
    sys.exit(exit_code)


def _run() -> Ending:
    try:
        words = [word for word in map(_without_return, sys.argv[1:]) if word is not None]
        logs.configure(is_json=_asks_for_json(words))
        for secret in known_secrets():
            logs.learn(secret)
        group().main(words, standalone_mode=False, prog_name="snapshotter")
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt, Interrupted) as error:  # noqa: BLE001 - the one place
        return (_FAILED, "") if _completes_words() else _ending(error)
    return 0, ""


def group() -> "click.Group":
    """Return the group of all commands. What a command needs is imported only when it runs."""
    import click

    from snapshotter import __version__
    from snapshotter.cli import (
        accounts,
        completion,
        db,
        demo,
        digest,
        export,
        recipe,
        rejects,
        report,
        status,
        sync,
        trends,
        verify,
    )
    from snapshotter.cli.sections import SectionedGroup

    @click.group(
        cls=SectionedGroup,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    @click.version_option(__version__, prog_name="snapshotter")
    def snapshotter() -> None:
        """Keep the job history of an Xplenty (Integrate.io ETL) account in a database of your own.

        Begin with `snapshotter demo`; then set XPLENTY_ACCOUNT_ID and XPLENTY_API_KEY, and run
        `snapshotter sync`.

        Exit codes: 0 done; 1 failed; 2 usage or configuration; 65 done, but something was set
        aside, or differs; 75 stopped early, nothing lost, run again; 77 the API refused the key.
        """

    modules = (
        *(accounts, completion, db, demo, digest, export, recipe),
        *(rejects, report, status, sync, trends, verify),
    )
    for module in modules:
        snapshotter.add_command(module.command)
    return snapshotter


def _without_return(word: str) -> str | None:
    """Return a word without the carriage return that a script saved on Windows ends lines with."""
    return None if word == "\r" else word.rstrip("\r")


def _completes_words() -> bool:
    """Whether a shell asks what a word may be; a message would end up in the line being typed."""
    return bool(os.environ.get("_SNAPSHOTTER_COMPLETE"))


def _asks_for_json(words: list[str]) -> bool:
    """Return whether errors are JSON; asked before click parses, whose errors are lines, too."""
    pairs = pairwise([*words, ""])
    return any(w == "--log-format=json" or (w, v) == ("--log-format", "json") for w, v in pairs)


def _ending(error: BaseException) -> Ending:
    """Return the exit code and the line that an error ends the command with."""
    match error:
        case SnapshotterError():
            ending = error.exit_code, _named(error)
        case Interrupted() | KeyboardInterrupt():
            ending = Stopped.exit_code, INTERRUPTED
        case streams.OutputLost():
            # The reader has gone: there is nobody to print to.
            ending = _FAILED, "" if isinstance(error, streams.OutputGone) else str(error)
        case _:
            ending = _of_click(error) or _unforeseen(error)
    return ending


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
