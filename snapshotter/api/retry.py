"""Sends a request until an answer is final or no attempt is left, within the run's limits.

Pauses double, with jitter; `verdict` decides what is tried again, and reads `Retry-After`.
`--timeout` bounds each attempt; `deadlines` keeps to it.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Generic, NamedTuple, TypeVar

import requests

from snapshotter.api import bodies, transport
from snapshotter.api.limits import Allowance, Clock, interruption
from snapshotter.api.verdict import REMAINING, Question, Verdict, date, judge, judge_fault
from snapshotter.errors import AGAIN, BadAnswer, RequestFailed, SnapshotterError, Stopped
from snapshotter.message_mask import Mask

log = logging.getLogger(__name__)

ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 20.0  # seconds, before jitter

T = TypeVar("T")


class Request(NamedTuple, Generic[T]):
    """What to ask, and how to read the answer.

    `when_missing` returns what a 404 means, if it is not an error. `most`: how many bytes the
    body may have.
    """

    path: str
    query: dict[str, str]
    decode: Callable[[requests.Response, bytes], T]
    session: transport.Session
    is_free: bool = False
    is_of_one: bool = False
    when_missing: Callable[[], T] | None = None
    most: int = bodies.MAX_BODY


class Caller(NamedTuple):
    """Who asks: `base` is the URL that paths are added to, `timeout` the seconds of a request."""

    base: str
    timeout: float
    mask: Mask
    key_source: str


class Retrying:
    """Sends requests; threads share it.

    `server_clock` is the earliest `Date` of an answer, `latest_server_clock` the latest, in UTC.
    """

    def __init__(
        self, caller: Caller, allowance: Allowance, clock: Clock, jitter: Callable[[], float]
    ) -> None:
        self._caller, self._allowance, self._clock = caller, allowance, clock
        self._jitter = jitter
        self._lock = threading.Lock()
        self.server_clock: datetime | None = None
        self.latest_server_clock: datetime | None = None

    def get(self, request: Request[T], attempts: int = ATTEMPTS) -> T:
        """Ask until an answer decodes, an error is final, or no attempt is left.

        Raises `RequestFailed`, `RequestRefused`, `KeyRefused`, `UsageError` or `Failure`; `Stopped`
        if the limits allow no further request; `bodies.TooLarge` for an answer of over
        `request.most` bytes if that is less than `bodies.MAX_BODY`.
        """
        asked = f"GET {self._caller.base}{request.path}"
        question = Question(asked, self._caller.mask, request.is_of_one, self._caller.key_source)
        attempt = 0
        while True:
            attempt += 1
            found = self._attempt(request, question)
            if not isinstance(found, _Failed):
                return found
            error = found.verdict.error_with(found.body)
            # What stops the run, as a spent budget, may pass; what one request fails with, for a
            # list, is tried again by another one.
            most = attempts if isinstance(error, RequestFailed) else ATTEMPTS
            if found.verdict.pause is None or attempt >= most:
                raise self._blamed(error)
            self.wait(attempt, most, error, found.verdict.pause)

    def _attempt(self, request: Request[T], question: Question) -> "T | _Failed":
        """Ask once."""
        if request.session.is_aborted:
            raise Stopped(f"{question.asked}: given up")
        answered_before = self._allowance.reserve_request(is_free=request.is_free)
        body = b""
        try:
            response, body = self._send(request, answered_before)
            missing = response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
            if missing and request.when_missing is not None:
                return request.when_missing()
            verdict = judge(response, body, question)
            if verdict.error is None:
                return request.decode(response, body)
        except bodies.TooLarge as fault:
            if request.most < bodies.MAX_BODY:
                raise
            body, why = fault.head, f"{fault}, more than is read"
            verdict = Verdict(BadAnswer(f"{question.asked}: {why}{AGAIN}"), 0.0)
        except requests.RequestException as fault:
            verdict = judge_fault(fault, question)
        except BadAnswer as fault:
            why = question.mask(str(fault))
            verdict = Verdict(BadAnswer(f"{question.asked}: {why}{AGAIN}"), 0.0)
        return _Failed(verdict, body)

    def _blamed(self, error: SnapshotterError) -> SnapshotterError:
        """Return the error; if the run's own end has cut the request short, it did not fail."""
        if not isinstance(error, RequestFailed) or self._allowance.time_left() != 0:
            return error
        return Stopped(interruption(self._clock.interrupted) or str(error))

    def wait(
        self, attempt: int, attempts: int, error: SnapshotterError, at_least: float | None = None
    ) -> None:
        """Wait before the next attempt. Raises `Stopped` if that would outlast the run."""
        asked_for = getattr(error, "pause", 0.0) if at_least is None else at_least
        pause = max(asked_for, self._backoff(max(1, attempt)))
        if self._clock.interrupted:
            self._allowance.check(is_free=True)
        if self._allowance.is_over(pause):
            raise Stopped(str(error))
        what = str(error).removesuffix(AGAIN)
        if attempt:
            log.warning("%s (attempt %d of %d, next in %.1f s)", what, attempt, attempts, pause)
        else:
            log.info("%s (looking for the record that it fails on)", what)
        self._clock.sleep(pause)
        if self._allowance.is_over():
            raise Stopped(str(error))

    def _backoff(self, attempt: int) -> float:
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1))
        return ceiling * (0.5 + self._jitter() / 2)

    def _send(self, request: Request[T], answered_before: int) -> tuple[requests.Response, bytes]:
        seconds = self._allowance.timeout(self._caller.timeout)
        bounds = transport.Bounds(seconds, request.most, lambda: self._clock.interrupted)
        url = self._caller.base + request.path
        try:
            response, body = transport.get(request.session, url, request.query, bounds)
        except requests.RequestException:
            if request.session.is_aborted:  # cut off on purpose: not a fault to report
                raise Stopped(f"GET {url}: given up") from None
            raise
        finally:
            is_alone = self._allowance.note_end(answered_before)
        status = response.status_code
        log.debug("GET %s %s: %d, %d bytes", request.path, request.query, status, len(body))
        self._allowance.note_credits(response.headers.get(REMAINING, ""), is_alone=is_alone)
        self._note_date(response.headers.get("Date"))
        return response, body

    def _note_date(self, header: str | None) -> None:
        if (at := date(header)) is None:
            return
        with self._lock:
            # Hosts behind one name can disagree: the earliest clock of a run is the safe one.
            self.server_clock = min(self.server_clock or at, at)
            self.latest_server_clock = max(self.latest_server_clock or at, at)

    def stopwatch(self) -> Callable[[], timedelta]:
        """Start measuring; return what returns the time since, by this host or the server."""
        began, server_began = self._clock.now(), self.latest_server_clock

        def elapsed() -> timedelta:
            here = timedelta(seconds=self._clock.now() - began)
            if server_began is None or self.latest_server_clock is None:
                return here
            return max(here, self.latest_server_clock - server_began)

        return elapsed


class _Failed(NamedTuple):
    verdict: Verdict
    body: bytes
