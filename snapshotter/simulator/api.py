"""The REST answers of a simulated account, as the API's documentation describes them.

An answer is decided in this order: what `intercept` returns, the next fault of `failing`, and then
the documented API, which checks the key and the Accept header and charges a credit.
"""

import base64
import gzip
import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer, Request, fault, json_answer
from snapshotter.simulator.history import STATUSES, stamp

ACCEPT = "application/vnd.xplenty+json; version=2"

_COMPRESSED_FROM = 1024  # bytes
_IN_SINGLE_ANSWERS = ("id", "name", "url")  # of a job's package and cluster; lists have more


class _Refused(Exception):
    """The request is answered with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Query(NamedTuple):
    """The parameters that decide which jobs a list has, and in which order."""

    sort: str
    direction: str
    status: str
    package_id: int | None
    since: str


def answer(account: SimulatedAccount, request: Request) -> Answer:
    """Return the account's answer to a request, and record the request in `requests`."""
    with account.lock:
        account.requests.append((request.path, request.query_string))
    if account.before_answer is not None:
        account.before_answer(request)
    reply = account.intercept(request) if account.intercept else None
    with account.lock:
        if reply is None and account.failing:
            reply = _fail(account, request)
        if reply is None:
            reply = _answer_or_refuse(account, request)
            reply = _compressed(reply, request.headers.get("Accept-Encoding", ""))
        always = {
            **_date(account),
            "X-RateLimit-Limit": str(account.credits),
            "X-RateLimit-Remaining": str(account.credits_remaining),
            "Content-Length": str(len(reply.body)),
        }
        return replace(reply, headers={**always, **reply.headers})


def _date(account: SimulatedAccount) -> dict[str, str]:
    if account.date_offset is None:
        return {}
    at = account.now + timedelta(seconds=account.date_offset)
    return {"Date": format_datetime(at.astimezone(UTC), usegmt=True)}


def _fail(account: SimulatedAccount, request: Request) -> Answer:
    """Answer with the next fault. A fault on the wire sends parts of the correct answer only."""
    left = account.credits_remaining
    correct = _answer_or_refuse(account, request)
    account.credits_remaining = left
    reply = fault(account.failing.pop(0), correct.body)
    return replace(correct, fault=reply.fault) if reply.fault else reply


def _answer_or_refuse(account: SimulatedAccount, request: Request) -> Answer:
    try:
        return _answer(account, request)
    except _Refused as refused:
        return json_answer(refused.status, {"message": str(refused)})


def _answer(account: SimulatedAccount, request: Request) -> Answer:
    key = base64.b64encode(f"{account.api_key}:".encode()).decode()
    if request.method != "GET":
        raise _Refused(405, f"{request.method} is not allowed")
    if request.headers.get("Authorization") != f"Basic {key}":
        raise _Refused(401, "The API key is not valid")
    if request.headers.get("Accept", "").replace(" ", "") != ACCEPT.replace(" ", ""):
        raise _Refused(406, f"The Accept header must be {ACCEPT}")
    match request.path.split("/"):
        case ["", account.account_id, "api", "rate_limit_status"]:
            limits = {"limit": account.credits, "remaining": account.credits_remaining}
            return json_answer(200, {"limits": limits})
        case ["", account.account_id, "api", "jobs"]:
            _charge(account)
            return _list(account, request)
        case ["", account.account_id, "api", "jobs", job_id]:
            _charge(account)
            return _one(account, job_id, request.query)
    raise _Refused(404, "There is no such account or resource")


def _charge(account: SimulatedAccount) -> None:
    if account.credits_remaining <= 0:
        raise _Refused(429, "The rate limit is exceeded")
    account.credits_remaining -= 1


def _one(account: SimulatedAccount, job_id: str, query: dict[str, str]) -> Answer:
    job = account.visible().get(int(job_id)) if re.fullmatch("[0-9]{1,18}", job_id) else None
    if job is None:
        raise _Refused(404, f"There is no job {job_id}")
    parts = {
        name: {key: value for key, value in part.items() if key in _IN_SINGLE_ANSWERS}
        for name in ("package", "cluster")
        if isinstance(part := job.get(name), dict)
    }
    included = {}
    if query.get("include") == "log_summary":
        included["log_summary"] = account.log_summaries.get(int(job_id), _summary(job))
    return json_answer(200, {**job, **parts, **included})


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


def _list(account: SimulatedAccount, request: Request) -> Answer:
    query = _query(request.query)
    offset = _number(request.query, "offset", 0)
    limit = min(account.page_cap, _number(request.query, "limit", 20, least=1))
    jobs = account.visible()
    # Sorting 100,000 jobs for each of their pages would be the slowest part of any test.
    if query not in account.lists:
        account.lists[query] = _sorted(jobs, query)
    listed = account.lists[query]
    end = offset + (account.chance.randint(1, limit) if account.varies_cap else limit)
    neighbours = {}
    if end < len(listed):
        neighbours["next"] = end
    if offset > 0:
        neighbours["prev"] = max(0, offset - limit)
    page = listed[offset:end]
    if account.shuffles_ties and page:
        part = slice(offset, min(end, len(listed)))
        page = _shuffled(listed, part, account.chance, descending=query.direction == "desc")
    links = _links(account, request, neighbours, limit)
    return json_answer(200, [jobs[job_id] for _, job_id in page], links)


def _query(query: dict[str, str]) -> _Query:
    return _Query(
        sort=_choice(query, "sort", ("created", "updated")),
        direction=_choice(query, "direction", ("desc", "asc")),
        status=_choice(query, "status", ("all", *STATUSES)),
        package_id=_number(query, "package_id") if "package_id" in query else None,
        since=_since(query),
    )


def _sorted(jobs: dict[int, dict[str, Any]], query: _Query) -> list[tuple[str, int]]:
    """Return the times and ids of the jobs that a query finds, in its order."""
    sort, direction, status, package_id, since = query
    found = (
        (str(job.get(f"{sort}_at") or ""), job_id)
        for job_id, job in jobs.items()
        if status in ("all", job.get("status"))
        and package_id in (None, job.get("package_id"))
        and str(job.get("updated_at") or "") >= since
    )
    return sorted(found, reverse=direction == "desc")


def _links(
    account: SimulatedAccount, request: Request, neighbours: dict[str, int], limit: int
) -> dict[str, str]:
    if account.links == "none" or not neighbours:
        return {}
    host, astray = request.headers.get("Host", ""), 0
    if account.links == "wrong":
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
    listed: list[tuple[str, int]], part: slice, chance: random.Random, *, descending: bool
) -> list[tuple[str, int]]:
    """Return a part of the list in a new order of all jobs whose times occur in that part."""
    times = {time for time, _ in listed[part]}
    first, last = part.start, part.stop
    while first > 0 and listed[first - 1][0] in times:
        first -= 1
    while last < len(listed) and listed[last][0] in times:
        last += 1
    shuffled = listed[first:last]
    chance.shuffle(shuffled)
    shuffled.sort(key=lambda item: item[0], reverse=descending)
    return shuffled[part.start - first : part.stop - first]


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
    """Return the time in the format of the jobs' times, or "", which sorts before all of them."""
    if "since" not in query:
        return ""
    try:
        at = datetime.fromisoformat(query["since"])
        return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise _Refused(422, "since must be a time in ISO 8601") from None


def _compressed(reply: Answer, accepted: str) -> Answer:
    if "gzip" not in accepted or len(reply.body) <= _COMPRESSED_FROM:
        return reply
    headers = {**reply.headers, "Content-Encoding": "gzip"}
    return Answer(reply.status, headers, gzip.compress(reply.body, compresslevel=1, mtime=0))
