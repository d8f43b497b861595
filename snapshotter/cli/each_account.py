"""What a command does with each of its accounts: the lines of each, and the exit code of all.

With one account its error is the command's. With several, each ends with a line of its own: its
summary on standard output, or what went wrong on standard error; the last line names those that
failed, and the exit code is the worst of theirs.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from snapshotter import logs
from snapshotter.cli.endings import ending
from snapshotter.cli.streams import print_if_possible
from snapshotter.errors import UsageError
from snapshotter.texts import counted

if TYPE_CHECKING:
    from snapshotter.configured_accounts import Account
    from snapshotter.store.opening import Database
    from snapshotter.sync.account_run import RunOptions
    from snapshotter.sync.several import Attempt


class Manner(NamedTuple):
    """How accounts are run and reported. `prints`: whether summaries go to standard output.

    `at_once`: how many accounts at a time. `is_quiet`: nothing is printed of what ended with 0.
    """

    prints: bool = True
    is_quiet: bool = False
    at_once: int = 1


def only_one(accounts: Sequence["Account"], what: str) -> None:
    """Raise `UsageError` if there are several accounts: what is given belongs to one."""
    if len(accounts) > 1:
        names = ", ".join(account.name for account in accounts)
        raise UsageError(f"{what} belong to one account: name it with --account ({names})")


def run_each_account(
    attempts: Sequence["Attempt"],
    do: Callable[["Attempt"], None],
    context: tuple["RunOptions", "Database"],
    manner: Manner,
) -> None:
    """Do something with each account; of several, report each as it ends."""
    from snapshotter.store.engine import named_errors
    from snapshotter.store.opening import filling, opened
    from snapshotter.store.ownership import revision_of
    from snapshotter.sync.several import Work, run_each

    options, database = context

    def interrupted() -> str:
        return options.clock.interrupted

    def check() -> None:
        # A database without tables is not lost: the next account may create them.
        with (
            opened(database.url, read_only=True) as engine,
            named_errors(),
            engine.connect() as connection,
        ):
            revision_of(connection)

    def prepare() -> None:
        with filling(database, lambda: 0 if interrupted() else None):
            pass

    def ended(attempt: "Attempt") -> None:
        if len(attempts) > 1:
            _report(attempt, manner)

    run_each(attempts, Work(do, ending, interrupted, check, prepare, ended), manner.at_once)


def finish(attempts: Sequence["Attempt"], manner: Manner) -> None:
    """Report the end of the only account, or of all.

    Raises what went wrong with the only one, or `AccountsFailed`.
    """
    from snapshotter.sync.several import failure

    if len(attempts) == 1:
        (attempt,) = attempts
        if attempt.summary and (attempt.error or not manner.is_quiet):
            logs.ABOUT.summary, logs.ABOUT.ended = attempt.summary, attempt.counts
            if manner.prints:
                print_if_possible(f"{attempt.summary}{logs.mark()}")
        if attempt.error is not None:
            raise attempt.error
        return
    logs.ABOUT.ended = {"accounts": {each.account_id: each.exit_code for each in attempts}}
    if error := failure(attempts):
        raise error
    if not manner.is_quiet:
        logs.ABOUT.summary = f"{counted(len(attempts), 'account')} done"


def _report(attempt: "Attempt", manner: Manner) -> None:
    """Print how one of several accounts has ended."""
    summary = attempt.summary if attempt.error or not manner.is_quiet else ""
    with logs.marked(attempt.mark):
        if summary and manner.prints:
            print_if_possible(f"{summary}{logs.mark()}")
        logs.end_line(attempt.exit_code, attempt.message, summary, attempt.counts)
