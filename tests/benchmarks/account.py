"""An account of any size as one file: the bodies of its jobs, one behind the other.

Each job is as in a list: its outputs and their fields, its package, its cluster, its creator. In
the usual shape it has two outputs of ten fields, about 2.6 kB. Some jobs finish out of order. The
file is a JSON array without its brackets, so that a page of the list is one slice of it. Beside it
lies an index.
"""

import random
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from .shapes import STEADY, Packages, Shape

ACCOUNT_ID = "acme"
FIRST = datetime(2023, 1, 1, tzinfo=UTC)
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
    outputs: int
    fields: int

    @property
    def rows(self) -> dict[str, int]:
        """Return the number of rows of each table that holds the account."""
        return {"jobs": self.jobs, "job_outputs": self.outputs, "output_fields": self.fields}


class Index(NamedTuple):
    """Where each job's body begins in the file, and its `updated_at` in seconds since 1970.

    `starts` has one more: where a next one would begin.
    """

    starts: "array[int]"
    updated: "array[int]"


def make(file: Path, jobs: int, open_jobs: int = 0, shape: Shape = STEADY) -> Account:
    """Write an account and its index."""
    starts, updated = array("q", [0]), array("q")
    outputs = fields = 0
    with file.open("wb") as opened:
        for document in documents(jobs, open_jobs, shape):
            body = msgspec.json.encode(document) + b","
            opened.write(body)
            starts.append(starts[-1] + len(body))
            updated.append(int(datetime.fromisoformat(document["updated_at"]).timestamp()))
            outputs += len(document["outputs"])
            fields += sum(len(output["component"]["fields"]) for output in document["outputs"])
    with _index_of(file).open("wb") as opened:
        starts.tofile(opened)
        updated.tofile(opened)
    return Account(file, jobs, open_jobs, outputs, fields)


def read_index(file: Path) -> Index:
    """Read the index of an account's file."""
    numbers = array("q")
    numbers.frombytes(_index_of(file).read_bytes())
    jobs = len(numbers) // 2
    return Index(numbers[: jobs + 1], numbers[jobs + 1 :])


def _index_of(file: Path) -> Path:
    return file.with_suffix(".index")


class _Run(NamedTuple):
    number: int
    package: int
    created: datetime
    is_open: bool


def documents(jobs: int, open_jobs: int = 0, shape: Shape = STEADY) -> Iterator[dict[str, Any]]:
    """Yield the jobs in the order of `created_at`; the same numbers give the same jobs."""
    chance = random.Random(jobs)  # noqa: S311 - an invention
    packages = Packages(shape, chance)
    still_open = range(jobs - NEWEST - open_jobs + 1, jobs - NEWEST + 1)
    for number in range(1, jobs + 1):
        created = FIRST + timedelta(seconds=number * shape.seconds_between_jobs)
        package = 1 + number * 7 % shape.packages
        packages.change(package)
        yield _job(_Run(number, package, created, number in still_open), packages, chance)


def _job(run: _Run, packages: Packages, chance: random.Random) -> dict[str, Any]:
    job_id, package, is_open = 1_000_000 + run.number, run.package, run.is_open
    started = run.created + timedelta(seconds=chance.randint(2, 90))
    seconds = int(chance.lognormvariate(6, 0.4))
    finished = started + timedelta(seconds=seconds)
    has_failed = not is_open and chance.random() < 0.05
    status = OPEN if is_open else "failed" if has_failed else "completed"
    day = (run.created - FIRST).days  # each has its cluster
    url = f"{_API}/jobs/{job_id}"
    outputs = [
        _output(job_id, place, packages.fields(package, place), _stamp(finished), chance)
        for place in range(1, packages.outputs(package) + 1)
    ]
    return {
        "id": job_id,
        "status": status,
        "variables": {"schema": "'warehouse'", "input_path": f"'s3://acme/{package}/*.avro'"},
        "dynamic_variables": {"_ADF_JOB_SUBMISSION_TIMESTAMP": f"'{_stamp(run.created)}'"},
        "owner_id": 8,
        "progress": 0.4 if is_open else 1.0,
        "attempts": packages.attempts(package, has_failed=has_failed),
        "master_auto_retry_attempts": 3,
        "outputs_count": len(outputs),
        "outputs": outputs,
        "started_at": _stamp(started),
        "created_at": _stamp(run.created),
        "updated_at": _stamp(started if is_open else finished),
        "failed_at": _stamp(finished) if has_failed else None,
        "completed_at": None if is_open else _stamp(finished),
        "cluster_id": 500 + day,
        "package_id": package,
        "errors": chance.choice(_ERRORS) if has_failed else None,
        "runtime_in_seconds": seconds,
        "url": url,
        "html_url": f"https://dashboard.xplenty.com/{ACCOUNT_ID}/jobs/{job_id}",
        "log_url": f"{url}/log",
        "creator": _creator(package),
        "package": _package(package),
        "cluster": _cluster(day),
    }


def _creator(schedule: int) -> dict[str, Any]:
    return {
        "type": "Schedule",
        "id": schedule,
        "display_name": f"Schedule {schedule}",
        "url": f"{_API}/schedules/{schedule}",
        "html_url": f"https://dashboard.xplenty.com/{ACCOUNT_ID}/schedules/{schedule}",
    }


def _package(package: int) -> dict[str, Any]:
    return {
        "id": package,
        "name": f"package_{package}",
        "description": "",
        "owner_id": 8,
        "created_at": _stamp(FIRST),
        "updated_at": _stamp(FIRST),
        "url": f"{_API}/packages/{package}",
        "status": "active",
    }


def _cluster(day: int) -> dict[str, Any]:
    return {
        "id": 500 + day,
        "name": "production",
        "status": "available",
        "owner_id": 8,
        "nodes": 4,
        "type": "production",
        "available_since": _stamp(FIRST + timedelta(days=day)),
        "region": "amazon-web-services::us-east-1",
        "url": f"{_API}/clusters/{500 + day}",
    }


def _output(
    job_id: int, place: int, fields: list[str], at: str, chance: random.Random
) -> dict[str, Any]:
    output_id = job_id * 10 + place
    url = f"{_API}/jobs/{job_id}/outputs/{output_id}"
    return {
        "id": output_id,
        "name": f"output_{place}",
        "records_count": chance.randint(0, 1_000_000),
        "progress": 1.0,
        "created_at": at,
        "updated_at": at,
        "url": url,
        "preview_url": f"{url}/preview",
        "preview_type": "json",
        "component": {
            "name": f"destination_{place}",
            "type": "database_destination_component",
            "fields": fields,
        },
    }


def _stamp(at: datetime) -> str:
    return at.isoformat()[:19] + "Z"  # in a third of the time of `strftime`
