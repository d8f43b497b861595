"""The whole way on a simulated account: no key, no network beyond loopback."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from snapshotter.api.client import Client
from snapshotter.errors import UsageError
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import Account, serve
from snapshotter.store.engine import connect
from snapshotter.store.revisions import require_head
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Outcome, Plan, sync

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOURS_LATER = 6


def run(path: Path, tell: Callable[[str], None], show: Callable[[Outcome], str]) -> None:
    """Make `path` the history of a simulated account, synced twice with some hours between.

    Raises `UsageError` when the file is there already: it may be worth keeping.
    """
    if os.path.lexists(path):  # false, too, where the folder may not be read: connecting tells
        raise UsageError(
            f"{str(path)!r} is there already; remove it, or name another by --database"
        )
    account = Account(now=NOW)
    account.populate()
    engine = connect(f"sqlite:///{path}")
    require_head(engine, may_create=True)
    with serve(account) as url:
        service = Service(account.account_id, Key(account.api_key), url)
        tell(f"a simulated account at {url}, {len(account.jobs):,} jobs; first sync into {path}:")
        for passing in (HOURS_LATER * 3600, 0):
            with Client(service) as client:
                tell("  " + show(sync(Context(engine, client, service, Redaction()), Plan())))
            if passing:
                account.advance(passing)
                tell(f"{HOURS_LATER} hours pass; second sync:")
    engine.dispose()
