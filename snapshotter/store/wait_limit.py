"""How long to wait for a database: for locks that others hold, and for a running statement.

A driver waits in C, or in a call that a signal does not end. So each connection sets how long its
server waits for a lock, and a thread checks whether a statement goes on after the run was to stop,
and then ends it from outside.
"""

import threading
import time
from collections.abc import Callable

TimeLeft = Callable[[], float | None]

LONGEST = 30.0  # seconds to wait for a lock
_GRACE = 2.0  # seconds for the last writes when the time is over
_CUT_AFTER = 1.0  # seconds that a running statement then still has
_LOOKS_EVERY = 0.25


class WaitLimit:
    """How long a run may still wait; `time_left` is None without a bound, 0 if it is to stop."""

    def __init__(self, time_left: TimeLeft | None = None) -> None:
        self._time_left = time_left or (lambda: None)
        self._cuts = time_left is not None
        self._under_way: tuple[float, Callable[[], None]] | None = None
        self._thread: threading.Thread | None = None
        self._mutex = threading.Lock()
        self.has_cut = False

    def seconds(self) -> float:
        """Return how long to wait for a lock from now on."""
        left = self._time_left()
        return LONGEST if left is None else min(LONGEST, max(_GRACE, left))

    def is_over(self) -> bool:
        left = self._time_left()
        return left is not None and left <= 0

    def begin(self, cut: Callable[[], None]) -> None:
        """Note that a statement begins, which `cut` would end."""
        if not self._cuts:
            return
        with self._mutex:
            self._under_way, self.has_cut = (time.monotonic(), cut), False
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, daemon=True, name="wait_limit")
            try:
                self._thread.start()
            except RuntimeError:  # the host allows no other thread: rely on the server's timeouts
                self._cuts = False

    def end(self) -> None:
        """Note that the statement has ended."""
        if self._cuts:
            with self._mutex:
                self._under_way = None

    def _watch(self) -> None:
        over_since: float | None = None
        while True:
            time.sleep(_LOOKS_EVERY)
            if not self.is_over():
                over_since = None
                continue
            now = time.monotonic()
            over_since = now if over_since is None else over_since
            with self._mutex:  # else the statement could end, and the next one be cut
                if self._under_way is None:
                    continue
                began, cut = self._under_way
                if now - max(began, over_since) >= _CUT_AFTER:
                    self._under_way, self.has_cut = None, True
                    cut()
