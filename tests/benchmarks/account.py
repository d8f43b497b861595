"""An account of any size as one file: the bodies of its jobs, one behind the other.

Each job is as in a list: two outputs of ten fields, its package, its cluster, its creator;
about 2.6 kB. A job starts every minute, and some finish out of order. The file is a JSON array
without its brackets, so that a page of the list is one slice of it. Beside it lies an index.
"""

import json
import random
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

ACCOUNT_ID = "acme"
FIRST = datetime(2023, 1, 1, tzinfo=UTC)
MINUTES_A_DAY = 24 * 60  # jobs of a day, all on its cluster
PACKAGES = 100
OUTPUTS, FIELDS = 2, 10  # of a job, and of an output
OPEN = "running"
NEWEST = 100  # jobs, none of which is open: a listing of what is new leaves the open ones out

_API = f"https://api.xplenty.com/{ACCOUNT_ID}/api"
_ERRORS = (
    "Job 1284 failed reading s3://acme-events/2024/05/17/part-00017.avro",
    "Out of memory: increase the number of nodes of the cluster.",
    "Connection to 10.0.3.17:5432 refused. Check that the host accepts TCP/IP connections.",
)


class Account(NamedTuple):
    """An account in a file; of the jobs before the last `NEWEST`, `open_jobs` still run."""

    file: Path
    jobs: int
    open_jobs: int

    @property
    def rows(self) -> dict[str, int]:
        """Return the number of rows of each table that holds the account."""
        outputs = self.jobs * OUTPUTS
        return {"jobs": self.jobs, "job_outputs": outputs, "output_fields": outputs * FIELDS}


class Index(NamedTuple):
    """Where each job's body begins in the file, and its `updated_at` in seconds since 1970.

    `starts` has one more: where a next one would begin.
    """

    starts: "array[int]"
    updated: "array[int]"


def make(file: Path, jobs: int, open_jobs: int = 0) -> Account:
    """Write an account and its index."""
    starts, updated = array("q", [0]), array("q")
    with file.open("wb") as opened:
        for document in documents(jobs, open_jobs):
            body = json.dumps(document, separators=(",", ":")).encode() + b","
            opened.write(body)
            starts.append(starts[-1] + len(body))
            updated.append(int(datetime.fromisoformat(document["updated_at"]).timestamp()))
    with _index_of(file).open("wb") as opened:
        starts.tofile(opened)
        updated.tofile(opened)
    return Account(file, jobs, open_jobs)


def read_index(file: Path) -> Index:
    """Read the index of an account's file."""
    numbers = array("q")
    numbers.frombytes(_index_of(file).read_bytes())
    jobs = len(numbers) // 2
    return Index(numbers[: jobs + 1], numbers[jobs + 1 :])


def _index_of(file: Path) -> Path:
    return file.with_suffix(".index")


def documents(jobs: int, open_jobs: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the jobs in the order of `created_at`; the same numbers give the same jobs."""
    chance = random.Random(jobs)  # noqa: S311 - an invention
    still_open = range(jobs - NEWEST - open_jobs + 1, jobs - NEWEST + 1)
    for number in range(1, jobs + 1):
        yield _job(number, chance, is_open=number in still_open)


def _job(number: int, chance: random.Random, *, is_open: bool) -> dict[str, Any]:
    job_id, package = 1_000_000 + number, 1 + number * 7 % PACKAGES
    created = FIRST + timedelta(minutes=number)
    started = created + timedelta(seconds=chance.randint(2, 90))
    seconds = int(chance.lognormvariate(6, 0.4))
    finished = started + timedelta(seconds=seconds)
    has_failed = not is_open and chance.random() < 0.05
    status = OPEN if is_open else "failed" if has_failed else "completed"
    url = f"{_API}/jobs/{job_id}"
    outputs = [
        _output(job_id * 10 + place, place, package, url, _stamp(finished), chance)
        for place in range(1, OUTPUTS + 1)
    ]
    return {
        "id": job_id,
        "status": status,
        "variables": {"schema": "'warehouse'", "input_path": f"'s3://acme/{package}/*.avro'"},
        "dynamic_variables": {"_ADF_JOB_SUBMISSION_TIMESTAMP": f"'{_stamp(created)}'"},
        "owner_id": 8,
        "progress": 0.4 if is_open else 1.0,
        "attempts": 0,
        "master_auto_retry_attempts": 3,
        "outputs_count": OUTPUTS,
        "outputs": outputs,
        "started_at": _stamp(started),
        "created_at": _stamp(created),
        "updated_at": _stamp(started if is_open else finished),
        "failed_at": _stamp(finished) if has_failed else None,
        "completed_at": None if is_open else _stamp(finished),
        "cluster_id": 500 + number // MINUTES_A_DAY,
        "package_id": package,
        "errors": chance.choice(_ERRORS) if has_failed else None,
        "runtime_in_seconds": seconds,
        "url": url,
        "html_url": f"https://dashboard.xplenty.com/{ACCOUNT_ID}/jobs/{job_id}",
        "log_url": f"{url}/log",
        "creator": {
            "type": "Schedule",
            "id": package,
            "display_name": f"Schedule {package}",
            "url": f"{_API}/schedules/{package}",
            "html_url": f"https://dashboard.xplenty.com/{ACCOUNT_ID}/schedules/{package}",
        },
        "package": {
            "id": package,
            "name": f"package_{package}",
            "description": "",
            "owner_id": 8,
            "created_at": _stamp(FIRST),
            "updated_at": _stamp(FIRST),
            "url": f"{_API}/packages/{package}",
            "status": "active",
        },
        "cluster": {
            "id": 500 + number // MINUTES_A_DAY,
            "name": "production",
            "status": "available",
            "owner_id": 8,
            "nodes": 4,
            "type": "production",
            "available_since": _stamp(FIRST + timedelta(days=number // MINUTES_A_DAY)),
            "region": "amazon-web-services::us-east-1",
            "url": f"{_API}/clusters/{500 + number // MINUTES_A_DAY}",
        },
    }


def _output(
    output_id: int, place: int, package: int, url: str, at: str, chance: random.Random
) -> dict[str, Any]:
    return {
        "id": output_id,
        "name": f"output_{place}",
        "records_count": chance.randint(0, 1_000_000),
        "progress": 1.0,
        "created_at": at,
        "updated_at": at,
        "url": f"{url}/outputs/{output_id}",
        "preview_url": f"{url}/outputs/{output_id}/preview",
        "preview_type": "json",
        "component": {
            "name": f"destination_{place}",
            "type": "database_destination_component",
            "fields": [f"column_{package}_{place}_{field}" for field in range(FIELDS)],
        },
    }


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
