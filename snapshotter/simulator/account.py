"""An Xplenty account that behaves as the API's documentation says, served over HTTP on loopback.

`Account` holds jobs and a clock of its own; `serve` puts it behind a real server. It lists jobs
(status, sort, direction, since, package_id, offset, limit, Link), gives one job with or without its
log summary, and tells the credits; it checks the key and the Accept header, spends credits, renews
them with the hour, and compresses. `populate` invents a history with trends to find, `advance` lets
time pass: what a job is at a moment is a function of the seed and that moment alone, so the same
seed gives the same jobs, in however many steps the clock got there.

It can also be as hard to read as a real one. Changes show late (`lag`), jobs of the same time
change places (`shuffles_ties`), pages are of any size (`varies_cap`), links lead astray or lack
(`links`), the clock is off or silent (`date_offset`). Jobs vanish (`remove_job`), and whatever else
is to happen between two requests, `before_answer` does. `failing` is a queue of faults to answer
with, which `fault` names. All of it follows from the seed, too.
"""

import base64
import gzip
import json
import random
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from snapshotter.simulator.history import (
    FINAL,
    STATUSES,
    Invention,
    Package,
    Run,
    due,
    history,
    stamp,
)

__all__ = [
    "ACCEPT",
    "FINAL",
    "GARBLED",
    "STATUSES",
    "Account",
    "Answer",
    "Fault",
    "Links",
    "Request",
    "as_sent",
    "fault",
    "serve",
    "stamp",
]

ACCEPT = "application/vnd.xplenty+json; version=2"
GARBLED = "(garbled)"  # as a value of a job: its answers are not JSON

_HOUR = timedelta(hours=1)
_COMPRESSED_FROM = 1024  # bytes
_IN_SINGLE_ANSWERS = ("id", "name", "url")  # of a job's package and cluster; lists have more
_DRIP_PAUSE = 0.05  # seconds
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST, and waits for nothing

Fault = Literal["", "reset", "cut", "drip", "hang"]
Links = Literal["right", "wrong", "none"]


@dataclass(frozen=True)
class Request:
    """A request as it came; header names are looked up in any case."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message


@dataclass(frozen=True)
class Answer:
    """What to send. The server adds Date, X-RateLimit-* and Content-Length where not named here.

    `fault` is what goes wrong on the wire: the connection is closed by RST, with no answer
    (reset); half of the body comes, and the end (cut); the body comes a byte each 50 ms (drip);
    nothing comes, until the client hangs up (hang).
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: Fault = ""


def fault(kind: str, body: bytes = b"[]") -> Answer:
    """Give a faulty answer to a request whose right answer has this body.

    429, 500, 502 (in HTML) and 503 (with `Retry-After: 1`) are errors of that status; html is a
    page with status 200, and broken is JSON that ends in the middle; reset, cut, drip and hang are
    told at `Answer`. Raises `KeyError` for another kind.
    """
    page = {"Content-Type": "text/html"}, b"<html><body><h1>Bad gateway</h1></body></html>"
    right = _sent(200, body)
    answers: dict[str, Answer] = {
        "429": _json(429, {"message": "The rate limit is exceeded"}),
        "500": _json(500, {"message": "Something went wrong"}),
        "502": Answer(502, *page),
        "503": _json(503, {"message": "Down for maintenance"}, {"Retry-After": "1"}),
        "html": Answer(200, *page),
        "broken": replace(right, body=_half(body)),
        "reset": replace(right, fault="reset"),
        "cut": replace(right, fault="cut"),
        "drip": replace(right, fault="drip"),
        "hang": replace(right, fault="hang"),
    }
    return answers[kind]


class _Refused(Exception):
    """The request is answered with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Delay:
    """What is to be seen of jobs whose versions show late: none comes before an earlier one."""

    def __init__(self, jobs: dict[int, dict[str, Any]], seed: int) -> None:
        self.shown = deepcopy(jobs)
        self._coming: dict[int, list[tuple[datetime, dict[str, Any]]]] = {}
        self._chance = random.Random(f"{seed}/lag")  # noqa: S311 - no secret

    def note(self, job_id: int, job: dict[str, Any], now: datetime, lag: float) -> None:
        """Take down a job as it is now, where that is another version than the last."""
        coming = self._coming.get(job_id)
        if job != (coming[-1][1] if coming else self.shown.get(job_id)):
            shows_at = now + timedelta(seconds=self._chance.uniform(0, lag))
            self._coming.setdefault(job_id, []).append((shows_at, deepcopy(job)))

    def forget_all_but(self, job_ids: Iterable[int]) -> None:
        kept = set(job_ids)
        self.shown = {job_id: job for job_id, job in self.shown.items() if job_id in kept}
        self._coming = {job_id: job for job_id, job in self._coming.items() if job_id in kept}

    def catch_up(self, now: datetime) -> bool:
        """Show what is due by now; tell whether that was anything."""
        caught = False
        for job_id, versions in list(self._coming.items()):
            while versions and versions[0][0] <= now:
                self.shown[job_id] = versions.pop(0)[1]
                caught = True
            if not versions:
                del self._coming[job_id]
        return caught


class Account:
    """An account's jobs, clock and credits. Methods may be called while it is being served.

    `jobs` are the API's answers by id: change them under `lock`, then call `touch`. `requests` are
    the path and query string of every request, in order. The rest can be changed at any time:

    - `lag`: a change shows up to so many seconds late by the account's clock, a random time for
      each version of a job, in their order. Until then lists and single answers give the version
      before, or no such job. A change by hand counts from the `touch` that follows. What is there
      when the lag is set shows at once, as does the history of `populate`, and what is removed.
    - `page_cap`: the most jobs in a list; with `varies_cap` a random number from 1 to that many.
    - `shuffles_ties`: jobs with the same sort time are in a new random order in every list.
    - `links`: right; wrong, which are there when a page is, but lead elsewhere; or none at all.
    - `date_offset`: seconds that the Date header is ahead of the clock; None is no such header.
    - `before_answer` is called before anything is decided, outside the lock: it may change the
      account by any of its methods.
    - `intercept` is asked next, before the key is checked and credits are charged, and outside the
      lock; what it gives is sent as it stands, and None leaves the request to the account.
    - `failing`: kinds of `fault`. While there are any, a request takes the first and is answered by
      it, whatever it asks, and at no cost. What comes by `drip` or `cut` is of the right answer.
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
        varies_cap: bool = False,
        shuffles_ties: bool = False,
        links: Links = "right",
        lag: float = 0,
        date_offset: float | None = 0,
        failing: Iterable[str] = (),
        before_answer: Callable[[Request], None] | None = None,
    ) -> None:
        self.account_id, self.api_key, self.seed, self.now = account_id, api_key, seed, now
        self.credits = self.credits_remaining = credits
        self.page_cap, self.varies_cap, self.shuffles_ties = page_cap, varies_cap, shuffles_ties
        self.links, self.date_offset = links, date_offset
        self.failing = list(failing)
        self.before_answer = before_answer
        self.intercept: Callable[[Request], Answer | None] | None = None
        self.jobs: dict[int, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.lock = threading.RLock()
        self._runs: dict[int, Run] = {}  # of the jobs that are still open
        self._lists: dict[tuple[Any, ...], list[tuple[str, int]]] = {}
        self._next_id = 1001
        self._scheduled = False
        self._invention = Invention(account_id, seed, now)
        self._chance = random.Random(f"{seed}/lists")  # noqa: S311 - no secret
        self._delay: _Delay | None = None
        self.lag = lag

    @property
    def lag(self) -> float:
        return self._lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        with self.lock:
            self._lag = seconds
            if not seconds:
                self._delay = None
            elif self._delay is None:
                self._delay = _Delay(self.jobs, self.seed)
            self._lists.clear()

    def add_job(self, **fields: Any) -> dict[str, Any]:
        """Add a job with every documented field, made and completed just now where not given.

        Times may be given as datetimes. `updated_at` is by default the latest of its other times.
        An open job moves on with `advance`: a step each 30 seconds, its end 10 minutes from now,
        with the records given for each output or 1,000, whichever is more.
        """
        with self.lock:
            job_id = fields.get("id", self._next_id)
            job = self._invention.document(job_id, self.now, **fields)
            self._put(job, self._invention.run(job, self.now))
            self._note(job_id)
            self._lists.clear()
            return job

    def remove_job(self, job_id: int) -> None:
        """Let a job be gone, from lists and by its id, and with it what was to become of it."""
        with self.lock:
            del self.jobs[job_id]
            self._runs.pop(job_id, None)
            self._forget_removed()

    def populate(self, days: int = 120) -> None:
        """Invent the history of the last `days`, some 25 jobs a day, and start the schedules.

        One package takes twice its time in the three weeks before the account's first moment, one
        output lacks a column in the two before it, and jobs are idle, pending, queued and running
        at `now`. To be called once.
        """
        with self.lock:
            lag, self.lag = self.lag, 0  # the past shows at once
            self._scheduled = True
            for at, package, by_hand in history(self.now, days):
                self._launch(package, at, by_hand=by_hand)
            self._unfold()
            self.lag = lag

    def advance(self, seconds: float) -> None:
        """Let time pass: open jobs move on, and once populated the schedules start new ones."""
        with self.lock:
            until, stop = self.now + timedelta(seconds=seconds), None
            while stop != until:
                stop = self._next_stop(until)
                before, self.now = self.now, stop
                if before.timestamp() // 3600 != self.now.timestamp() // 3600:
                    self.credits_remaining = self.credits
                if self._scheduled:
                    for at, package in due(before, self.now):
                        self._launch(package, at)
                self._unfold()
            self.touch()

    def touch(self) -> None:
        """Forget the lists made so far: to be called after `jobs` were changed by hand."""
        with self.lock:
            if self._delay is not None:
                for job_id in self.jobs:
                    self._note(job_id)
            self._forget_removed()

    def answer(self, method: str, target: str, headers: Message) -> Answer:
        """Answer a request for `target`, a path with its query."""
        url = urlsplit(target)
        request = Request(
            method, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers
        )
        with self.lock:
            self.requests.append((url.path, url.query))
        if self.before_answer is not None:
            self.before_answer(request)
        answer = self.intercept(request) if self.intercept else None
        with self.lock:
            if answer is None and self.failing:
                answer = self._fail(request)
            if answer is None:
                answer = self._answer_or_refuse(request)
                answer = _compressed(answer, headers.get("Accept-Encoding", ""))
            always = {
                **self._date(),
                "X-RateLimit-Limit": str(self.credits),
                "X-RateLimit-Remaining": str(self.credits_remaining),
                "Content-Length": str(len(answer.body)),
            }
            return replace(answer, headers={**always, **answer.headers})

    def _date(self) -> dict[str, str]:
        if self.date_offset is None:
            return {}
        at = self.now + timedelta(seconds=self.date_offset)
        return {"Date": format_datetime(at.astimezone(UTC), usegmt=True)}

    def _fail(self, request: Request) -> Answer:
        """Answer by the next fault. What does come over the wire is right: a fault tells no lie."""
        left = self.credits_remaining
        right = self._answer_or_refuse(request)
        self.credits_remaining = left
        answer = fault(self.failing.pop(0), right.body)
        return replace(right, fault=answer.fault) if answer.fault else answer

    def _answer_or_refuse(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except _Refused as refused:
            return _json(refused.status, {"message": str(refused)})

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

    def _seen(self) -> dict[int, dict[str, Any]]:
        """Give the jobs as the API shows them now."""
        if self._delay is None:
            return self.jobs
        if self._delay.catch_up(self.now):
            self._lists.clear()
        return self._delay.shown

    def _one(self, job_id: str, query: dict[str, str]) -> Answer:
        job = self._seen().get(int(job_id)) if re.fullmatch("[0-9]{1,18}", job_id) else None
        if job is None:
            raise _Refused(404, f"There is no job {job_id}")
        parts = {
            name: {key: value for key, value in part.items() if key in _IN_SINGLE_ANSWERS}
            for name in ("package", "cluster")
            if isinstance(part := job.get(name), dict)
        }
        summary = {"log_summary": _summary(job)} if query.get("include") == "log_summary" else {}
        return _json(200, {**job, **parts, **summary})

    def _list(self, request: Request) -> Answer:
        query = request.query
        sort = _choice(query, "sort", ("created", "updated"))
        direction = _choice(query, "direction", ("desc", "asc"))
        status = _choice(query, "status", ("all", *STATUSES))
        package_id = _number(query, "package_id") if "package_id" in query else None
        offset = _number(query, "offset", 0)
        limit = min(self.page_cap, _number(query, "limit", 20, least=1))
        since = _since(query)
        seen = self._seen()
        # Sorting 100,000 jobs for each of their pages would be the slowest part of any test.
        which = (sort, direction, status, package_id, since)
        if which not in self._lists:
            found = (
                (str(job.get(f"{sort}_at") or ""), job_id)
                for job_id, job in seen.items()
                if status in ("all", job.get("status"))
                and package_id in (None, job.get("package_id"))
                and str(job.get("updated_at") or "") >= since
            )
            self._lists[which] = sorted(found, reverse=direction == "desc")
        listed = self._lists[which]
        end = offset + (self._chance.randint(1, limit) if self.varies_cap else limit)
        neighbours = {}
        if end < len(listed):
            neighbours["next"] = end
        if offset > 0:
            neighbours["prev"] = max(0, offset - limit)
        page = listed[offset:end]
        if self.shuffles_ties and page:
            page = self._shuffled(listed, offset, end, descending=direction == "desc")
        links = self._links(request, neighbours, limit)
        return _json(200, [seen[job_id] for _, job_id in page], links)

    def _links(self, request: Request, neighbours: dict[str, int], limit: int) -> dict[str, str]:
        if self.links == "none" or not neighbours:
            return {}
        host, astray = request.headers.get("Host", ""), 0
        if self.links == "wrong":
            host, astray = "elsewhere.invalid", 7
        base = f"http://{host}{request.path}"
        return {
            "Link": ", ".join(
                f"<{base}?{urlencode({**request.query, 'offset': at + astray, 'limit': limit})}>; "
                f'rel="{rel}"'
                for rel, at in neighbours.items()
            )
        }

    def _shuffled(
        self, listed: list[tuple[str, int]], begin: int, end: int, *, descending: bool
    ) -> list[tuple[str, int]]:
        """Give a part of the list, out of a new order of all jobs whose times are in that part."""
        times = {time for time, _ in listed[begin:end]}
        first, last = begin, min(end, len(listed))
        while first > 0 and listed[first - 1][0] in times:
            first -= 1
        while last < len(listed) and listed[last][0] in times:
            last += 1
        shuffled = listed[first:last]
        self._chance.shuffle(shuffled)
        shuffled.sort(key=lambda item: item[0], reverse=descending)
        return shuffled[begin - first : end - first]

    def _launch(self, package: Package, at: datetime, *, by_hand: bool = False) -> None:
        job, run = self._invention.launch(self._next_id, package, at, by_hand=by_hand)
        self._put(job, run)

    def _put(self, job: dict[str, Any], run: Run | None) -> None:
        self.jobs[job["id"]] = job
        self._next_id = max(self._next_id, job["id"] + 1)
        if run is not None:
            self._runs[job["id"]] = run

    def _unfold(self) -> None:
        """Bring every open job to `now`; one that was ended by hand stays as it is."""
        for job_id, run in list(self._runs.items()):
            job = self.jobs.get(job_id)
            if job is not None and job["status"] not in FINAL:
                run.unfold(job, self.now)
                self._note(job_id)
            if job is None or job["status"] in FINAL:
                del self._runs[job_id]

    def _next_stop(self, until: datetime) -> datetime:
        """Tell how far the clock may go at once: with a lag, to the next change of any job.

        A change shows late from the moment on that it was made, not from that of a later look.
        """
        if self._delay is None:
            return until
        soon = min(until, self.now + _HOUR)
        changes = [at for run in self._runs.values() for at in run.timeline.values()]
        if self._scheduled:
            changes += [at for at, _ in due(self.now, soon)]
        return min((at for at in changes if self.now < at < soon), default=soon)

    def _note(self, job_id: int) -> None:
        if self._delay is not None:
            self._delay.note(job_id, self.jobs[job_id], self.now, self.lag)

    def _forget_removed(self) -> None:
        if self._delay is not None:
            self._delay.forget_all_but(self.jobs)
        self._lists.clear()


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
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET)) == _RESET:
            self.close_request(request)  # the goodbye of a shutdown would come before the reset
        else:
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
        if answer.fault in ("reset", "hang", "cut"):
            self.close_connection = True
        if answer.fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif answer.fault == "hang":
            self._ends_within(None)
        else:
            self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _reply  # noqa: N815 - the library's

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        body = b"" if self.command == "HEAD" else answer.body
        if answer.fault == "drip":
            self._drip(body)
        else:
            self.wfile.write(_half(body) if answer.fault == "cut" else body)

    def _drip(self, body: bytes) -> None:
        for byte in body:
            self.wfile.flush()
            if self._ends_within(_DRIP_PAUSE):
                self.close_connection = True
                return
            self.wfile.write(bytes([byte]))

    def _ends_within(self, seconds: float | None) -> bool:
        """Wait so long, None for ever, for the client or the server to end the connection."""
        self.connection.settimeout(seconds)
        try:
            self.connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        finally:
            self.connection.settimeout(None)
        return True

    def log_message(self, *_: Any) -> None:
        """Say nothing: standard error is the command's."""


def _summary(job: dict[str, Any]) -> dict[str, Any]:
    error = job.get("errors")
    return {
        "id": job["id"] * 10,
        "body": error or "Job finished.",
        "error_summary": error,
        "openai_extract": error,
        "action_items": ["Retry the job."] if error else [],
        "created_at": job.get("updated_at"),
    }


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
    return _sent(status, as_sent(document), headers)


def as_sent(document: Any) -> bytes:
    """Encode a document as JSON; `GARBLED` in it stands without quotes, so that it is not JSON."""
    text = json.dumps(document, separators=(",", ":"))
    return text.replace(f'"{GARBLED}"', GARBLED).encode()


def _sent(status: int, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, body)


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _compressed(answer: Answer, accepted: str) -> Answer:
    if "gzip" not in accepted or len(answer.body) <= _COMPRESSED_FROM:
        return answer
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return Answer(answer.status, headers, gzip.compress(answer.body, compresslevel=1, mtime=0))
