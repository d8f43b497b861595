"""Estimates how many jobs an account has while it is read for the first time, in few requests.

The list can be requested from any offset: so its end is searched for, by larger and larger steps
and then between the last two, until it is known to a twentieth. Another thread asks, so that the
run does not wait; what goes wrong there only leaves the size unknown.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

from snapshotter.api.deadlines import leave_signals_to_the_main_thread
from snapshotter.sync.run import Run

LARGE = 1000  # jobs; a smaller account is read before its size would be known
LEAST_CREDITS = 1000  # left of the hour; with fewer none is spent on this
MOST_REQUESTS = 20
_STEP = 4
_NEAR = 1.1  # how far the bounds of an estimate may be apart


class AccountSize:
    """What is known of the size of an account that a run reads.

    `before`: how many jobs of the list earlier runs have read.
    """

    def __init__(self, run: Run, *, may_ask: bool = True) -> None:
        self._run = run
        self.before = 0
        self.is_first = may_ask and run.outcome.kind == "full"
        self._estimate: int | None = None
        self._thread: threading.Thread | None = None
        self._cancel: Callable[[], None] = lambda: None
        unfinished = run.ledger.unfinished_listing() if self.is_first else None
        if unfinished is not None and unfinished.is_whole:
            self.before = unfinished.cursor.offset

    def of(self, done: int) -> int | None:
        """Return about how many jobs there are; None while that is unknown, or has been wrong."""
        credits_left = self._run.client.credits_remaining
        has_credits = credits_left is None or credits_left >= LEAST_CREDITS
        if self.is_first and self._thread is None and done >= LARGE and has_credits:
            self._start(done)
        return self._estimate if self._estimate is not None and self._estimate > done else None

    def _start(self, done: int) -> None:
        has, self._cancel = self._run.client.prober()
        target = self._search
        self._thread = threading.Thread(target=target, args=(has, done), name="size", daemon=True)
        with suppress(RuntimeError):  # no further thread may be started
            self._thread.start()

    def _search(self, has: Callable[[int], bool], done: int) -> None:
        leave_signals_to_the_main_thread()
        with suppress(Exception):  # the run itself meets what is wrong, and reports it
            self._estimate = estimated(has, done)

    def close(self) -> None:
        """End the search, because the run has ended."""
        self._cancel()


def estimated(has: Callable[[int], bool], known: int) -> int | None:
    """Return about how many jobs a list has, of which some are known; `has`: one at an offset.

    None if `MOST_REQUESTS` did not find it.
    """
    low, high = known, known * _STEP
    for asked in range(MOST_REQUESTS):
        if not has(high - 1):
            return _between(has, low, high, MOST_REQUESTS - asked - 1)
        low, high = high, high * _STEP
    return None


def _between(has: Callable[[int], bool], low: int, high: int, most: int) -> int:
    for _ in range(most):
        if high <= low * _NEAR:
            break
        middle = (low + high) // 2
        if has(middle - 1):
            low = middle
        else:
            high = middle
    return (low + high) // 2
