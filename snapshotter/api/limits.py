"""How far a run may go, and the clock that it goes by."""

import time
from dataclasses import dataclass
from typing import Protocol

from snapshotter.errors import UsageError

LEAST_REQUESTS = 3  # the credits, where the account stands, and a page
DEFAULT_RESERVE = 500  # credits; all else that uses the key lives on them


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


class Clock(Protocol):
    """Time that passes, and whether it is time to stop."""

    def now(self) -> float:
        """Return seconds since some fixed moment; they never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait, or less long if `interrupted` comes true."""

    @property
    def interrupted(self) -> str:
        """Name what asks the run to stop; empty while nothing does."""


class SystemClock:
    interrupted = ""

    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)
