"""What can be asked of the API: the credits, a page of jobs, one job.

Facts on the API are the vendor's v2 documentation: HTTP Basic with the key as user name, an Accept
header that names the version, an hourly budget of credits that every answer's headers count down.
`retry` sends a request until an answer is final, `limits` decides whether it may be sent, and so a
run stops between two answers. A long list is prefetched by several threads; each has its session.
"""

import random
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Self, overload

import msgspec
from requests.auth import HTTPBasicAuth

from snapshotter import __version__
from snapshotter.api import bodies, certificates, decoding, proxies, transport, updates
from snapshotter.api.limits import Allowance, Clock, Limits, SystemClock
from snapshotter.api.lists import ListReaders
from snapshotter.api.narrowing import PAGE_SIZE, ListedRecords, Places
from snapshotter.api.one_job import OneJob
from snapshotter.api.paging import Cursor, ItemT, Page
from snapshotter.api.read_ahead import InTurn, ReadAhead
from snapshotter.api.records import Record, Reject
from snapshotter.api.retry import Caller, Request, Retrying
from snapshotter.api.summaries import Summarized
from snapshotter.message_mask import Mask
from snapshotter.settings import Service
from snapshotter.times import stamp

ACCEPT = "application/vnd.xplenty+json; version=2"
ALONE = 12  # pages of a list with filters; few of them are long, and their credits recur
MAX_CREDITS = 2**31  # what a column of the run's row can hold


@dataclass(frozen=True)
class ListFilters:
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


class Client:
    """Asks one account's API. Close it, or use it in `with`.

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
        self._session, self._mask = opened(service)
        self._allowance = Allowance(limits, clock)
        base = f"{service.api_url}/{service.account_id}/api/"
        caller = Caller(base, service.timeout, self._mask, service.key.source)
        self._retrying = Retrying(caller, self._allowance, clock, jitter)
        self._readers = ListReaders(self._retrying, self._session, self._mask)
        self._places: dict[str, Places] = {}
        self._one_job = OneJob(self._retrying, self._session, self._readers)
        left = self._allowance.requests_left
        self._ahead = ReadAhead(self._retrying, self._session, self._readers, left)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    @property
    def requests_sent(self) -> int:
        return self._allowance.requests_sent

    @property
    def credits_spent(self) -> int:
        return self._allowance.credits_spent

    @property
    def credits_remaining(self) -> int | None:
        return self._allowance.credits_remaining

    @property
    def server_clock(self) -> datetime | None:
        """The earliest `Date` of an answer, UTC."""
        return self._retrying.server_clock

    @property
    def latest_server_clock(self) -> datetime | None:
        """The latest `Date` of an answer, UTC."""
        return self._retrying.latest_server_clock

    @property
    def sends_links(self) -> bool:
        """Whether the server names further pages. An earlier run may have known it: set it."""
        return self._readers.sends_links

    @sends_links.setter
    def sends_links(self, known: bool) -> None:
        self._readers.sends_links = known

    @property
    def page_size(self) -> int:
        """The most jobs in a page so far. An earlier run may have known it: set it."""
        return self._readers.page_size

    @page_size.setter
    def page_size(self, known: int) -> None:
        self._readers.page_size = known

    def stopwatch(self) -> Callable[[], timedelta]:
        """Start measuring; return what returns the time since, by this host or the server."""
        return self._retrying.stopwatch()

    def time_left(self) -> float | None:
        """Return the seconds left: 0 once a signal asks to stop, None without a bound."""
        return self._allowance.time_left()

    @property
    def is_interrupted(self) -> bool:
        return self._allowance.is_interrupted

    @property
    def has_spare_credits(self) -> bool:
        """Whether there are credits for what is not essential: over half of an hour's are left."""
        return self._allowance.has_spare_credits

    def credits(self) -> int | None:
        """Return the credits left of this hour's, for free; None if the server does not say."""
        request = Request(
            "rate_limit_status",
            {},
            decoding.budget,
            self._session,
            is_free=True,
            when_missing=decoding.Budget,
        )
        budget = self._retrying.get(request)
        self._allowance.set_budget(credits_in(budget.limit), credits_in(budget.remaining))
        return self.credits_remaining

    @overload
    def jobs(self, filters: ListFilters, cursor: Cursor) -> Generator[Page[Record | Reject]]: ...

    @overload
    def jobs(
        self, filters: ListFilters, cursor: Cursor, prepare: Callable[[Records], Sequence[ItemT]]
    ) -> Generator[Page[ItemT]]: ...

    def jobs(
        self,
        filters: ListFilters,
        cursor: Cursor,
        prepare: Callable[[Records], Sequence[Any]] = lambda records: records,
    ) -> Generator[Page[Any]]:
        """Yield the pages of the list from `cursor` on, in the order of `created_at`.

        They are pages of what `prepare` returns for the records of each. Most pages of a long list
        are prefetched by other threads, and prepared there.
        """
        query = {"sort": "created", "direction": "asc", "limit": "", **filters.query()}
        alone = 1 if filters == ListFilters() else ALONE
        yield from self._ahead.pages(query, cursor, prepare, alone)

    def page(self, offset: int, *, limit: int = PAGE_SIZE, status: str = "all") -> ListedRecords:
        """Return what the list has from `offset` on, in the order of `created_at`."""
        query = {"sort": "created", "direction": "asc", "limit": "", "status": status}
        places = self._places.setdefault(status, Places())
        return self._readers.reader(query, places)(offset, limit)

    def prober(self) -> tuple[Callable[[int], bool], Callable[[], None]]:
        """Return what asks whether the list has a job at an offset, and what aborts that for good.

        Each is asked once, by one thread, which need not be that of other calls.
        """
        session = transport.Session(like=self._session)

        def has(offset: int) -> bool:
            query = {"sort": "created", "direction": "asc", "limit": "1", "offset": str(offset)}
            request = Request("jobs", query, decoding.page, session, most=bodies.HEAD)
            try:
                records, _ = self._retrying.get(request, attempts=1)
            except bodies.TooLarge:
                return True
            return bool(records)

        return has, session.abort

    def touched_at(self, moment: datetime) -> tuple[list[Record | Reject], bool]:
        """Return the jobs updated in the second of `moment`, as lists have them, and some later.

        Also whether they are certainly all: a list that moves between two pages may hide one.
        """
        since = ListFilters(moment).query()
        return updates.touched_at(self._readers, moment, since)

    def newest(self) -> datetime | None:
        """Return the latest `updated_at` of all jobs; None for an account without jobs."""
        return updates.newest(self._readers)

    def job(self, job_id: int) -> Record | Reject | None:
        """Return one job; None if the API has no such job.

        Raises `RequestRefused` or `RequestFailed` if there is no answer for this job alone, and
        `Stopped` if jobs have failed one after another and the list does not work either.
        """
        return self._one_job.record(job_id)

    def jobs_in_turn(self, job_ids: Sequence[int]) -> AbstractContextManager[InTurn]:
        """Return what in its `with` does as `job` for these jobs, one after another in this order.

        Some of the next ones are requested by other threads meanwhile.
        """
        return self._ahead.jobs(self.job, job_ids)

    def log_summary(self, job_id: int) -> Summarized | None:
        """Return a job with the summary of its log; None if the API has no such job.

        Raises as `job` does, and `RecordError` for an answer that cannot be read.
        """
        return self._one_job.log_summary(job_id)


def opened(service: Service) -> tuple[transport.Session, Mask]:
    """Return the session of an account, and what hides its secrets in texts."""
    session, secrets = transport.Session(), [service.key.secret]
    session.auth = HTTPBasicAuth(service.key.secret, "")
    session.headers["Accept"] = ACCEPT
    session.headers["User-Agent"] = f"xplenty-snapshotter/{__version__}"
    # A proxy is for https, which it cannot read; plain http goes to loopback and nowhere else.
    session.trust_env = is_https = service.api_url.startswith("https:")
    if is_https:
        session.verify = certificates.trusted()
        secrets += proxies.check(service.api_url)
    return session, Mask(*secrets)


def credits_in(reported: msgspec.Raw) -> int | None:
    """Return the credits that a server has reported; None for anything else than a number."""
    try:
        return msgspec.json.decode(reported, type=_Credits)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
