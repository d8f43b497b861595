"""An Xplenty account that behaves as the API's documentation says, served over HTTP on loopback.

`Account` holds jobs and a clock of its own; `serve` puts it behind a real server. It lists jobs
(status, sort, direction, since, package_id, offset, limit, Link), gives one job with or without its
log summary, and tells the credits; it checks the key and the Accept header, spends credits, renews
them with the hour, and compresses. `populate` invents a history with trends to find, `advance` lets
time pass: what a job is at a moment is a function of the seed and that moment alone, so the same
seed gives the same jobs, in however many steps the clock got there.
"""

import base64
import gzip
import json
import random
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

ACCEPT = "application/vnd.xplenty+json; version=2"
WAITING = ("idle", "pending", "queued")
STOPPING = ("pending_stoppage", "stopping")
FINAL = ("completed", "failed", "stopped")
_PATHS = ((*WAITING, "running", "completed"), (*STOPPING, "stopped"))
STATUSES = (*WAITING, "running", *STOPPING, *FINAL)

_HOUR, _DAY = 3600, 86_400  # seconds
_FRIDAY = 5  # ISO weekday
_COMPRESSED_FROM = 1024  # bytes
_BY_USER, _EMPTY, _STOPPED = 0.04, 0.01, 0.01  # rates of the invented history
_ERRORS = (
    "Package failed to execute.",
    "Connection to the source was refused.",
    "Out of memory: increase the number of nodes.",
)


@dataclass(frozen=True)
class Request:
    """A request as it came; header names are looked up in any case."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message


@dataclass(frozen=True)
class Answer:
    """What to send. The server adds Date, X-RateLimit-* and Content-Length where not named here."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class _Refused(Exception):
    """The request is answered with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Package:
    """A package on a schedule; times in seconds, `outputs` as name: names of the fields."""

    id: int
    name: str
    every: int
    offset: int
    runtime: int
    failing: float
    records: int
    outputs: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)


_SLOWED, _NARROWED, _LOST_COLUMN = "orders_to_warehouse", "customer_profiles", "loyalty_tier"
_PACKAGES = (
    _Package(434, _SLOWED, 4 * _HOUR, 0, 600, 0.03, 180_000, {
        "orders": "id customer_id placed_at status currency total_amount",
        "order_lines": "order_id line_number sku quantity unit_price",
    }, {"schema": "'warehouse'", "db_password": "'correct-horse'"}),
    _Package(435, _NARROWED, 12 * _HOUR, 1800, 900, 0.02, 52_000, {
        "profiles": f"id email first_name last_name country segment {_LOST_COLUMN} updated_at",
    }),
    _Package(436, "clickstream_sessions", 3 * _HOUR, 0, 1500, 0.05, 2_400_000, {
        "sessions": "session_id visitor_id started_at ended_at pages device browser country "
        "referrer campaign landing_page converted",
        "page_views": "session_id url viewed_at",
        "bot_traffic": "visitor_id user_agent hits",
    }, {"InputPath": "'/today'"}),
    _Package(437, "inventory_levels", 6 * _HOUR, 900, 240, 0.02, 31_000, {
        "levels": "sku warehouse on_hand reserved counted_at",
    }),
    _Package(438, "invoices_to_finance", _DAY, 5 * _HOUR, 420, 0.04, 8_500, {
        "invoices": "number customer_id issued_on due_on net tax gross",
        "credit_notes": "number invoice_number issued_on gross",
    }),
    _Package(439, "marketing_spend", 12 * _HOUR, 2 * _HOUR, 180, 0.08, 1_200, {
        "spend": "day channel campaign impressions clicks cost",
    }, {"API_VERSION": "'v17'"}),
    _Package(440, "support_tickets", _DAY, 6 * _HOUR, 300, 0.03, 4_300, {
        "tickets": "id opened_at closed_at priority agent satisfaction",
        "ticket_tags": "ticket_id tag added_at",
    }),
    _Package(441, "product_catalogue", _DAY, 6 * _HOUR, 1100, 0.02, 76_000, {
        "products": "sku title category brand price weight_grams launched_on discontinued",
    }),
)  # fmt: skip


@dataclass(frozen=True)
class _Run:
    """What will become of a job: the moments from which it has each status, and how it ends.

    `outputs` are as they would be at progress 1; `reach` is the progress at the end.
    """

    timeline: dict[str, datetime]
    started_at: datetime | None
    outputs: list[dict[str, Any]]
    reach: float = 1.0
    error: str | None = None

    def unfold(self, job: dict[str, Any], now: datetime) -> None:
        """Make `job` what it is at `now`; `updated_at` moves when it starts and when it ends."""
        job["status"] = [status for status, at in self.timeline.items() if at <= now][-1]
        ended_at = max(self.timeline.values())
        if self.started_at is not None and self.started_at <= now:
            if job["started_at"] is None:
                job["started_at"] = job["updated_at"] = stamp(self.started_at)
                job["log_url"] = f"{job['url']}/log"
            span = max(1.0, (ended_at - self.started_at).total_seconds())
            runtime = (min(now, ended_at) - self.started_at).total_seconds()
            share = max(job["progress"] or 0, round(self.reach * runtime / span, 4))
            job.update(progress=share, runtime_in_seconds=int(runtime))
            job["outputs"] = [
                {**output, "progress": share, "records_count": int(output["records_count"] * share)}
                for output in self.outputs
            ]
            job["outputs_count"] = len(job["outputs"])
        if job["status"] in FINAL:
            job["completed_at"] = job["updated_at"] = stamp(ended_at)
            job["failed_at"] = stamp(ended_at) if job["status"] == "failed" else None
            job["errors"] = self.error
            for output in job["outputs"]:
                output["updated_at"] = stamp(ended_at)


def stamp(at: datetime) -> str:
    """Render a time as the API does: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Account:
    """An account's jobs, clock and credits. Methods may be called while it is being served.

    `jobs` are the API's answers by id: change them under `lock`, then call `touch`. `requests` are
    the path and query string of every request, in order. `intercept` is asked first of all, before
    the key is checked and credits are charged, and outside the lock; what it gives is sent as it
    stands, and None leaves the request to the account.
    """

    def __init__(
        self,
        account_id: str = "acme",
        api_key: str = "demo-key",
        *,
        seed: int = 1,
        now: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC),
        credits: int = 5000,  # noqa: A002 - the API's word
        page_cap: int = 100,
    ) -> None:
        self.account_id, self.api_key, self.seed, self.now = account_id, api_key, seed, now
        self.credits = self.credits_remaining = credits
        self.page_cap = page_cap
        self.jobs: dict[int, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.intercept: Callable[[Request], Answer | None] | None = None
        self.lock = threading.RLock()
        self._runs: dict[int, _Run] = {}  # of the jobs that are still open
        self._lists: dict[tuple[Any, ...], list[int]] = {}
        self._next_id = 1001
        self._scheduled = False
        self._url = f"https://api.xplenty.com/{account_id}/api"
        self._slowed_from, self._narrowed_from = now - timedelta(days=21), now - timedelta(days=14)

    def add_job(self, **fields: Any) -> dict[str, Any]:
        """Add a job with every documented field, made and completed just now where not given.

        Times may be given as datetimes. `updated_at` is by default the latest of its other times.
        An open job moves on with `advance`: a step each 30 seconds, its end 10 minutes from now,
        with the records given for each output or 1,000, whichever is more.
        """
        with self.lock:
            job = self._document(self.now, **fields)
            path = next((path for path in _PATHS if job["status"] in path[:-1]), None)
            if path is not None:
                steps = path[path.index(job["status"]) :]
                moments = [self.now + timedelta(seconds=30 * n) for n in range(len(steps))]
                moments[-1] = self.now + timedelta(seconds=600)
                timeline = dict(zip(steps, moments, strict=True))
                started_at = timeline.get("running")
                if job["started_at"] is not None:
                    started_at = datetime.fromisoformat(job["started_at"])
                outputs = job["outputs"] or [self._output(job["id"], 1, self.now)]
                whole = [
                    {**o, "records_count": max(1000, o["records_count"] or 0)} for o in outputs
                ]
                self._runs[job["id"]] = _Run(timeline, started_at, whole)
            self.touch()
            return job

    def populate(self, days: int = 120) -> None:
        """Invent the history of the last `days`, some 25 jobs a day, and start the schedules.

        One package takes twice its time in the three weeks before the account's first moment, one
        output lacks a column in the two before it, and jobs are idle, pending, queued and running
        at `now`. To be called once.
        """
        with self.lock:
            self._scheduled = True
            launches = [
                (at, package, False) for at, package in _due(self.now - timedelta(days), self.now)
            ]
            for package, age in zip(_PACKAGES[-4:], (30, 150, 270, 600), strict=True):
                launches.append((self.now - timedelta(seconds=age), package, True))
            for at, package, by_hand in sorted(launches, key=lambda item: item[0]):
                self._launch(package, at, by_hand=by_hand)
            self._unfold()

    def advance(self, seconds: float) -> None:
        """Let time pass: open jobs move on, and once populated the schedules start new ones."""
        with self.lock:
            before, self.now = self.now, self.now + timedelta(seconds=seconds)
            if before.timestamp() // _HOUR != self.now.timestamp() // _HOUR:
                self.credits_remaining = self.credits
            if self._scheduled:
                for at, package in _due(before, self.now):
                    self._launch(package, at)
            self._unfold()

    def touch(self) -> None:
        """Forget the lists made so far: to be called after `jobs` were changed by hand."""
        with self.lock:
            self._lists.clear()

    def answer(self, method: str, target: str, headers: Message) -> Answer:
        """Answer a request for `target`, a path with its query."""
        url = urlsplit(target)
        request = Request(
            method, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers
        )
        with self.lock:
            self.requests.append((url.path, url.query))
        answer = self.intercept(request) if self.intercept else None
        with self.lock:
            if answer is None:
                try:
                    answer = self._answer(request)
                except _Refused as refused:
                    answer = _json(refused.status, {"message": str(refused)})
                answer = _compressed(answer, headers.get("Accept-Encoding", ""))
            always = {
                "Date": format_datetime(self.now.astimezone(UTC), usegmt=True),
                "X-RateLimit-Limit": str(self.credits),
                "X-RateLimit-Remaining": str(self.credits_remaining),
                "Content-Length": str(len(answer.body)),
            }
            return Answer(answer.status, {**always, **answer.headers}, answer.body)

    def _answer(self, request: Request) -> Answer:
        key = base64.b64encode(f"{self.api_key}:".encode()).decode()
        if request.method != "GET":
            raise _Refused(405, f"{request.method} is not allowed")
        if request.headers.get("Authorization") != f"Basic {key}":
            raise _Refused(401, "The API key is not valid")
        if request.headers.get("Accept", "").replace(" ", "") != ACCEPT.replace(" ", ""):
            raise _Refused(406, f"The Accept header must be {ACCEPT}")
        match request.path.split("/"):
            case ["", self.account_id, "api", "rate_limit_status"]:
                limits = {"limit": self.credits, "remaining": self.credits_remaining}
                return _json(200, {"limits": limits})
            case ["", self.account_id, "api", "jobs"]:
                self._charge()
                return self._list(request)
            case ["", self.account_id, "api", "jobs", job_id]:
                self._charge()
                return self._one(job_id, request.query)
        raise _Refused(404, "There is no such account or resource")

    def _charge(self) -> None:
        if self.credits_remaining <= 0:
            raise _Refused(429, "The rate limit is exceeded")
        self.credits_remaining -= 1

    def _one(self, job_id: str, query: dict[str, str]) -> Answer:
        job = self.jobs.get(int(job_id)) if re.fullmatch("[0-9]{1,18}", job_id) else None
        if job is None:
            raise _Refused(404, f"There is no job {job_id}")
        if query.get("include") == "log_summary":
            error = job["errors"]
            summary = {
                "id": job["id"] * 10,
                "body": error or "Job finished.",
                "error_summary": error,
                "openai_extract": error,
                "action_items": ["Retry the job."] if error else [],
                "created_at": job["updated_at"],
            }
            job = {**job, "log_summary": summary}
        return _json(200, job)

    def _list(self, request: Request) -> Answer:
        query = request.query
        sort = _choice(query, "sort", ("created", "updated"))
        direction = _choice(query, "direction", ("desc", "asc"))
        status = _choice(query, "status", ("all", *STATUSES))
        package_id = _number(query, "package_id") if "package_id" in query else None
        offset = _number(query, "offset", 0)
        limit = min(self.page_cap, _number(query, "limit", 20, least=1))
        since = _since(query)
        # Sorting 100,000 jobs for each of their pages would be the slowest part of any test.
        which = (sort, direction, status, package_id, since)
        if which not in self._lists:
            found = (
                (str(job.get(f"{sort}_at") or ""), job_id)
                for job_id, job in self.jobs.items()
                if status in ("all", job.get("status"))
                and package_id in (None, job.get("package_id"))
                and str(job.get("updated_at") or "") >= since
            )
            ordered = sorted(found, reverse=direction == "desc")
            self._lists[which] = [job_id for _, job_id in ordered]
        ids = self._lists[which]
        neighbours = []
        if offset + limit < len(ids):
            neighbours.append(("next", offset + limit))
        if offset > 0:
            neighbours.append(("prev", max(0, offset - limit)))
        base = f"http://{request.headers.get('Host', '')}{request.path}"
        link = ", ".join(
            f'<{base}?{urlencode({**query, "offset": at, "limit": limit})}>; rel="{rel}"'
            for rel, at in neighbours
        )
        page = [self.jobs[job_id] for job_id in ids[offset : offset + limit]]
        return _json(200, page, {"Link": link} if link else {})

    def _launch(self, package: _Package, at: datetime, *, by_hand: bool = False) -> None:
        """Create the job of a schedule, or one that a user started and that waits for long."""
        chance = random.Random(f"{self.seed}/{package.name}/{stamp(at)}")  # noqa: S311 - no secret
        by_user = chance.random() < _BY_USER or by_hand
        wait = 300 if by_hand else 5 + int(chance.expovariate(1 / 30))
        slowness = 2 if package.name == _SLOWED and at >= self._slowed_from else 1
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
        started_at = at + timedelta(seconds=wait)
        ended_at = started_at + timedelta(seconds=max(60, int(runtime * reach)))
        timeline = {WAITING[n]: at + timedelta(seconds=wait * n // 3) for n in range(3)}
        timeline["running"] = started_at
        if status == "stopped":
            timeline |= {STOPPING[n]: ended_at - timedelta(seconds=30 - 15 * n) for n in range(2)}
        timeline[status] = ended_at
        retries = chance.choices((0, 1, 2), (95, 4, 1))[0] if status == "completed" else 3
        job = self._document(
            at,
            status="idle",
            package_id=package.id,
            variables=dict(package.variables),
            dynamic_variables={"RUN_DATE": f"'{at:%Y-%m-%d}'"},
            creator=self._creator("User", 8) if by_user else self._creator("Schedule", package.id),
            attempts=0 if by_user else retries,
            master_auto_retry_attempts=None if by_user else 3,
        )
        outputs = []
        for number, (name, columns) in enumerate(package.outputs.items(), 1):
            fields = columns.split()
            if package.name == _NARROWED and at >= self._narrowed_from:
                fields.remove(_LOST_COLUMN)
            count = int(records * chance.uniform(0.9, 1.1) / number)
            outputs.append(self._output(job["id"], number, started_at, name, fields, count))
        self._runs[job["id"]] = _Run(timeline, started_at, outputs, reach, error)

    def _unfold(self) -> None:
        """Bring every open job to `now`; one that was ended by hand stays as it is."""
        for job_id, run in list(self._runs.items()):
            job = self.jobs.get(job_id)
            if job is not None and job["status"] not in FINAL:
                run.unfold(job, self.now)
            if job is None or job["status"] in FINAL:
                del self._runs[job_id]
        self.touch()

    def _document(self, at: datetime, **given: Any) -> dict[str, Any]:
        """Put a job created at `at` among the jobs, its fields overridden by those given."""
        given = {k: stamp(v) if isinstance(v, datetime) else v for k, v in given.items()}
        job_id, status = given.get("id", self._next_id), given.get("status", "completed")
        created_at = given.get("created_at", stamp(at))
        waits, ended = status in WAITING, status in FINAL
        outputs = [] if waits else [self._output(job_id, 1, at, count=int(ended))]
        outputs = given.get("outputs", outputs)
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
            "created_at": created_at,
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
        self.jobs[job_id] = job
        self._next_id = max(self._next_id, job_id + 1)
        return job

    def _output(
        self,
        job_id: int,
        number: int,
        at: datetime,
        name: str = "results",
        fields: Sequence[str] = ("id", "name", "updated_at"),
        count: int = 0,
    ) -> dict[str, Any]:
        output_id = job_id * 10 + number
        url = f"{self._url}/jobs/{job_id}/outputs/{output_id}"
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
            "html_url": f"https://xplenty.com/{self.account_id}/{path}",
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
            "html_url": f"https://xplenty.com/{self.account_id}/clusters/{cluster_id}",
        }


@contextmanager
def serve(account: Account) -> Iterator[str]:
    """Serve the account's API on a free port of loopback; give the base URL, without a path.

    At the end the port is closed and every connection cut, also those kept alive.
    """
    server = _Server(account)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, account: Account) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.account = account
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client may hang up at any time
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # An answer leaves in one write, at once: in two, the second would wait for the delayed ACK.
    disable_nagle_algorithm = True
    wbufsize = 2**20

    def _reply(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.account.answer(self.command, self.path, self.headers)
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _reply  # noqa: N815 - the library's

    def log_message(self, *_: Any) -> None:
        """Say nothing: standard error is the command's."""


def _due(after: datetime, until: datetime) -> list[tuple[datetime, _Package]]:
    """Give what the schedules start after one moment and until another, it included, in order."""
    begin, end = after.timestamp(), until.timestamp()
    due = [
        (datetime.fromtimestamp(turn * package.every + package.offset, UTC), package)
        for package in _PACKAGES
        for turn in range(
            int((begin - package.offset) // package.every) + 1,
            int((end - package.offset) // package.every) + 1,
        )
    ]
    return sorted(due, key=lambda item: (item[0], item[1].id))


def _choice(query: dict[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = query.get(name, allowed[0])
    if value not in allowed:
        raise _Refused(422, f"{name} must be one of {', '.join(allowed)}")
    return value


def _number(query: dict[str, str], name: str, default: int = 0, least: int = 0) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch("[0-9]{1,18}", text) or int(text) < least:
        raise _Refused(422, f"{name} must be an integer from {least}")
    return int(text)


def _since(query: dict[str, str]) -> str:
    """Give the time as jobs have it, by which strings compare as times do; "" is before all."""
    if "since" not in query:
        return ""
    try:
        at = datetime.fromisoformat(query["since"])
        return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise _Refused(422, "since must be a time in ISO 8601") from None


def _json(status: int, document: Any, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps(document, separators=(",", ":")).encode()
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, body)


def _compressed(answer: Answer, accepted: str) -> Answer:
    if "gzip" not in accepted or len(answer.body) <= _COMPRESSED_FROM:
        return answer
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return Answer(answer.status, headers, gzip.compress(answer.body, compresslevel=1, mtime=0))
