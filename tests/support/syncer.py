"""A simulated account and a database; the sync from one into the other, and the command on both."""

import functools
import json
from datetime import timedelta
from typing import Any

from clock import Impatient
from command import Done, run
from counted_outputs import assert_counted
from lines import unmarked
from sqlalchemy import Engine, select

from snapshotter.api.client import Client
from snapshotter.api.records import read
from snapshotter.flatten import JobRows, flatten
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.store.ledger import Outcome
from snapshotter.store.tables import FIELDS, JOBS, OUTPUTS
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan, sync


class Syncer:
    """An account that is served, and a database that it is synced into."""

    def __init__(self, engine: Engine, account: SimulatedAccount, url: str) -> None:
        self.engine, self.account, self.url = engine, account, url

    def __call__(self, plan: Plan | None = None, key: str | None = None) -> Outcome:
        service = Service(self.account.account_id, Key(key or self.account.api_key), self.url)
        self.account.requests.clear()
        with Client(service, clock=Impatient()) as client:
            return sync(Context(self.engine, client, service, Redaction()), plan or Plan())

    @property
    def asked(self) -> list[str]:
        return [path.rsplit("/api/", 1)[1] for path, _query in self.account.requests]

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def assert_equal_to_the_account(self) -> None:
        """Compare every column of every row with what the account holds now."""
        expected = [
            _flattened(json.dumps(job).encode()) for _, job in sorted(self.account.jobs.items())
        ]
        stored = {row["id"]: row for row in self.rows(JOBS) if row["gone_at"] is None}
        assert sorted(stored) == [rows.job["id"] for rows in expected]
        for rows in expected:
            assert {name: stored[rows.job["id"]][name] for name in rows.job} == rows.job
        outputs = sorted((o for rows in expected for o in rows.outputs), key=lambda o: o["id"])
        assert sorted(self.rows(OUTPUTS), key=lambda o: o["id"]) == outputs
        fields = sorted(field for rows in expected for field in rows.fields)
        assert sorted(tuple(row.values()) for row in self.rows(FIELDS)) == fields
        with self.engine.connect() as connection:
            assert_counted(connection)


@functools.lru_cache(maxsize=20_000)
def _flattened(document: bytes) -> JobRows:
    """Return the rows of a job: most of them are compared again and again, and must not change."""
    return flatten(read(document), Redaction())


def history(account: SimulatedAccount, jobs: int) -> None:
    """Add finished jobs to the account, one a minute, the last an hour ago."""
    for n in range(jobs):
        at = account.now - timedelta(minutes=60 + jobs - n)
        account.add_job(created_at=at, started_at=at, completed_at=at, updated_at=at)


def command(syncer: Syncer, *words: str, **environment: str) -> Done:
    """Run `snapshotter` on the account and its database."""
    syncer.account.requests.clear()
    variables = {
        "XPLENTY_ACCOUNT_ID": syncer.account.account_id,
        "XPLENTY_API_KEY": syncer.account.api_key,
        "XPLENTY_API_URL": syncer.url,
        "SNAPSHOTTER_DATABASE_URL": syncer.engine.url.render_as_string(hide_password=False),
        **environment,
    }
    done = run(words, env=variables)
    assert "Traceback" not in done.stderr
    done.stderr = unmarked(done.stderr)
    return done
