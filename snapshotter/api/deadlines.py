"""Bounds requests in time (`--timeout`): one thread watches all, and cuts those overdue.

The timeouts of sockets are for each read: a server that sends a byte now and then holds such a
reader as long as it likes. So the connection is shut down from outside, whatever waits on it. If no
thread can be started, the system's timer does so for the main thread.
"""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Self

SLICE = 0.25  # seconds between two looks at what asks to stop
GRACE = 1.0  # seconds that an answer in progress still has once the run is asked to stop

_thread = threading.local()


def current() -> "Deadline | None":
    """Return the deadline of this thread's request, if there is one in progress."""
    found: Deadline | None = getattr(_thread, "deadline", None)
    return found


def leave_signals_to_the_main_thread() -> None:
    """Block signals in this thread: only in the main one do they end a wait."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


class Deadline:
    """Shuts this thread's connection down when the time is up, in its `with`.

    `is_asked_to_stop` is polled: once it is true, what is left is `GRACE`.
    """

    def __init__(
        self, seconds: float, is_asked_to_stop: Callable[[], object] = lambda: False
    ) -> None:
        self.passed = False
        self._has_timer = False
        self.is_short = seconds < SLICE
        self._ends = time.monotonic() + seconds
        self._is_asked_to_stop, self._is_cut_short = is_asked_to_stop, False
        self._socket: socket.socket | None = None
        self._lock = threading.RLock()  # the timer may come in between

    def __enter__(self) -> Self:
        _thread.deadline = self
        if not _WATCHDOG.add(self):
            self._set_timer()
        return self

    def __exit__(self, *_: object) -> None:
        _thread.deadline = None
        _WATCHDOG.remove(self)
        if self._has_timer:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self._release()

    def _set_timer(self) -> None:
        """Look at the time by a signal; only the main thread can, and if nothing else uses it."""
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
            signal.signal(signal.SIGALRM, lambda *_: self.left() and None)
            signal.setitimer(signal.ITIMER_REAL, SLICE, SLICE)
            self._has_timer = True

    def left(self) -> float:
        """Return the seconds that are left; 0, and cut the connection, if the time is up."""
        if not self._is_cut_short and self._is_asked_to_stop():
            self._is_cut_short = True
            self._ends = min(self._ends, time.monotonic() + GRACE)
        left = self._ends - time.monotonic()
        if left > 0 and not self.passed:
            return left
        self.cut()
        return 0.0

    def show(self, connection: Any) -> None:
        """Take the connection to cut; cut it at once if the time is already up."""
        with contextlib.suppress(OSError):  # for example, too many open files
            # A copy: TLS takes the socket over, and the connection may be anybody's next.
            copy = socket.socket(fileno=os.dup(connection.fileno()))
            with self._lock:
                before, self._socket = self._socket, copy
            if before is not None:
                before.close()
        if self.passed:
            self.cut()

    def cut(self) -> None:
        self.passed = True
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _release(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = None


class _Watchdog:
    """The thread that all deadlines share. It begins with the first one, and waits for more."""

    def __init__(self) -> None:
        self._deadlines: set[Deadline] = set()
        self._changed = threading.Condition()
        self._has_thread = self._is_idle = False

    def add(self, deadline: Deadline) -> bool:
        """Watch a deadline; return False if there is no thread to do so."""
        with self._changed:
            self._deadlines.add(deadline)
            if self._has_thread:
                if self._is_idle or deadline.is_short:
                    self._changed.notify()
                return True
            try:
                threading.Thread(target=self._watch, name="deadlines", daemon=True).start()
            except RuntimeError:  # no further thread may be started
                self._deadlines.discard(deadline)
                return False
            self._has_thread = True
            return True

    def remove(self, deadline: Deadline) -> None:
        with self._changed:
            self._deadlines.discard(deadline)

    def _watch(self) -> None:
        leave_signals_to_the_main_thread()
        while True:
            with self._changed:
                while not self._deadlines:
                    self._is_idle = True
                    self._changed.wait()
                self._is_idle = False
                due = list(self._deadlines)
            soonest = min((deadline.left() or SLICE) for deadline in due)
            with self._changed:
                self._changed.wait(min(SLICE, soonest))


_WATCHDOG = _Watchdog()
