"""Runs several accounts, one after another or some at once; none stops the others.

Accounts that run at once have a thread each. A run mostly waits, for the API and the database, and
libraries that decompress and decode and the drivers of databases let other threads run meanwhile:
so processes would gain little, for 60 MB each and half a second to start, and a signal, the log and
what is drawn on a terminal would have to be passed between them.

Each account has a client, an engine and limits of its own; they share the clock, which a signal
stops, and the database: a SQLite file takes one transaction after another, of a few pages each, and
who waits for it gets its turn long before the half minute after which a run ends with 75.

What stops all is an interrupt and a database that is lost. Accounts that have not begun by then do
not begin.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

from snapshotter import logs
from snapshotter.api.deadlines import leave_signals_to_the_main_thread
from snapshotter.configured_accounts import Account, require_distinct
from snapshotter.errors import (
    CONTINUES,
    DatabaseError,
    Interrupted,
    SnapshotterError,
    Stopped,
    worst,
)
from snapshotter.store.ledger import Outcome
from snapshotter.sync.run import Run

_SLICE = 0.1  # seconds; a signal that comes just before a wait begins does not end that one


class Display(Protocol):
    """What shows how a run goes on."""

    def show(self, jobs: int) -> None:
        """Show the number of jobs read so far."""

    def end(self) -> None:
        """Take it away: the run has ended."""


Watch = Callable[[Run], Display]


@dataclass(eq=False)
class Attempt:
    """What a command does with one account, and how that ended. It watches the account's run.

    `watch`: called with a run that has begun, it returns what shows it. `outcome`: that of the run,
    which counts as it goes on; None before it has begun. `summary`, and `counts` for JSON: set when
    the work is done, even if something was set aside. `message`: what went wrong; empty if nothing
    did.
    """

    account: Account
    watch: Watch | None = None
    outcome: Outcome | None = None
    summary: str = ""
    counts: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None
    exit_code: int = 0
    message: str = ""
    seconds: float = 0.0
    has_begun: bool = False
    _display: Display | None = None

    def __post_init__(self) -> None:
        self.mark = logs.RunMark(self.account_id)

    @property
    def account_id(self) -> str:
        return self.account.account_id

    def begin(self, run: Run) -> None:
        self.outcome = run.outcome
        if self.watch is not None:
            self._display = self.watch(run)

    def progress(self, jobs: int) -> None:
        if self._display is not None:
            self._display.show(jobs)

    def end(self, seconds: float) -> None:
        self.seconds = seconds
        if self._display is not None:
            self._display.end()


class Work(NamedTuple):
    """What to do with each account, and what is to be known about it.

    `do` raises what goes wrong. `ending` returns the exit code and the message of an error.
    `interrupted` returns what asks all to stop, empty if nothing does. `check` raises
    `DatabaseError` if the database is lost; it is called after an error of the database. `prepare`
    creates or upgrades the schema, which two must not do at once; it is called before accounts run
    at once. `ended` is called in the main thread when an account has ended.
    """

    do: Callable[[Attempt], None]
    ending: Callable[[BaseException], tuple[int, str]]
    interrupted: Callable[[], str]
    check: Callable[[], None]
    prepare: Callable[[], None]
    ended: Callable[[Attempt], None]


class AccountsFailed(SnapshotterError):
    """Some accounts did not end with 0; the exit code is the worst of theirs."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_each(attempts: Sequence[Attempt], work: Work, at_once: int = 1) -> None:
    """Do the work with each account; return when all have ended, each with its exit code.

    The lines of a single account keep the mark of the process; each of several has its own. Raises
    `UsageError` if two have the same id, and so would be the same account in the database.
    """
    require_distinct([attempt.account for attempt in attempts])
    runner = _Runner(work)
    if len(attempts) == 1:
        runner.do(attempts[0])
        work.ended(attempts[0])
    elif at_once == 1:
        for attempt in attempts:
            runner.do_marked(attempt)
            work.ended(attempt)
    else:
        runner.do_at_once(attempts, min(at_once, len(attempts)))


def failure(attempts: Sequence[Attempt]) -> AccountsFailed | None:
    """Return the error of a command with several accounts, which names those that failed."""
    failed = [attempt for attempt in attempts if attempt.exit_code]
    if not failed:
        return None
    names = ", ".join(f"{each.account_id} ({each.exit_code})" for each in failed)
    return AccountsFailed(
        f"{len(failed)} of {len(attempts)} accounts did not end with 0: {names}",
        worst(attempt.exit_code for attempt in failed),
    )


class _Runner:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._stop: SnapshotterError | None = None  # why no further account begins

    def do(self, attempt: Attempt) -> None:
        began = time.monotonic()
        try:
            self._refuse_if_stopped()
            attempt.has_begun = True
            self._work.do(attempt)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this account's alone
            self._note(attempt, error)
        attempt.end(time.monotonic() - began)

    def do_marked(self, attempt: Attempt) -> None:
        with logs.marked(attempt.mark):
            self.do(attempt)

    def _note(self, attempt: Attempt, error: BaseException) -> None:
        attempt.error = error
        attempt.exit_code, attempt.message = self._work.ending(error)
        if isinstance(error, Interrupted):
            self._stop = Stopped(f"did not begin: interrupted{CONTINUES}")
        elif isinstance(error, DatabaseError) and self._stop is None:
            self._check(self._work.check)

    def _check(self, check: Callable[[], None]) -> None:
        try:
            check()
        except DatabaseError as error:
            self._stop = DatabaseError(f"did not begin: {error}")
        except SnapshotterError:  # such as a lock, which passes
            pass

    def _refuse_if_stopped(self) -> None:
        if by := self._work.interrupted():
            raise Stopped(f"did not begin: {by}{CONTINUES}")
        if self._stop is not None:
            raise self._stop

    def do_at_once(self, attempts: Sequence[Attempt], at_once: int) -> None:
        self._check(self._work.prepare)
        todo: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        done: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        for attempt in attempts:
            todo.put(attempt)
        if not self._start_threads(partial(self._take, todo, done), at_once):
            self._take(todo, done)  # the host allows no other thread
        waiting = list(attempts)
        try:
            while waiting:
                attempt = _next(done)
                waiting.remove(attempt)
                self._work.ended(attempt)
        except Interrupted as error:
            # Their threads end with the process, which ends soon.
            for attempt in waiting:
                self._note(attempt, error)
                self._work.ended(attempt)

    def _start_threads(self, take: Callable[[], None], number: int) -> int:
        def work() -> None:
            leave_signals_to_the_main_thread()
            take()

        for started in range(number):
            target = partial(copy_context().run, work)
            try:
                threading.Thread(target=target, name="account", daemon=True).start()
            except RuntimeError:  # no further thread may be started
                return started
        return number

    def _take(self, todo: "queue.SimpleQueue[Attempt]", done: "queue.SimpleQueue[Attempt]") -> None:
        while True:
            try:
                attempt = todo.get_nowait()
            except queue.Empty:
                return
            try:
                self.do_marked(attempt)
            finally:
                done.put(attempt)  # or the main thread would wait for it without an end


def _next(done: "queue.SimpleQueue[Attempt]") -> Attempt:
    while True:
        try:
            return done.get(timeout=_SLICE)
        except queue.Empty:
            continue
