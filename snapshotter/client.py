"""The API over HTTP: the key, deadlines, retries, limits; a page of jobs, one job.

Facts on the API are the vendor's v2 documentation: HTTP Basic with the key as user name, an Accept
header that names the version, an hourly budget of credits that every answer's headers count down.
A request is sent only while the run's limits allow it, and so a run stops between two answers.
A long list is asked for by several threads; each has its session, and all of them one account.
"""

import base64
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Protocol, Self

import msgspec
import requests
from requests.auth import HTTPBasicAuth

from snapshotter import __version__, early, payload, transport
from snapshotter.errors import (
    BadAnswer,
    KeyRefused,
    RequestFailed,
    RequestRefused,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.paging import Cursor, Listed, Page, pages
from snapshotter.payload import Record, Reject
from snapshotter.settings import ACCOUNT_VARIABLE, API_URL_VARIABLE, KEY_VARIABLE, Service

log = logging.getLogger(__name__)

ACCEPT = "application/vnd.xplenty+json; version=2"
MAX_CREDITS = 2**31  # what a column of the run's row can hold
PAGE_SIZE = 100  # the most that the API hands out
MOST_PAGES_OF_A_SECOND = 20
LEAST_REQUESTS = 3  # the credits, where the account stands, and a page
DEFAULT_RESERVE = 500  # credits; all else that uses the key lives on them
ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 20.0  # seconds, before jitter
LONGEST_RETRY_AFTER = 60.0  # seconds; past that the run stops, and cron comes again


@dataclass(frozen=True)
class Filters:
    """Which jobs to list. `since` is on `updated_at`, inclusive, to the second."""

    since: datetime | None = None
    status: str | None = None
    package_id: int | None = None

    def query(self) -> dict[str, str]:
        given = {
            "since": self.since and _stamp(self.since),
            "status": self.status,
            "package_id": self.package_id,
        }
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Limits:
    """How far a run may go.

    `reserve`: credits that are never spent; None is `DEFAULT_RESERVE`, or a tenth of an hourly
    budget that is no larger. `requests` bounds all that is sent, `seconds` the whole run; None is
    no bound.
    """

    reserve: int | None = 0
    requests: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.requests is not None and self.requests < LEAST_REQUESTS:
            raise UsageError(
                f"--max-requests {self.requests} is too few to get anywhere; a run needs "
                f"{LEAST_REQUESTS}: the credits, where the account stands, and a page"
            )


Prepare = Callable[[Sequence[Record | Reject]], Sequence[Record | Reject]]


class Clock(Protocol):
    """Time that passes, and whether it is time to stop."""

    def now(self) -> float:
        """Give seconds since some fixed moment; they never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait, or less long where `interrupted` comes true."""

    @property
    def interrupted(self) -> str:
        """Name what asks the run to stop; empty while nothing does."""


class SystemClock:
    interrupted = ""

    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


@dataclass(frozen=True)
class Verdict:
    """What to do about an answer: `error` None is take it; `pause` None is final."""

    error: SnapshotterError | None = None
    pause: float | None = None


def judge(  # noqa: PLR0911 - a line a status
    response: requests.Response, body: bytes, asked: str, key_source: str = KEY_VARIABLE
) -> Verdict:
    """Decide on an answer by its status. A pause of 0 leaves the wait to the caller's backoff."""
    status, retry_after = response.status_code, response.headers.get("Retry-After")
    if status == HTTPStatus.OK:
        return Verdict()
    said = _message(body)
    came = f"{asked}: the API answered {status}{f' ({said})' if said else ''}"
    match status:
        case 401 | 403:
            return Verdict(KeyRefused(f"{came}; the key is refused, check {key_source}"))
        case 404:
            return Verdict(UsageError(f"{came}; check {ACCOUNT_VARIABLE} and {API_URL_VARIABLE}"))
        case 429:
            came += "; the credits of this hour are spent"
            if retry_after is None and response.headers.get(_REMAINING) == "0":
                return Verdict(Stopped(f"{came}, run again later"))
            return _later(came, response, Stopped)
        case 408 | 425:
            return _later(came, response, RequestFailed)
        case _ if 300 <= status < 400:  # noqa: PLR2004 - redirects
            return Verdict(
                UsageError(f"{came}, a redirect, which is not followed; check {API_URL_VARIABLE}")
            )
        case _ if status >= 500:  # noqa: PLR2004 - the server's faults
            return _later(came, response, RequestFailed)
        case _:
            return Verdict(RequestRefused(f"{came}; no retry will mend that"))


def _later(came: str, response: requests.Response, error: type[Stopped]) -> Verdict:
    pause = _retry_after(response)
    if pause > LONGEST_RETRY_AFTER:
        return Verdict(Stopped(f"{came}; it asks to wait {pause:.0f} s, run again then"))
    return Verdict(error(f"{came}; run again later"), pause)


def _retry_after(response: requests.Response) -> float:
    """Give the seconds that the server asks to wait: a number, or a date by its own clock."""
    asked = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", asked):
        return float(asked)
    until, now = _date(asked), _date(response.headers.get("Date"))
    return max(0.0, (until - now).total_seconds()) if until and now else 0.0


def _message(body: bytes) -> str:
    """Give the API's own words, on one line and of bounded length."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    words = answer.get("message") if isinstance(answer, dict) else None
    return " ".join(words.split())[:300] if isinstance(words, str) else ""


class Client:
    """Asks one account's API. Close it, or use it in `with`.

    `requests_sent` and `credits_spent` tell what was spent, `clock` and `latest_clock` (the
    earliest and the latest `Date` of an answer, UTC) when. `sends_links` and `page_size` (the most
    jobs in a page so far) are what is known of the server; an earlier run may have known it.
    Every method raises `KeyRefused`, `UsageError`, `Failure` or `Stopped`.
    """

    def __init__(
        self,
        service: Service,
        limits: Limits = Limits(),
        *,
        clock: Clock = SystemClock(),  # noqa: B008 - without state
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._base = f"{service.api_url}/{service.account_id}/api/"
        self._timeout = service.timeout
        self._secret, self._key_source = service.key.secret, service.key.source
        self._limits, self._time, self._jitter = limits, clock, jitter
        self._reserve = DEFAULT_RESERVE if limits.reserve is None else limits.reserve
        self._ends = None if limits.seconds is None else clock.now() + limits.seconds
        self._session = transport.Session()
        self._session.auth = HTTPBasicAuth(service.key.secret, "")
        # A proxy is for https, which it cannot read; plain http goes to loopback and nowhere else.
        self._session.trust_env = service.api_url.startswith("https:")
        self._session.headers["Accept"] = ACCEPT
        self._session.headers["User-Agent"] = f"xplenty-snapshotter/{__version__}"
        self._lock = threading.Lock()  # on all that follows: what is known and spent
        self._under_way = self._answered = 0
        self.requests_sent = 0
        self.credits_spent = 0
        self.credits_remaining: int | None = None
        self.clock: datetime | None = None
        self.latest_clock: datetime | None = None
        self.sends_links = False
        self.page_size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def stopwatch(self) -> Callable[[], timedelta]:
        """Start measuring; what is given tells the time since, by this host or the server."""
        began, server_began = self._time.now(), self.latest_clock

        def elapsed() -> timedelta:
            here = timedelta(seconds=self._time.now() - began)
            if server_began is None or self.latest_clock is None:
                return here
            return max(here, self.latest_clock - server_began)

        return elapsed

    def credits(self) -> int | None:
        """Give the credits left of this hour's, for free; None where the server does not tell."""
        answer = self._get("rate_limit_status", {}, _decode_object, is_free=True)
        limits = None if answer is None else answer.get("limits")
        if not isinstance(limits, dict):
            limits = {}
        limit, remaining = _credits(limits.get("limit")), _credits(limits.get("remaining"))
        if limit is not None and limit <= self._reserve:
            if self._limits.reserve is not None:
                raise UsageError(
                    f"--reserve-credits {self._reserve} leaves nothing of the account's {limit} "
                    "credits an hour; reserve fewer"
                )
            self._reserve = limit // 10
        if remaining is not None:
            self.credits_remaining = remaining
        return self.credits_remaining

    def time_left(self) -> float | None:
        """Return the seconds left: 0 once a signal asks to stop, None without a bound."""
        if self._time.interrupted:
            return 0
        return None if self._ends is None else max(0.0, self._ends - self._time.now())

    def jobs(
        self, filters: Filters, cursor: Cursor, prepare: Prepare = lambda records: records
    ) -> Generator[Page]:
        """Yield the pages of the list from `cursor` on, in the order of `created_at`.

        Most pages of a long list are asked for early, by other threads; there `prepare` is called
        with the records of each, and gives what is to stand for them.
        """
        query = {"sort": "created", "direction": "asc", "limit": str(PAGE_SIZE), **filters.query()}
        mine, sessions = threading.local(), list[transport.Session]()

        def ask_early(offset: int) -> Listed:
            if not hasattr(mine, "session"):
                mine.session = transport.Session(like=self._session)
                sessions.append(mine.session)
            listed = self._list({**query, "offset": str(offset)}, mine.session)
            return listed._replace(records=prepare(listed.records))

        def leave() -> None:
            for session in sessions:
                session.abort()

        with early.Threads(ask_early, leave) as threads:
            yield from pages(
                lambda offset: self._list({**query, "offset": str(offset)}), cursor, threads
            )

    def page(self, offset: int, *, limit: int = PAGE_SIZE, status: str = "all") -> Listed:
        """Give what the list has from `offset` on, in the order of `created_at`."""
        query = {"sort": "created", "direction": "asc", "limit": str(limit), "status": status}
        return self._list({**query, "offset": str(offset)})

    def touched_at(self, moment: datetime) -> tuple[list[Record | Reject], bool]:
        """Give the jobs updated in the second of `moment`, as lists tell them, and some later.

        Also whether that is all of them for sure: a list that moves between two pages may hide one.
        """
        query = {"sort": "updated", "direction": "asc", "limit": str(PAGE_SIZE)}
        query |= Filters(moment).query()
        found: list[Record | Reject] = []
        for number in range(MOST_PAGES_OF_A_SECOND):
            listed = self._list({**query, "offset": str(len(found))})
            found += listed.records
            times = map(_updated_at, listed.records)
            past = max((at for at in times if at is not None), default=moment) > moment
            if past or not listed.records or listed.more is False:
                return found, number == 0
        return found, False

    def newest(self) -> datetime | None:
        """Give the latest `updated_at` of all jobs; None for an account with no job."""
        query = {"sort": "updated", "direction": "desc", "offset": "0"}
        for limit in (1, PAGE_SIZE):
            records = self._list({**query, "limit": str(limit)}).records
            times = [at for at in map(_updated_at, records) if at is not None]
            if times or not records:
                break
        return max(times, default=None)

    def job(self, job_id: int) -> Record | Reject | None:
        """Give one job; None when the API has no such job."""
        raw = self._get(f"jobs/{job_id}", {}, _decode_record, none_if_missing=True)
        return None if raw is None else payload.read_all([raw])[0]

    def _list(self, query: dict[str, str], session: transport.Session | None = None) -> Listed:
        records, more = self._get("jobs", query, _decode_page, session=session)
        with self._lock:
            if more is not None:
                self.sends_links = True
            elif records and query["offset"] != "0":
                self.sends_links = False  # it would have named the page before
            elif not records or (self.sends_links and len(records) < self.page_size):
                # A full page is never believed to be the last on the absence of a header alone.
                more = False
            self.page_size = max(self.page_size, len(records))
        return Listed(payload.read_all(records), more)

    def _get(
        self,
        path: str,
        query: dict[str, str],
        decode: Callable[[requests.Response, bytes], Any],
        *,
        is_free: bool = False,
        none_if_missing: bool = False,
        session: transport.Session | None = None,
    ) -> Any:
        """Ask until an answer decodes, an error is final, or no attempt is left."""
        session = session or self._session
        asked = f"GET {self._base}{path}"
        attempt = 0
        while True:
            attempt += 1
            answered = self._take_leave(is_free=is_free)
            try:
                response, body = self._send(session, path, query, answered)
                missing = response.status_code == HTTPStatus.NOT_FOUND
                if missing and (none_if_missing or is_free):
                    return None
                verdict = judge(response, body, asked, self._key_source)
                if verdict.error is None:
                    return decode(response, body)
                error, pause = verdict.error, verdict.pause
            except requests.RequestException as fault:
                error, pause = RequestFailed(f"{asked}: {_why(fault)}; run again later"), 0.0
            except BadAnswer as fault:
                error, pause = BadAnswer(f"{asked}: {fault}; run again later"), 0.0
            error.args = (self._without_key(str(error)),)
            if pause is None or attempt == ATTEMPTS or session.is_aborted:
                raise error
            pause = max(pause, self._backoff(attempt))
            if self._ends is not None and self._time.now() + pause >= self._ends:
                raise error
            log.warning("%s (attempt %d of %d, next in %.1f s)", error, attempt, ATTEMPTS, pause)
            self._time.sleep(pause)

    def _take_leave(self, *, is_free: bool) -> int:
        """Count a request that is about to be sent, where the limits allow it; else `Stopped`.

        Gives how many answers have come before it.
        """
        with self._lock:
            self._check_limits(is_free=is_free)
            self.requests_sent += 1
            self.credits_spent += not is_free
            if self.credits_remaining and not is_free:
                self.credits_remaining -= 1  # also where the answer is lost, or does not tell
            self._under_way += 1
            return self._answered

    def _check_limits(self, *, is_free: bool) -> None:
        limits, left = self._limits, self.credits_remaining
        if self._time.interrupted:
            raise Stopped(f"{self._time.interrupted}; nothing is lost, the next run goes on")
        if self._ends is not None and self._time.now() >= self._ends:
            raise Stopped(f"--max-time {limits.seconds:g} s are over; the next run goes on")
        if limits.requests is not None and self.requests_sent >= limits.requests:
            raise Stopped(f"--max-requests {limits.requests} are sent; the next run goes on")
        if not is_free and left is not None and left <= self._reserve:
            raise Stopped(
                f"{left} credits are left of this hour's, and {self._reserve} are to be kept "
                "(--reserve-credits); run again later"
            )

    def _without_key(self, words: str) -> str:
        """Hide the key, plain or as the header has it: a server may say it back."""
        encoded = base64.b64encode(f"{self._secret}:".encode()).decode()
        return words.replace(encoded, "***").replace(self._secret, "***")

    def _backoff(self, attempt: int) -> float:
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1))
        return ceiling * (0.5 + self._jitter() / 2)

    def _send(
        self, session: transport.Session, path: str, query: dict[str, str], answered: int
    ) -> tuple[requests.Response, bytes]:
        seconds = self._timeout
        if self._ends is not None:
            seconds = max(0.001, min(seconds, self._ends - self._time.now()))
        try:
            response, body = transport.get(session, self._base + path, query, seconds)
        finally:
            with self._lock:
                self._under_way -= 1
                is_alone = not self._under_way and self._answered == answered
                self._answered += 1
        log.debug("GET %s %s: %d, %d bytes", path, query, response.status_code, len(body))
        with self._lock:
            self._note(response, is_alone=is_alone)
        return response, body

    def _note(self, response: requests.Response, *, is_alone: bool) -> None:
        """Note what an answer tells; `is_alone`: no other request was under way meanwhile."""
        told, left = response.headers.get(_REMAINING, ""), self.credits_remaining
        if re.fullmatch(r"\d{1,9}", told):
            # Of answers that cross each other any may be the older: then the lower figure is the
            # safe one, unless a new hour has begun.
            is_new_hour = left is None or int(told) > left + _CROSSING
            self.credits_remaining = (
                int(told) if is_alone or is_new_hour or left is None else min(int(told), left)
            )
        if (at := _date(response.headers.get("Date"))) is not None:
            # Hosts behind one name can disagree: the earliest clock of a run is the safe one.
            self.clock = min(self.clock or at, at)
            self.latest_clock = max(self.latest_clock or at, at)


_REMAINING = "X-RateLimit-Remaining"
_CROSSING = 4 * early.THREADS  # credits that answers under way can be apart


def _updated_at(record: Record | Reject) -> datetime | None:
    if isinstance(record, Record):
        return record.job.updated_at
    return payload.time_in(record.payload, "updated_at")


def _credits(told: Any) -> int | None:
    return told if type(told) is int and 0 <= told < MAX_CREDITS else None


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _date(header: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(header or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _decode_page(response: requests.Response, body: bytes) -> tuple[list[bytes], bool | None]:
    """Give the page's records and whether its Link names a next page: whether, never where."""
    link = response.headers.get("Link")
    return payload.split(body), None if link is None else "next" in response.links


def _decode_record(_response: requests.Response, body: bytes) -> bytes:
    return payload.only(body)


def _decode_object(_response: requests.Response, body: bytes) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = msgspec.json.decode(payload.only(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadAnswer("expected a JSON object, got one that is garbled") from None
    return answer


def _why(fault: requests.RequestException) -> str:
    """Say on one line what went wrong on the wire, without the library's wrapping."""
    cause: BaseException = fault
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    words = " ".join(str(fault if isinstance(fault, requests.Timeout) else cause).split())
    match fault:
        case requests.ConnectTimeout():
            return "no connection in time"
        case requests.Timeout():
            return words if words.startswith("no whole answer") else "no answer in time"
        case requests.exceptions.SSLError():
            return f"TLS failed ({words})"
        case requests.ConnectionError():
            return f"no connection ({words})"
        case _:
            return f"the answer was cut short or garbled ({words})"
