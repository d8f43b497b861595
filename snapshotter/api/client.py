"""The API over HTTP: the key, deadlines, retries, limits; a page of jobs, one job.

Facts on the API are the vendor's v2 documentation: HTTP Basic with the key as user name, an Accept
header that names the version, an hourly budget of credits that every answer's headers count down.
A request is sent only while the run's limits allow it, and so a run stops between two answers.
A long list is asked for by several threads; each has its session, and all of them one account.
"""

import logging
import random
import re
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple, Self, overload

import msgspec
import requests
from requests.auth import HTTPBasicAuth

from snapshotter import __version__
from snapshotter.api import bodies, certificates, decoding, prefetch, proxies, transport
from snapshotter.api.limits import DEFAULT_RESERVE, Clock, Limits, SystemClock
from snapshotter.api.narrowing import (
    ATTEMPTS,
    PAGE_SIZE,
    ListedRecords,
    Narrowing,
    Places,
    Trouble,
    Width,
    Wire,
)
from snapshotter.api.paging import Cursor, ItemT, Listed, Page, pages
from snapshotter.api.records import Record, Reject, read_all, time_in
from snapshotter.api.verdict import REMAINING, Verdict, date, judge, judge_fault
from snapshotter.errors import (
    AGAIN,
    BadAnswer,
    RequestFailed,
    RequestRefused,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.masking import Mask
from snapshotter.settings import Service
from snapshotter.times import stamp

__all__ = ["ATTEMPTS", "PAGE_SIZE", "Client", "Clock", "Filters", "Limits", "SystemClock"]

log = logging.getLogger(__name__)

ACCEPT = "application/vnd.xplenty+json; version=2"
MAX_CREDITS = 2**31  # what a column of the run's row can hold
MOST_PAGES_OF_A_SECOND = 20
EARLY_BODY = 2**20  # bytes of a page; with larger ones nothing is asked for early
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 20.0  # seconds, before jitter
ATTEMPTS_FOR_A_JOB = 3  # once the list has been seen to work; `ATTEMPTS` before
ATTEMPTS_FOR_THE_NEXT = 2  # after one that failed for good


@dataclass(frozen=True)
class Filters:
    """Which jobs to list. `since` is on `updated_at`, inclusive, to the second."""

    since: datetime | None = None
    status: str | None = None
    package_id: int | None = None

    def query(self) -> dict[str, str]:
        given = {
            "since": self.since and stamp(self.since),
            "status": self.status,
            "package_id": self.package_id,
        }
        return {name: str(value) for name, value in given.items() if value is not None}


_Credits = Annotated[int, msgspec.Meta(ge=0, lt=MAX_CREDITS)]
Records = Sequence[Record | Reject]


class _Request(NamedTuple):
    """What to ask, and how to read the answer. `most`: how many bytes its body may have."""

    path: str
    query: dict[str, str]
    decode: Callable[[requests.Response, bytes], Any]
    session: transport.Session
    is_free: bool = False
    none_if_missing: bool = False
    most: int = bodies.MAX_BODY


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
        limits: Limits = Limits(),  # noqa: B008 - immutable
        *,
        clock: Clock = SystemClock(),  # noqa: B008 - without state
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._base = f"{service.api_url}/{service.account_id}/api/"
        self._timeout = service.timeout
        self._key_source = service.key.source
        self._limits, self._time, self._jitter = limits, clock, jitter
        self._reserve = DEFAULT_RESERVE if limits.reserve is None else limits.reserve
        self._ends = None if limits.seconds is None else clock.now() + limits.seconds
        self._session = transport.Session()
        self._session.auth = HTTPBasicAuth(service.key.secret, "")
        # A proxy is for https, which it cannot read; plain http goes to loopback and nowhere else.
        self._session.trust_env = is_https = service.api_url.startswith("https:")
        self._session.headers["Accept"] = ACCEPT
        self._session.headers["User-Agent"] = f"xplenty-snapshotter/{__version__}"
        self._mask = Mask(service.key.secret)
        if is_https:
            self._session.verify = certificates.trusted()
            self._mask = Mask(service.key.secret, *proxies.check(service.api_url))
        self._lock = threading.Lock()  # on all that follows: what is known and spent
        self._under_way = self._answered = 0
        self._width, self._places = Width(), dict[str, Places]()
        self._usual_size = 0  # of a page, lately, in bytes
        self._has_listed = False
        self._has_failed = False  # the last call for one job
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
        request = _Request("rate_limit_status", {}, decoding.budget, self._session, is_free=True)
        budget = self._get(request) or decoding.Budget()
        limit, remaining = _credits(budget.limit), _credits(budget.remaining)
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

    @overload
    def jobs(self, filters: Filters, cursor: Cursor) -> Generator[Page[Record | Reject]]: ...

    @overload
    def jobs(
        self, filters: Filters, cursor: Cursor, prepare: Callable[[Records], Sequence[ItemT]]
    ) -> Generator[Page[ItemT]]: ...

    def jobs(
        self,
        filters: Filters,
        cursor: Cursor,
        prepare: Callable[[Records], Sequence[Any]] = lambda records: records,
    ) -> Generator[Page[Any]]:
        """Yield the pages of the list from `cursor` on, in the order of `created_at`.

        They are pages of what `prepare` makes of the records of each. Most pages of a long list are
        asked for early, by other threads, and prepared there.
        """
        query = {"sort": "created", "direction": "asc", "limit": "", **filters.query()}
        places, mine, sessions = Places(), threading.local(), list[transport.Session]()

        def ask_early(offset: int) -> Listed[Any]:
            if not hasattr(mine, "list_"):
                session = transport.Session(like=self._session)
                sessions.append(session)
                mine.list_ = self._list(query, places, session)
            return prepared(mine.list_(offset, PAGE_SIZE))

        def cancel() -> None:
            for session in sessions:
                session.abort()

        list_ = self._list(query, places)

        def ask(offset: int) -> Listed[Any]:
            return prepared(list_(offset, PAGE_SIZE))

        def prepared(listed: ListedRecords) -> Listed[Any]:
            return Listed(prepare(listed.records), listed.more)

        calls = prefetch.Calls(ask, ask_early, cancel, lambda: self._usual_size <= EARLY_BODY)
        with prefetch.Threads(calls) as threads:
            yield from pages(ask, cursor, threads)

    def page(self, offset: int, *, limit: int = PAGE_SIZE, status: str = "all") -> ListedRecords:
        """Give what the list has from `offset` on, in the order of `created_at`."""
        query = {"sort": "created", "direction": "asc", "limit": "", "status": status}
        places = self._places.setdefault(status, Places())
        return self._list(query, places)(offset, limit)

    def touched_at(self, moment: datetime) -> tuple[list[Record | Reject], bool]:
        """Give the jobs updated in the second of `moment`, as lists tell them, and some later.

        Also whether that is all of them for sure: a list that moves between two pages may hide one.
        """
        query = {"sort": "updated", "direction": "asc", "limit": "", **Filters(moment).query()}
        list_ = self._list(query, Places())
        found: list[Record | Reject] = []
        for number in range(MOST_PAGES_OF_A_SECOND):
            listed = list_(len(found), PAGE_SIZE)
            found += listed.records
            times = map(_updated_at, listed.records)
            past = max((at for at in times if at is not None), default=moment) > moment
            if past or not listed.records or listed.more is False:
                return found, number == 0
        return found, False

    def newest(self) -> datetime | None:
        """Give the latest `updated_at` of all jobs; None for an account with no job."""
        list_ = self._list({"sort": "updated", "direction": "desc", "limit": ""}, Places())
        times: list[datetime] = []
        for limit in (1, PAGE_SIZE):
            try:
                records = list_(0, limit).records
            except RequestRefused:
                if limit == PAGE_SIZE:
                    raise
                continue  # perhaps for this record alone
            times = [at for at in map(_updated_at, records) if at is not None]
            if times or not records:
                break
        return max(times, default=None)

    def job(self, job_id: int) -> Record | Reject | None:
        """Give one job; None when the API has no such job.

        Raises `RequestRefused` or `RequestFailed` when there is no answer for this job alone, and
        `Stopped` when jobs have failed one after another and the list does not work either.
        """
        request = _Request(
            f"jobs/{job_id}", {}, decoding.record, self._session, none_if_missing=True
        )
        attempts = ATTEMPTS_FOR_THE_NEXT if self._has_failed else ATTEMPTS_FOR_A_JOB
        self._has_failed = True  # unless an answer comes
        raw = self._get(request, attempts if self._has_listed else ATTEMPTS)
        self._has_failed = False
        return None if raw is None else read_all([raw])[0]

    def _list(
        self, query: dict[str, str], places: Places, session: transport.Session | None = None
    ) -> Narrowing:
        """Give what reads a list; `session` is that of a thread that asks early."""
        path, session, most = "jobs", session or self._session, bodies.MAX_BODY
        if session is not self._session:
            most = EARLY_BODY

        def ask(offset: int, limit: int) -> ListedRecords:
            asked = {**query, "limit": str(limit), "offset": str(offset)}
            request = _Request(path, asked, decoding.page, session, most=most)
            records, more = self._get(request, attempts=1)
            return Listed(read_all(records), self._has_more(records, offset, limit, more=more))

        def rest(number: int, trouble: Trouble) -> None:
            self._rest(number, ATTEMPTS, trouble)

        return Narrowing(Wire(ask, rest, self._attest), self._width, places)

    def _has_more(
        self, records: Sequence[bytes], offset: int, limit: int, *, more: bool | None
    ) -> bool | None:
        """Note what a page tells of the server, and give whether there is more behind it."""
        with self._lock:
            self._has_listed = True
            if more is not None:
                self.sends_links = True
            elif records and offset:
                self.sends_links = False  # it would have named the page before
            elif not records or (self.sends_links and len(records) < min(limit, self.page_size)):
                # A full page is never believed to be the last on the absence of a header alone.
                more = False
            self.page_size = max(self.page_size, len(records))
        return more

    def _attest(self, trouble: Trouble) -> str | None:
        """Give what came in place of a record, as text; the key hidden."""
        if not trouble.body:
            return None
        text = trouble.body.decode("utf-8", "replace").replace("\0", "\ufffd")
        return self._mask(text)[: bodies.HEAD]

    def _get(self, request: _Request, attempts: int = ATTEMPTS) -> Any:
        """Ask until an answer decodes, an error is final, or no attempt is left."""
        asked = f"GET {self._base}{request.path}"
        attempt = 0
        while True:
            attempt += 1
            if request.session.is_aborted:
                raise Stopped(f"{asked}: given up")
            answered = self._take_leave(is_free=request.is_free)
            body = b""
            try:
                response, body = self._send(request, answered)
                missing = response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
                if missing and (request.none_if_missing or request.is_free):
                    return None
                verdict = judge(
                    response,
                    body,
                    asked,
                    self._mask,
                    is_of_one=request.none_if_missing,
                    key_source=self._key_source,
                )
                if verdict.error is None:
                    self._note_size(request, len(body))
                    return request.decode(response, body)
            except bodies.TooLarge as fault:
                if request.most < bodies.MAX_BODY:
                    raise prefetch.TooLarge from None
                body = fault.head
                verdict = Verdict(BadAnswer(f"{asked}: {fault}, more than is read{AGAIN}"), 0.0)
            except requests.RequestException as fault:
                verdict = judge_fault(fault, asked, self._mask)
            except BadAnswer as fault:
                verdict = Verdict(BadAnswer(f"{asked}: {self._mask(str(fault))}{AGAIN}"), 0.0)
            error = verdict.attested(body)
            # What stops the run, as a spent budget, may pass; what one request fails with, for a
            # list, is tried again by another one.
            most = attempts if isinstance(error, RequestFailed) else ATTEMPTS
            if verdict.pause is None or attempt >= most:
                raise self._blamed(error)
            self._rest(attempt, most, error, verdict.pause)

    def _blamed(self, error: SnapshotterError) -> SnapshotterError:
        """Return the error; what the run's own end has cut short is no failure of its request."""
        if not isinstance(error, RequestFailed) or self.time_left() != 0:
            return error
        return Stopped(_interruption(self._time.interrupted) or str(error))

    def _rest(
        self, attempt: int, attempts: int, error: SnapshotterError, at_least: float | None = None
    ) -> None:
        """Wait before the next attempt. Raises `Stopped` where that would outlast the run."""
        asked_for = getattr(error, "pause", 0.0) if at_least is None else at_least
        pause = max(asked_for, self._backoff(max(1, attempt)))
        if self._time.interrupted:
            self._check_limits(is_free=True)
        if self._ends is not None and self._time.now() + pause >= self._ends:
            raise Stopped(str(error))
        said = str(error).removesuffix(AGAIN)
        if attempt:
            log.warning("%s (attempt %d of %d, next in %.1f s)", said, attempt, attempts, pause)
        else:
            log.info("%s (looking for the record that it fails on)", said)
        self._time.sleep(pause)
        if self._ends is not None and self._time.now() >= self._ends:
            raise Stopped(str(error))

    def _note_size(self, request: _Request, size: int) -> None:
        if request.path == "jobs" and request.query["limit"] != "1":
            with self._lock:
                self._usual_size = max(size, self._usual_size // 2)

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
            raise Stopped(_interruption(self._time.interrupted))
        if self._ends is not None and self._time.now() >= self._ends:
            raise Stopped(f"--max-time {limits.seconds:g} s are over; the next run goes on")
        if limits.requests is not None and self.requests_sent >= limits.requests:
            raise Stopped(f"--max-requests {limits.requests} are sent; the next run goes on")
        if not is_free and left is not None and left <= self._reserve:
            raise Stopped(
                f"{left} credits are left of this hour's, and {self._reserve} are to be kept "
                "(--reserve-credits); run again later"
            )

    def _backoff(self, attempt: int) -> float:
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1))
        return ceiling * (0.5 + self._jitter() / 2)

    def _send(self, request: _Request, answered: int) -> tuple[requests.Response, bytes]:
        seconds = self._timeout
        if self._ends is not None:
            seconds = max(0.001, min(seconds, self._ends - self._time.now()))
        bounds = transport.Bounds(seconds, request.most, lambda: self._time.interrupted)
        url = self._base + request.path
        try:
            response, body = transport.get(request.session, url, request.query, bounds)
        finally:
            with self._lock:
                self._under_way -= 1
                is_alone = not self._under_way and self._answered == answered
                self._answered += 1
        status = response.status_code
        log.debug("GET %s %s: %d, %d bytes", request.path, request.query, status, len(body))
        with self._lock:
            self._note(response, is_alone=is_alone)
        return response, body

    def _note(self, response: requests.Response, *, is_alone: bool) -> None:
        """Note what an answer tells; `is_alone`: no other request was under way meanwhile."""
        told, left = response.headers.get(REMAINING, ""), self.credits_remaining
        if re.fullmatch(r"\d{1,9}", told):
            # Of answers that cross each other any may be the older: then the lower figure is the
            # safe one, unless a new hour has begun.
            is_new_hour = left is None or int(told) > left + _CROSSING
            self.credits_remaining = (
                int(told) if is_alone or is_new_hour or left is None else min(int(told), left)
            )
        if (at := date(response.headers.get("Date"))) is not None:
            # Hosts behind one name can disagree: the earliest clock of a run is the safe one.
            self.clock = min(self.clock or at, at)
            self.latest_clock = max(self.latest_clock or at, at)


_CROSSING = 4 * prefetch.THREADS  # credits that answers under way can be apart


def _updated_at(record: Record | Reject) -> datetime | None:
    if isinstance(record, Record):
        return record.job.updated_at
    return time_in(record.payload, "updated_at")


def _interruption(by: str) -> str:
    return f"{by}; nothing is lost, the next run goes on" if by else ""


def _credits(told: msgspec.Raw) -> int | None:
    try:
        return msgspec.json.decode(told, type=_Credits)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
