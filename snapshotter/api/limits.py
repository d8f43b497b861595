"""May this request be sent? How far a run may go, what it has spent, and the clock it goes by."""

import math
import re
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from snapshotter.errors import AGAIN, CONTINUES, Stopped, UsageError
from snapshotter.texts import counted
from snapshotter.times import duration

LEAST_REQUESTS = 3  # the credits, the newest change, and a page
DEFAULT_RESERVE = 500  # credits, for whatever else uses the key
CROSSING = 32  # how far the counters of concurrent answers may differ: 8 threads, 4 requests each


@dataclass(frozen=True)
class Limits:
    """How far a run may go.

    `reserve`: credits that are never spent; None is `DEFAULT_RESERVE`, or a tenth of an hourly
    budget that is not larger. `requests` bounds all that is sent, `seconds` the whole run; None is
    no bound.
    """

    reserve: int | None = 0
    requests: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.requests is not None and self.requests < LEAST_REQUESTS:
            raise UsageError(
                f"--max-requests {self.requests} is too few; a run needs "
                f"{LEAST_REQUESTS}: the credits, the newest change, and a page"
            )


class Clock(Protocol):
    """Time that passes, and whether it is time to stop."""

    def now(self) -> float:
        """Return seconds since some fixed moment; they never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait; less long if the run is interrupted."""

    @property
    def interrupted(self) -> str:
        """Return what asks the run to stop; empty if nothing does."""


class SystemClock:
    interrupted = ""

    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


class Allowance:
    """What a run has spent, and what it may still spend; threads share it.

    `credits_remaining` is what the server last reported, less what was sent since.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits, self._clock = limits, clock
        self._reserve = DEFAULT_RESERVE if limits.reserve is None else limits.reserve
        self._ends = None if limits.seconds is None else clock.now() + limits.seconds
        self._lock = threading.Lock()
        self._under_way = self._answered = 0
        self.requests_sent = 0
        self.credits_spent = 0
        self.credits_remaining: int | None = None
        self._hourly: int | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether a signal asks to stop."""
        return bool(self._clock.interrupted)

    @property
    def has_spare_credits(self) -> bool:
        """Whether more than half of the hour's credits are left, as far as they are known.

        The other half is for what is essential: the next runs of the same hour need it.
        """
        left = self.credits_remaining
        return left is None or left > max(self._reserve, (self._hourly or 0) // 2)

    def time_left(self) -> float | None:
        """Return the seconds left: 0 once a signal asks to stop, None without a bound."""
        if self._clock.interrupted:
            return 0
        return None if self._ends is None else max(0.0, self._ends - self._clock.now())

    @property
    def reserve(self) -> int:
        """Return the credits that are never spent."""
        return self._reserve

    def requests_left(self) -> float:
        """Return how many more requests the limits allow, by what is known of the credits."""
        of_run, credits_left = self._limits.requests, self.credits_remaining
        return min(
            math.inf if of_run is None else of_run - self.requests_sent,
            math.inf if credits_left is None else credits_left - self._reserve,
        )

    def is_over(self, after: float = 0.0) -> bool:
        """Return whether the run's time is over in `after` seconds."""
        return self._ends is not None and self._clock.now() + after >= self._ends

    def timeout(self, most: float) -> float:
        """Return the seconds that a request may take: `most`, or less near the run's end."""
        return most if self._ends is None else max(0.001, min(most, self._ends - self._clock.now()))

    def set_budget(self, limit: int | None, remaining: int | None) -> None:
        """Note the credits of an hour, and those left. Raises `UsageError` if all are reserved."""
        if limit is not None and limit <= self._reserve:
            if self._limits.reserve is not None:
                raise UsageError(
                    f"--reserve-credits {self._reserve} leaves nothing of the account's {limit:,} "
                    "credits an hour; reserve fewer"
                )
            self._reserve = limit // 10
        self._hourly = limit
        if remaining is not None:
            self.credits_remaining = remaining

    def reserve_request(self, *, is_free: bool) -> int:
        """Count a request that is about to be sent; return how many answers came before it.

        Raises `Stopped` unless the limits allow it.
        """
        with self._lock:
            self.check(is_free=is_free)
            self.requests_sent += 1
            self.credits_spent += not is_free
            if self.credits_remaining and not is_free:
                self.credits_remaining -= 1  # also if the answer is lost, or does not name them
            self._under_way += 1
            return self._answered

    def note_end(self, answered_before: int) -> bool:
        """Note that a request has ended; return whether no other was in progress meanwhile."""
        with self._lock:
            self._under_way -= 1
            is_alone = not self._under_way and self._answered == answered_before
            self._answered += 1
            return is_alone

    def note_credits(self, reported: str, *, is_alone: bool) -> None:
        """Note the credits left that an answer's header names, if it does."""
        if not re.fullmatch(r"\d{1,9}", reported):
            return
        with self._lock:
            left, now = self.credits_remaining, int(reported)
            # Of answers that cross each other any may be the older: then the lower figure is the
            # safe one, unless a new hour has begun.
            is_new_hour = left is None or now > left + CROSSING
            self.credits_remaining = (
                now if is_alone or is_new_hour or left is None else min(now, left)
            )

    def check(self, *, is_free: bool) -> None:
        """Raise `Stopped` if no request may be sent now."""
        limits, left = self._limits, self.credits_remaining
        if self._clock.interrupted:
            raise Stopped(interruption(self._clock.interrupted))
        if limits.seconds is not None and self.is_over():
            raise Stopped(f"--max-time {duration(limits.seconds)} is over; the next run continues")
        if limits.requests is not None and self.requests_sent >= limits.requests:
            raise Stopped(f"--max-requests {limits.requests} are sent; the next run continues")
        if not is_free and left is not None and left <= self._reserve:
            raise Stopped(
                f"{counted(left, 'credit')} left of this hour's, and {self._reserve:,} to be kept "
                f"(--reserve-credits){AGAIN}"
            )


def interruption(by: str) -> str:
    """Return the message of a run that a signal has stopped; empty if none has."""
    return f"{by}{CONTINUES}" if by else ""
