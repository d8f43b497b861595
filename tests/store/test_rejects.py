"""The records that are set aside, as they are listed and grouped."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from rejecting import refused
from sqlalchemy import Engine, insert
from syncer import Syncer

from snapshotter.store import rejects
from snapshotter.store.backoff import PAUSES
from snapshotter.store.tables import REJECTS

NOW = datetime(2026, 1, 31, tzinfo=UTC)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@sqlite
def test_groups_of_what_is_set_aside(syncer: Syncer) -> None:
    bad = refused(syncer, 7)
    nameless = syncer.account.add_job(id=5_000)
    del nameless["id"]
    syncer()
    first, second = rejects.grouped(syncer.engine)
    assert (first.reason, first.count) == (
        "output … already belongs to job …, at `$.outputs[…].id`",
        7,
    )
    assert first.job_ids == bad[:5]
    set_at = syncer.account.now - timedelta(minutes=2)
    assert (first.first_at, first.last_at, first.next_attempt_at) == (
        *(set_at, set_at),
        set_at + PAUSES[0],
    )
    assert (second.count, second.job_ids, second.first_at) == (1, [], syncer.account.now)
    assert rejects.grouped(syncer.engine, "other") == []


MEMORY = """
import resource, sys
from datetime import UTC, datetime
from snapshotter.store import rejects
from snapshotter.sync import reconcile
from snapshotter.store.engine import open_engine
engine = open_engine(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(rejects.states(engine)) == int(sys.argv[2])
assert sum(1 for _ in rejects.listed(engine)) == int(sys.argv[2])
reconcile.index(engine, "acme")
rejects.grouped(engine)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@sqlite
@pytest.mark.parametrize(("count", "size"), [(20_000, 2_000), (12, 10_000_000)])
def test_many_or_large_ones_take_little_memory(engine: Engine, count: int, size: int) -> None:
    rows = [
        {
            "snapshot_id": 1,
            "account_id": "acme",
            "job_id": n,
            "reason": f"job {n}: no",
            "payload": json.dumps({"id": n, "x": "x" * size}),
            "digest": str(n),
            "rejected_at": NOW,
        }
        for n in range(count)
    ]
    with engine.begin() as connection:
        for start in range(0, count, 100):
            connection.execute(insert(REJECTS), rows[start : start + 100])
    del rows
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", MEMORY, url, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 150
