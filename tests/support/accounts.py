"""Stored accounts, each with a run, a record set aside and jobs."""

import json
from datetime import UTC, datetime
from typing import Any

from samples import job
from sqlalchemy import Engine, insert

from snapshotter.api import records
from snapshotter.redact import Redaction
from snapshotter.store.load import load
from snapshotter.store.log_summaries import FailedJob, put
from snapshotter.store.prepared import prepare
from snapshotter.store.tables import ACCOUNTS, REJECTS, SNAPSHOTS
from snapshotter.store.write import Stamp

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
URL = "https://api.xplenty.com"


def add(engine: Engine, account_id: str, *job_ids: int, answered: bool = True) -> None:
    """Add an account with a run, a record set aside, and jobs of two outputs and a log summary."""
    run: dict[str, Any] = {"account_id": account_id, "kind": "full", "status": "completed"}
    jobs = ("jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged", "jobs_rejected")
    run |= dict.fromkeys(("requests", "pages", *jobs), 0)
    aside = {"snapshot_id": 1, "account_id": account_id, "reason": "x", "payload": "{}"}
    with engine.begin() as connection:
        mark = {"account_id": account_id, "api_url": URL, "watermark": NOW}
        none = {"account_id": account_id, "api_url": ""}
        connection.execute(insert(ACCOUNTS).values(mark if answered else none))
        key = connection.execute(insert(SNAPSHOTS).values(run | {"started_at": NOW}))
        (run_id,) = key.inserted_primary_key or (0,)
        connection.execute(insert(REJECTS).values(aside | {"rejected_at": NOW}))
        for job_id in job_ids:
            outputs = [{"id": 10 * job_id + n, "fields": ["a", "b"]} for n in (1, 2)]
            document: dict[str, Any] = job(id=job_id, outputs=outputs)
            record = records.read(json.dumps(document).encode())
            load(connection, Stamp(account_id, run_id, NOW), [prepare(record, Redaction())])
            put(connection, FailedJob(job_id, None, 0), None, NOW)
