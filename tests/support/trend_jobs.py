"""Jobs and runs on one Monday, for trends computed by hand."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from samples import store
from sqlalchemy import Engine, insert

from snapshotter.store.tables import ACCOUNTS, SNAPSHOTS
from snapshotter.times import epoch

DAY = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


def ran(job_id: int, seconds: int | None, **fields: Any) -> dict[str, Any]:
    """Return a completed job of package 1 that began on `DAY` and ran that long."""
    at = (DAY + timedelta(minutes=job_id)).isoformat()
    return {
        "id": job_id,
        "status": "completed",
        "package_id": 1,
        "package": {"id": 1, "name": "one"},
        "created_at": at,
        "started_at": at,
        "runtime_in_seconds": seconds,
        **fields,
    }


def ended(job_id: int, minute: float, seconds: int = 60, **fields: Any) -> dict[str, Any]:
    """Return a job of package 1 that began that many minutes after `DAY` and ran that long."""
    began = DAY + timedelta(minutes=minute)
    return ran(
        job_id,
        seconds,
        **{
            "created_at": began.isoformat(),
            "started_at": began.isoformat(),
            "completed_at": (began + timedelta(seconds=seconds)).isoformat(),
            **fields,
        },
    )


put = partial(store, at=DAY)


def known_until(engine: Engine, at: datetime, account_id: str = "acme") -> None:
    row = {"account_id": account_id, "api_url": "", "watermark": at, "watermark_epoch": epoch(at)}
    with engine.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(row))


def ahead(job_id: int, **fields: Any) -> dict[str, Any]:
    at = "2046-01-01T00:00:00Z"
    times = {"created_at": at, "started_at": at, "completed_at": "2046-01-01T01:00:00Z"}
    return ran(job_id, 3600, **{**times, **fields})


def log_two_runs(engine: Engine) -> None:
    at = DAY + timedelta(hours=10)
    none = dict.fromkeys(
        ("jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged", "jobs_rejected"), 0
    )
    known = {"account_id": "acme", "requests": 3, "pages": 1, **none}
    runs = (
        (1, "full", "completed", at, 30, at, None),
        (2, "jobs", "partial", at + timedelta(hours=1), 10, None, "no more"),
    )
    with engine.begin() as connection:
        for number, kind, status, began, seconds, watermark, error in runs:
            finished = began + timedelta(seconds=seconds)
            connection.execute(
                insert(SNAPSHOTS).values(
                    id=number,
                    kind=kind,
                    status=status,
                    error=error,
                    started_at=began,
                    started_epoch=epoch(began),
                    finished_at=finished,
                    finished_epoch=epoch(finished),
                    watermark=watermark,
                    watermark_epoch=epoch(watermark),
                    **known,
                )
            )
