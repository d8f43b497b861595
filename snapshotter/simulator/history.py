"""The made-up history of a simulated account: its packages, and how their jobs go on.

Each package runs on its own schedule. What a job is at a moment follows from the seed and that
moment alone.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

WAITING = ("idle", "pending", "queued")
STOPPING = ("pending_stoppage", "stopping")
FINAL = ("completed", "failed", "stopped")
STATUSES = (*WAITING, "running", *STOPPING, *FINAL)

_PATHS = ((*WAITING, "running", "completed"), (*STOPPING, "stopped"))
_HOUR, _DAY = 3600, 86_400  # seconds
_FRIDAY = 5  # ISO weekday
_BY_USER, _EMPTY, _STOPPED = 0.04, 0.01, 0.01  # rates
_ERRORS = (
    "Package failed to execute.",
    "Connection to the source was refused.",
    "Out of memory: increase the number of nodes.",
)


@dataclass(frozen=True)
class Package:
    """A package on a schedule; times in seconds.

    `failing` is the rate of failed runs; `outputs` maps the name of an output to its field names.
    """

    id: int
    name: str
    every: int
    offset: int
    runtime: int
    failing: float
    records: int
    outputs: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)


_SLOWED, _SLOWING = "orders_to_warehouse", "product_catalogue"
_NARROWED, _LOST_COLUMN = "customer_profiles", "loyalty_tier"
_PACKAGES = (
    Package(434, _SLOWED, 4 * _HOUR, 0, 600, 0.03, 180_000, {
        "orders": "id customer_id placed_at status currency total_amount",
        "order_lines": "order_id line_number sku quantity unit_price",
    }, {"schema": "'warehouse'", "db_password": "'correct-horse'"}),
    Package(435, _NARROWED, 12 * _HOUR, 1800, 900, 0.02, 52_000, {
        "profiles": f"id email first_name last_name country segment {_LOST_COLUMN} updated_at",
    }),
    Package(436, "clickstream_sessions", 3 * _HOUR, 0, 1500, 0.05, 2_400_000, {
        "sessions": "session_id visitor_id started_at ended_at pages device browser country "
        "referrer campaign landing_page converted",
        "page_views": "session_id url viewed_at",
        "bot_traffic": "visitor_id user_agent hits",
    }, {"InputPath": "'/today'"}),
    Package(437, "inventory_levels", 6 * _HOUR, 900, 240, 0.02, 31_000, {
        "levels": "sku warehouse on_hand reserved counted_at",
    }),
    Package(438, "invoices_to_finance", _DAY, 5 * _HOUR, 420, 0.04, 8_500, {
        "invoices": "number customer_id issued_on due_on net tax gross",
        "credit_notes": "number invoice_number issued_on gross",
    }),
    Package(439, "marketing_spend", 12 * _HOUR, 2 * _HOUR, 180, 0.08, 1_200, {
        "spend": "day channel campaign impressions clicks cost",
    }, {"API_VERSION": "'v17'"}),
    Package(440, "support_tickets", _DAY, 6 * _HOUR, 300, 0.03, 4_300, {
        "tickets": "id opened_at closed_at priority agent satisfaction",
        "ticket_tags": "ticket_id tag added_at",
    }),
    Package(441, _SLOWING, _DAY, 6 * _HOUR, 1100, 0.02, 76_000, {
        "products": "sku title category brand price weight_grams launched_on discontinued",
    }),
)  # fmt: skip


@dataclass(frozen=True)
class Lifecycle:
    """How a job goes on: the moment from which it has each status, and how it ends.

    `outputs` are as they would be at progress 1; `reach` is the progress at the end.
    """

    timeline: dict[str, datetime]
    started_at: datetime | None
    outputs: list[dict[str, Any]]
    reach: float = 1.0
    error: str | None = None

    def update(self, job: dict[str, Any], now: datetime) -> None:
        """Make `job` what it is at `now`; `updated_at` changes when it starts and when it ends."""
        job["status"] = [status for status, at in self.timeline.items() if at <= now][-1]
        ended_at = max(self.timeline.values())
        if self.started_at is not None and self.started_at <= now:
            self._progress(job, now, self.started_at, ended_at)
        if job["status"] in FINAL:
            job["completed_at"] = job["updated_at"] = stamp(ended_at)
            job["failed_at"] = stamp(ended_at) if job["status"] == "failed" else None
            job["errors"] = self.error
            for output in job["outputs"]:
                output["updated_at"] = stamp(ended_at)

    def _progress(
        self, job: dict[str, Any], now: datetime, started_at: datetime, ended_at: datetime
    ) -> None:
        if job["started_at"] is None:
            job["started_at"] = job["updated_at"] = stamp(started_at)
            job["log_url"] = f"{job['url']}/log"
        span = max(1.0, (ended_at - started_at).total_seconds())
        runtime = (min(now, ended_at) - started_at).total_seconds()
        share = max(job["progress"] or 0, round(self.reach * runtime / span, 4))
        job.update(progress=share, runtime_in_seconds=int(runtime))
        job["outputs"] = [
            {**output, "progress": share, "records_count": int(output["records_count"] * share)}
            for output in self.outputs
        ]
        job["outputs_count"] = len(job["outputs"])


@dataclass(frozen=True)
class _Fate:
    """What is drawn by lot for a job before it starts; times in seconds."""

    by_user: bool
    wait: int
    runtime: float
    records: float
    status: str
    reach: float
    error: str | None
    retries: int

    def timeline(self, at: datetime) -> dict[str, datetime]:
        """Return the moment from which a job created at `at` has each status."""
        started_at = at + timedelta(seconds=self.wait)
        ended_at = started_at + timedelta(seconds=max(60, int(self.runtime * self.reach)))
        moments = {WAITING[n]: at + timedelta(seconds=self.wait * n // 3) for n in range(3)}
        moments["running"] = started_at
        if self.status == "stopped":
            moments |= {STOPPING[n]: ended_at - timedelta(seconds=30 - 15 * n) for n in range(2)}
        moments[self.status] = ended_at
        return moments


def stamp(at: datetime) -> str:
    """Return a time as the API writes it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def due(after: datetime, until: datetime) -> list[tuple[datetime, Package]]:
    """Return what the schedules start after one moment, up to and including another, in order."""
    begin, end = after.timestamp(), until.timestamp()
    turns = [
        (datetime.fromtimestamp(turn * package.every + package.offset, UTC), package)
        for package in _PACKAGES
        for turn in range(
            int((begin - package.offset) // package.every) + 1,
            int((end - package.offset) // package.every) + 1,
        )
    ]
    return sorted(turns, key=lambda item: (item[0], item[1].id))


def history(until: datetime, days: int) -> list[tuple[datetime, Package, bool]]:
    """Return what was started in the days before a moment, in order, and whether by a user.

    At that moment the last four are idle, pending, queued and running.
    """
    launches = [(at, package, False) for at, package in due(until - timedelta(days), until)]
    for package, age in zip(_PACKAGES[-4:], (30, 150, 270, 600), strict=True):
        launches.append((until - timedelta(seconds=age), package, True))
    return sorted(launches, key=lambda launch: launch[0])


class JobFactory:
    """Makes the jobs of one account. `now` is its first moment, which the trends lead up to."""

    def __init__(self, account_id: str, seed: int, now: datetime) -> None:
        self._account_id, self._seed = account_id, seed
        self._url = f"https://api.xplenty.com/{account_id}/api"
        self._slowed_from, self._narrowed_from = now - timedelta(days=21), now - timedelta(days=14)
        self._slowing_from = now - timedelta(days=6)

    def launch(
        self, job_id: int, package: Package, at: datetime, *, by_hand: bool = False
    ) -> tuple[dict[str, Any], Lifecycle]:
        """Return a schedule's job and how it goes on; one started `by_hand` waits for long."""
        chance = random.Random(f"{self._seed}/{package.name}/{stamp(at)}")  # noqa: S311 - no secret
        fate = self._fate(chance, package, at, by_hand=by_hand)
        timeline = fate.timeline(at)
        started_at = timeline["running"]
        creator = ("User", 8) if fate.by_user else ("Schedule", package.id)
        job = self.document(
            job_id,
            at,
            status="idle",
            package_id=package.id,
            variables=dict(package.variables),
            dynamic_variables={"RUN_DATE": f"'{at:%Y-%m-%d}'"},
            creator=self._creator(*creator),
            attempts=0 if fate.by_user else fate.retries,
            master_auto_retry_attempts=None if fate.by_user else 3,
        )
        outputs = []
        for number, (name, columns) in enumerate(package.outputs.items(), 1):
            fields = columns.split()
            if package.name == _NARROWED and at >= self._narrowed_from:
                fields.remove(_LOST_COLUMN)
            count = int(fate.records * chance.uniform(0.9, 1.1) / number)
            outputs.append(self._output(job_id * 10 + number, started_at, count, (name, fields)))
        return job, Lifecycle(timeline, started_at, outputs, fate.reach, fate.error)

    def _fate(
        self, chance: random.Random, package: Package, at: datetime, *, by_hand: bool
    ) -> _Fate:
        """Draw how a job of this package goes. The order of the draws decides the history."""
        by_user = chance.random() < _BY_USER or by_hand
        wait = 300 if by_hand else 5 + int(chance.expovariate(1 / 30))
        slow_from = {_SLOWED: self._slowed_from, _SLOWING: self._slowing_from}.get(package.name)
        slowness = 2 if slow_from is not None and at >= slow_from else 1
        runtime = package.runtime * slowness * chance.lognormvariate(0, 0.12)
        records = package.records * chance.lognormvariate(0, 0.1) * (chance.random() > _EMPTY)
        if at.isoweekday() > _FRIDAY:
            records *= 0.6
        status, reach, error = "completed", 1.0, None
        roll = chance.random()
        if not by_hand and roll < package.failing + _STOPPED:
            failed = roll < package.failing
            status, reach = ("failed" if failed else "stopped"), round(chance.uniform(0.1, 0.9), 4)
            error = chance.choice(_ERRORS) if failed else None
        elif by_hand:
            runtime = 1200
        retries = chance.choices((0, 1, 2), (95, 4, 1))[0] if status == "completed" else 3
        return _Fate(by_user, wait, runtime, records, status, reach, error, retries)

    def lifecycle(self, job: dict[str, Any], at: datetime) -> Lifecycle | None:
        """Return how a job that is open at `at` goes on; None for any other job.

        It changes its status every 30 seconds and ends after 10 minutes, when each output has its
        given records, or 1,000 if that is more.
        """
        path = next((path for path in _PATHS if job["status"] in path[:-1]), None)
        if path is None:
            return None
        steps = path[path.index(job["status"]) :]
        moments = [at + timedelta(seconds=30 * n) for n in range(len(steps))]
        moments[-1] = at + timedelta(seconds=600)
        timeline = dict(zip(steps, moments, strict=True))
        started_at = timeline.get("running")
        if job["started_at"] is not None:
            started_at = datetime.fromisoformat(job["started_at"])
        outputs = job["outputs"] or [self._output(job["id"] * 10 + 1, at)]
        whole = [{**o, "records_count": max(1000, o["records_count"] or 0)} for o in outputs]
        return Lifecycle(timeline, started_at, whole)

    def document(self, job_id: int, at: datetime, **given: Any) -> dict[str, Any]:
        """Return a job as in lists, created at `at`, with the given fields in place of its own."""
        given = {k: stamp(v) if isinstance(v, datetime) else v for k, v in given.items()}
        status = given.get("status", "completed")
        waits, ended = status in WAITING, status in FINAL
        own = [] if waits else [self._output(job_id * 10 + 1, at, int(ended))]
        outputs = given.get("outputs", own)
        url = f"{self._url}/jobs/{job_id}"
        job = {
            "id": job_id,
            "status": status,
            "owner_id": 8,
            "progress": 1 if status == "completed" else 0,
            "outputs_count": len(outputs or []),
            "outputs": outputs,
            "variables": {},
            "dynamic_variables": {},
            "created_at": (created_at := given.get("created_at", stamp(at))),
            "started_at": None if waits else created_at,
            "updated_at": None,
            "failed_at": created_at if status == "failed" else None,
            "completed_at": created_at if ended else None,
            "errors": _ERRORS[0] if status == "failed" else None,
            "runtime_in_seconds": 0,
            "attempts": 0,
            "master_auto_retry_attempts": None,
            "package_id": given.get("package_id", _PACKAGES[0].id),
            "cluster_id": given.get("cluster_id", at.toordinal() - 730_000),  # a new one each day
            "url": url,
            "html_url": url.replace("//api.", "//").replace("/api/", "/"),
            "log_url": None if waits else f"{url}/log",
            "creator": self._creator("Schedule", 1),
            **given,
        }
        job.setdefault("package", self._package(job["package_id"], at))
        job.setdefault("cluster", self._cluster(job["cluster_id"], at))
        if "updated_at" not in given:
            times = [job[f"{name}_at"] for name in ("created", "started", "failed", "completed")]
            job["updated_at"] = max((time for time in times if time), default=stamp(at))
        return job

    def _output(
        self,
        output_id: int,
        at: datetime,
        count: int = 0,
        shape: tuple[str, Sequence[str]] = ("results", ("id", "name", "updated_at")),
    ) -> dict[str, Any]:
        """Return an output of this shape, which is its name and those of its fields."""
        name, fields = shape
        url = f"{self._url}/jobs/{output_id // 10}/outputs/{output_id}"
        kind = "database_destination_component"
        return {
            "id": output_id,
            "name": name,
            "records_count": count,
            "progress": 1 if count else 0,
            "created_at": stamp(at),
            "updated_at": stamp(at),
            "url": url,
            "preview_url": f"{url}/preview",
            "preview_type": "json",
            "component": {"name": f"{name}_destination", "type": kind, "fields": list(fields)},
        }

    def _creator(self, kind: str, creator_id: int) -> dict[str, Any]:
        path = f"{kind.lower()}s/{creator_id}"
        return {
            "type": kind,
            "id": creator_id,
            "display_name": f"{kind} {creator_id}",
            "url": f"{self._url}/{path}",
            "html_url": f"https://xplenty.com/{self._account_id}/{path}",
        }

    def _package(self, package_id: int, at: datetime) -> dict[str, Any]:
        name = next((p.name for p in _PACKAGES if p.id == package_id), f"package_{package_id}")
        changed_at = {_SLOWED: self._slowed_from, _NARROWED: self._narrowed_from}.get(name)
        created_at = "2025-03-12T07:09:18Z"
        return {
            "id": package_id,
            "name": name,
            "description": name.replace("_", " "),
            "variables": {},
            "owner_id": 8,
            "status": "active",
            "created_at": created_at,
            "updated_at": stamp(changed_at) if changed_at and changed_at <= at else created_at,
            "url": f"{self._url}/packages/{package_id}",
        }

    def _cluster(self, cluster_id: int, at: datetime) -> dict[str, Any]:
        midnight = at.replace(hour=0, minute=0, second=0)
        return {
            "id": cluster_id,
            "name": f"production {cluster_id}",
            "status": "available",
            "owner_id": 8,
            "nodes": 4 if at.isoweekday() <= _FRIDAY else 2,
            "type": "production",
            "region": "amazon-web-services::us-east-1",
            "created_at": stamp(midnight - timedelta(minutes=8)),
            "updated_at": stamp(midnight),
            "available_since": stamp(midnight),
            "url": f"{self._url}/clusters/{cluster_id}",
            "html_url": f"https://xplenty.com/{self._account_id}/clusters/{cluster_id}",
        }
