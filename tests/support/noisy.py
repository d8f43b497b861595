"""Accounts in which nothing but chance happens, written into the tables without an API.

Each package has a schedule of its own (regular with jitter, on weekdays, or at random), log-normal
run times and records, and the failure rate that all have in common.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert

from snapshotter.store.tables import ACCOUNTS, JOBS, OUTPUTS, SNAPSHOTS
from snapshotter.times import epoch

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_DAY = 86_400
_FRIDAY = 5
Change = Callable[[dict[str, Any]], None]  # of a job, before it is stored


@dataclass(frozen=True)
class Noise:
    """An account of this many packages and days; `rate` is that of failures.

    Some packages may run like clockwork, twice a day.
    """

    seed: int
    packages: int = 500
    days: int = 60
    rate: float = 0.05
    account: str = "acme"
    clockwork: tuple[int, ...] = ()
    first_job: int = 10**6


def store_noise(engine: Engine, noise: Noise, change: Change = lambda _job: None) -> None:
    """Store the account; `change` may alter each job, or mark it as `is_dropped`."""
    chance = random.Random(noise.seed)  # noqa: S311 - no secret
    jobs = list(_jobs(chance, noise))
    for job in jobs:
        change(job)
    jobs = [job for job in jobs if not job.pop("is_dropped", False)]
    outputs = [
        {
            "id": job["id"],
            "job_id": job["id"],
            "name": "rows",
            "records_count": job.pop("records"),
            "fields_digest": "same",
        }
        for job in jobs
    ]
    known = {"account_id": noise.account, "watermark": NOW, "watermark_epoch": epoch(NOW)}
    counted = ("jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged", "jobs_rejected")
    run = {
        **known,
        **dict.fromkeys((*counted, "requests", "pages"), 1),
        "kind": "incremental",
        "status": "completed",
        "started_at": NOW,
        "started_epoch": epoch(NOW),
        "finished_at": NOW,
        "finished_epoch": epoch(NOW),
    }
    with engine.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(**known, api_url="https://x.example"))
        done = connection.execute(insert(SNAPSHOTS).values(run))
        key = done.inserted_primary_key
        assert key is not None
        connection.execute(insert(JOBS), [{**job, "snapshot_id": key[0]} for job in jobs])
        connection.execute(insert(OUTPUTS), outputs)


def _jobs(chance: random.Random, noise: Noise) -> Iterator[dict[str, Any]]:
    job_id = noise.first_job
    for package in range(1, noise.packages + 1):
        usual, spread = chance.lognormvariate(6.5, 1), chance.uniform(0.1, 0.8)
        records, scatter = chance.lognormvariate(9, 2), chance.uniform(0.1, 0.8)
        is_random = package not in noise.clockwork
        for at in _starts(chance, noise.days) if is_random else _clockwork(noise.days):
            job_id += 1
            job = _job(job_id, at, max(1, int(chance.lognormvariate(0, spread) * usual)))
            roll = chance.random()
            status = "failed" if roll < noise.rate else "stopped" if roll > 0.99 else "completed"
            yield {
                **job,
                "account_id": noise.account,
                "package_id": package,
                "package_name": f"package of {package}",
                "status": status,
                "error_fingerprint": f"Reason {chance.randrange(3)}"
                if status == "failed"
                else None,
                "records": max(1, int(chance.lognormvariate(0, scatter) * records)),
            }


def _starts(chance: random.Random, days: int) -> Iterator[datetime]:
    """Yield when the runs of a package begin: by a schedule, or at any time."""
    every = chance.choice((0.5, 1, 1, 2)) * _DAY
    kind = chance.choice(("regular", "weekdays", "random"))
    at = NOW - timedelta(days=days) + timedelta(seconds=chance.uniform(0, every))
    while at < NOW - timedelta(hours=3):
        jitter = timedelta(seconds=chance.uniform(0, 0.1 * every))
        if kind != "weekdays" or at.isoweekday() <= _FRIDAY:
            yield at + jitter
        gap = chance.expovariate(1 / every) if kind == "random" else every
        at += timedelta(seconds=gap)


def _clockwork(days: int) -> Iterator[datetime]:
    midnight = NOW.replace(hour=0)
    for half_days in range(2 * days, -1, -1):
        yield midnight - timedelta(hours=12 * half_days - 6)


def _job(job_id: int, at: datetime, seconds: int) -> dict[str, Any]:
    wait = 5 + job_id % 40
    started, finished = at + timedelta(seconds=wait), at + timedelta(seconds=wait + seconds)
    finished = min(finished, NOW)
    return {
        "id": job_id,
        "created_at": at,
        "started_at": started,
        "updated_at": finished,
        "finished_at": finished,
        "run_date": started.date(),
        "queue_seconds": wait,
        "runtime_in_seconds": seconds,
        "created_epoch": epoch(at),
        "started_epoch": epoch(started),
        "finished_epoch": epoch(finished),
        "html_url": f"https://xplenty.com/acme/jobs/{job_id}",
        "first_seen_at": finished,
        "last_changed_at": finished,
    }


def regular(change: Change, package: int | None = None) -> Change:
    """Return what makes each run take ten minutes, and then changes it.

    The change gets each job, or each of a package, with its `age` in days.
    """

    def changed(job: dict[str, Any]) -> None:
        if package is not None and job["package_id"] != package:
            return
        job["age"] = (NOW - job["created_at"]).total_seconds() / _DAY
        job |= {"status": "completed", "error_fingerprint": None, "records": 5000}
        job["runtime_in_seconds"] = 560 + job["id"] % 80
        change(job)
        del job["age"]

    return changed
