"""Runs one account from its key to the end of its run; commands and Python programs call it.

Nothing here prints or ends the process: what goes wrong is raised, and a `Watcher` is called as the
run goes on.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from snapshotter import logs
from snapshotter.api.client import Client
from snapshotter.api.limits import Clock, Limits, SystemClock, interruption
from snapshotter.errors import CONTINUES, Interrupted, RequestRefused, Stopped, UsageError
from snapshotter.redact import Redaction
from snapshotter.settings import Service
from snapshotter.statuses import STATUSES
from snapshotter.store.ledger import Outcome
from snapshotter.store.opening import Database, filling, shown
from snapshotter.sync.context import Context
from snapshotter.sync.run import Run
from snapshotter.sync.sync import Plan, open_run, read
from snapshotter.texts import counted, suggestion

log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Who is called as a run goes on, in its thread."""

    def begin(self, run: Run) -> None:
        """Note that the run has begun; `run.outcome` has its id, and counts as it goes on."""

    def progress(self, jobs: int) -> None:
        """Note how many jobs have been read so far."""


class _Nobody:
    def begin(self, run: Run) -> None:
        pass

    def progress(self, jobs: int) -> None:
        pass


@dataclass(frozen=True)
class RunOptions:
    """How far runs go, how they store secrets, what can stop them, and who watches them."""

    limits: Limits = field(default_factory=Limits)
    redact: Redaction = field(default_factory=Redaction)
    clock: Clock = field(default_factory=SystemClock)
    watcher: Watcher = field(default_factory=_Nobody)


@contextmanager
def client_of(service: Service, options: RunOptions) -> Iterator[Client]:
    """Open a client of an account; from now on the lines of the log name the account."""
    logs.run_mark().account = service.account_id
    logs.learn(service.key.secret)
    with Client(service, options.limits, clock=options.clock) as client:
        yield client


def run_account(service: Service, database: Database, plan: Plan, options: RunOptions) -> Outcome:
    """Read what `plan` asks for into the database, which is created if it is missing.

    Raises `Stopped` if another run has the account, a limit is reached, a signal came or the API
    does not answer; `DatabaseError`, `KeyRefused`, `UsageError`, `Failure`.
    """
    watcher = options.watcher
    with (
        client_of(service, options) as client,
        filling(database, client.time_left) as engine,
        _status_hint(plan.filters.status),
    ):
        log.info("reading account %s into %s", service.account_id, shown(database.url))
        context = Context(engine, client, service, options.redact, watcher.progress)
        with open_run(context, plan) as run, _saved(run.outcome, options.clock):
            watcher.begin(run)
            read(run, plan)
    return run.outcome


@contextmanager
def _saved(outcome: Outcome, clock: Clock) -> Iterator[None]:
    """Add to the message of a run that a signal ends how many jobs it has stored."""

    def after() -> str:
        return f" after {counted(len(outcome.seen), 'job')} were saved" if outcome.seen else ""

    try:
        yield
    except Stopped as error:
        if str(error) == interruption(clock.interrupted) and outcome.seen:
            raise Stopped(f"{clock.interrupted}{after()}{CONTINUES}") from None
        raise
    except Interrupted:
        raise Interrupted(f"interrupted{after()}{CONTINUES}") from None


@contextmanager
def _status_hint(status: str | None) -> Iterator[None]:
    """Take a refusal of an undocumented status for a typing error. Raises `UsageError`."""
    try:
        yield
    except RequestRefused as error:
        if status is None or status in STATUSES:
            raise
        known = suggestion(status, STATUSES)
        raise UsageError(f"--status {status!r}: {error}{known}") from None
