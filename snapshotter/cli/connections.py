"""What a command opens and always closes again: the API of its account, a database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from snapshotter import logs
from snapshotter.cli.configuration import current
from snapshotter.configured_accounts import accounts
from snapshotter.settings import Service, privacy

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from snapshotter.api.client import Client
    from snapshotter.redact import Redaction
    from snapshotter.store.wait_limit import TimeLeft

NO_ACCOUNTS = "no accounts yet; 'snapshotter sync' adds the first"


class ApiConnection(NamedTuple):
    """A client of the API, whose account it reads, and how secrets of the answers are stored."""

    client: "Client"
    service: Service
    redact: "Redaction"


@dataclass(frozen=True)
class ApiOptions:
    """The values of the options of a command that asks the API."""

    api_key_file: Path | None
    timeout: float
    reserve_credits: int | None
    max_requests: int | None
    max_time: timedelta | None
    variables: str

    @contextmanager
    def connect(self) -> Iterator[ApiConnection]:
        """Open a client of the API; a signal stops it after the page that is being read."""
        from snapshotter.api.client import Client
        from snapshotter.api.limits import Limits
        from snapshotter.interrupt import InterruptibleClock
        from snapshotter.redact import Redaction

        (account,) = accounts(os.environ, current(), key_file=self.api_key_file)
        xplenty = account.service(self.timeout)
        logs.ABOUT.account = xplenty.account_id
        logs.learn(xplenty.key.secret)
        kept = privacy(current().environment(os.environ), self.variables)
        hash_key = None if kept.hash_key is None else kept.hash_key.secret
        redact = Redaction(kept.variables, kept.secret_names, hash_key)
        seconds = None if self.max_time is None else self.max_time.total_seconds()
        limits = Limits(self.reserve_credits, self.max_requests, seconds)
        with InterruptibleClock() as clock, Client(xplenty, limits, clock=clock) as client:
            yield ApiConnection(client, xplenty, redact)


@contextmanager
def opened(
    database_url: str, *, read_only: bool, time_left: "TimeLeft | None" = None
) -> Iterator["Engine"]:
    """Open a database with any schema."""
    from snapshotter.store.engine import open_engine

    engine = open_engine(database_url, read_only=read_only, time_left=time_left)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def reading(database_url: str, time_left: "TimeLeft | None" = None) -> Iterator["Engine"]:
    """Open a database that has this version's schema, to read. Raises `DatabaseError`."""
    from snapshotter.store.engine import named_errors
    from snapshotter.store.revisions import require_head

    with opened(database_url, read_only=True, time_left=time_left) as engine:
        require_head(engine)
        with named_errors():
            yield engine


@contextmanager
def writing(
    database_url: str, time_left: "TimeLeft | None" = None, *, may_create: bool = False
) -> Iterator["Engine"]:
    """Open a database to write; if it is missing or empty and `may_create`, with new tables."""
    from snapshotter.store.engine import named_errors
    from snapshotter.store.revisions import require_head

    if not may_create:
        with reading(database_url, time_left):  # which does not create a missing file
            pass
    with opened(database_url, read_only=False, time_left=time_left) as engine:
        require_head(engine, may_create=may_create)
        with named_errors():
            yield engine


def shown(database_url: str) -> str:
    """Return a database's URL without password and options, which may be secret too."""
    from snapshotter.errors import UsageError
    from snapshotter.store import urls

    try:
        return urls.shown(*urls.parse(database_url))
    except UsageError:
        return "a database whose URL cannot be read"


def database_path(database_url: str) -> Path | None:
    """Return the file of a SQLite database, whether or not it exists; None for other databases."""
    from snapshotter.errors import UsageError
    from snapshotter.store import urls

    try:
        url, _ = urls.parse(database_url)
    except UsageError:
        return None
    is_file = url.get_backend_name() == "sqlite" and url.database
    return Path(str(url.database)).absolute() if is_file else None
