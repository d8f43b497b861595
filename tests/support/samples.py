"""The vendor's sample answers, as they are in its documentation."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from snapshotter.api import records
from snapshotter.redact import Redaction
from snapshotter.store.load import load
from snapshotter.store.prepared import prepare
from snapshotter.store.write import Stamp

FOLDER = Path(__file__).parent.parent / "data"


def sample(name: str) -> Any:
    """Return the sample `list-jobs`, `job-information` or `job-with-log-summary`."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def job(**fields: Any) -> dict[str, Any]:
    """Return a completed job of one output, as the API answers, with `fields` replaced."""
    return {
        "id": 7,
        "status": "completed",
        "owner_id": 1,
        "progress": 1,
        "outputs_count": 1,
        "outputs": [
            {
                "id": 70,
                "name": "orders",
                "records_count": 1200,
                "created_at": "2026-01-02T03:05:00Z",
                "updated_at": "2026-01-02T03:06:00Z",
                "url": "https://api.xplenty.com/acme/api/jobs/7/outputs/70",
                "component": {"name": "to_db", "type": "database", "fields": ["id", "total"]},
            }
        ],
        "variables": {"day": "'2026-01-01'"},
        "created_at": "2026-01-02T03:04:05Z",
        "started_at": "2026-01-02T03:04:15Z",
        "updated_at": "2026-01-02T03:06:05Z",
        "completed_at": "2026-01-02T03:06:05Z",
        "failed_at": None,
        "cluster_id": 52,
        "package_id": 434,
        "errors": "",
        "runtime_in_seconds": 110,
        "package": {"id": 434, "name": "orders"},
        "cluster": {"id": 52, "name": "nightly", "nodes": 2},
        **fields,
    }


def store(engine: Engine, *jobs: dict[str, Any], at: datetime, account_id: str = "acme") -> None:
    """Load jobs of an account as the API answers them, seen at that time."""
    prepared = [prepare(records.read(json.dumps(each).encode()), Redaction()) for each in jobs]
    with engine.begin() as connection:
        load(connection, Stamp(account_id, 1, at), prepared)
