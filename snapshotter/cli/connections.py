"""What a command opens and always closes again: the API of its account, a database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from snapshotter.cli.configuration import current
from snapshotter.settings import privacy

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from snapshotter.configured_accounts import Account
    from snapshotter.store.wait_limit import TimeLeft
    from snapshotter.sync.account_run import RunOptions

NO_ACCOUNTS = "no accounts yet; 'snapshotter sync' adds the first"


@dataclass(frozen=True)
class ApiOptions:
    """The values of the options of a command that asks the API."""

    api_key_file: Path | None
    timeout: float
    reserve_credits: int | None
    max_requests: int | None
    max_time: timedelta | None
    variables: str
    account: tuple[str, ...] = ()

    def accounts(self) -> "list[Account]":
        """Return the accounts to read. Raises `UsageError`."""
        from snapshotter.configured_accounts import accounts

        return accounts(os.environ, current(), self.account, self.api_key_file)

    @contextmanager
    def run_options(self) -> Iterator["RunOptions"]:
        """Return how runs go; in the block a signal stops them after the page that is being read.

        Raises `UsageError`.
        """
        from snapshotter.api.limits import Limits
        from snapshotter.interrupt import InterruptibleClock
        from snapshotter.redact import Redaction
        from snapshotter.sync.account_run import RunOptions

        kept = privacy(current().environment(os.environ), self.variables)
        hash_key = None if kept.hash_key is None else kept.hash_key.secret
        redact = Redaction(kept.variables, kept.secret_names, hash_key)
        seconds = None if self.max_time is None else self.max_time.total_seconds()
        limits = Limits(self.reserve_credits, self.max_requests, seconds)
        with InterruptibleClock() as clock:
            yield RunOptions(limits, redact, clock)


@contextmanager
def opened(
    database_url: str, *, read_only: bool, time_left: "TimeLeft | None" = None
) -> Iterator["Engine"]:
    """Open a database with any schema."""
    from snapshotter.store import opening

    with opening.opened(database_url, read_only=read_only, time_left=time_left) as engine:
        yield engine


@contextmanager
def reading(database_url: str, time_left: "TimeLeft | None" = None) -> Iterator["Engine"]:
    """Open a database that has this version's schema, to read. Raises `DatabaseError`."""
    from snapshotter.store import opening

    with opening.reading(database_url, time_left) as engine:
        yield engine


@contextmanager
def writing(
    database_url: str, time_left: "TimeLeft | None" = None, *, may_create: bool = False
) -> Iterator["Engine"]:
    """Open a database to write; if it is missing or empty and `may_create`, with new tables."""
    from snapshotter.store import opening

    with (
        opening.filling(opening.Database(database_url), time_left)
        if may_create
        else opening.writing(database_url, time_left)
    ) as engine:
        yield engine


def shown(database_url: str) -> str:
    """Return a database's URL without password and options, which may be secret too."""
    from snapshotter.store import opening

    return opening.shown(database_url)
