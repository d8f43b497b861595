"""Signals: the first asks a run to stop after its page, a second one ends the process soon."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Self

from snapshotter.errors import CONTINUES, Interrupted, Stopped

_SLICE = 0.1  # seconds; the longest time until a wait notices a signal
# How long a process may live after a signal that asks to stop at once: slices in which it did
# nothing (one that is busy closing its run on a busy machine gets more time), and slices in all.
_IDLE_SLICES, _MOST_SLICES = 7, 30
_IDLE = 0.001  # seconds of work in a slice
_ALL = 10**9  # signals: any number of them may wait
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
INTERRUPTED = f"interrupted{CONTINUES}"


def stop_signals() -> list[signal.Signals]:
    """Return the signals that ask to stop, without SIGHUP if `nohup` ignores it."""
    known = [signal.Signals[name] for name in _NAMES if name in signal.Signals.__members__]
    ignored = [
        number
        for number in known
        if number.name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN
    ]
    return [number for number in known if number not in ignored]


class InterruptibleClock:
    """The system's clock, whose sleep a signal ends. Inside its `with` a signal asks to stop.

    `interrupted` names the signal that came; it is empty before. A second signal stops at once, and
    SIGQUIT always does.
    """

    interrupted = ""

    def __init__(self, step: str = "page") -> None:
        """`step`: what is finished after the first signal, for the message on a terminal."""
        self._step = step

    def __enter__(self) -> Self:
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._ask)
            for number in stop_signals()
            if number.name != "SIGQUIT"
        }
        _guard.allowed = 1
        if has_been_raised():
            raise Interrupted
        return self

    def __exit__(self, *_: object) -> None:
        _guard.allowed = 0
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def now(self) -> float:
        return time.monotonic()

    def time_left(self) -> float | None:
        """Return the seconds that work without a limit has left: none after a signal."""
        return 0.0 if self.interrupted else None

    def sleep(self, seconds: float) -> None:
        end = self.now() + seconds
        while not self.interrupted and (left := end - self.now()) > 0:
            time.sleep(min(left, _SLICE))

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.interrupted:
            raise Interrupted
        self.interrupted = f"stopped by {signal.Signals(number).name}"
        if sys.stderr.isatty():
            # Not by a stream: the signal may have come while it was written to. A terminal that
            # hung up cannot be written.
            with suppress(OSError):
                line = f"finishing the current {self._step}; press Ctrl-C again to stop now"
                os.write(2, f"\r\n{line}\r\n".encode())


class _Guard:
    """Ends the process soon after a signal that the main thread cannot handle.

    Python handles a signal between two of its own instructions; while a driver waits for a lock,
    that may be minutes later. This thread reads about a signal at once.
    """

    def __init__(self) -> None:
        self.allowed = 0  # signals that ask to finish the page only
        self.is_running = False
        self._seen = 0

    def start(self) -> None:
        self._seen = self.allowed = 0
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        thread = threading.Thread(target=self._watch, args=(reader,), daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The host allows no other thread: the main thread handles signals alone.
            os.close(reader)
            os.close(writer)
            return
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self.is_running = True

    def _watch(self, reader: int) -> None:
        numbers = {int(number) for number in stop_signals()}
        while came := os.read(reader, 1):
            if came[0] not in numbers:
                continue
            self._seen += 1
            is_urgent = came[0] == signal.SIGQUIT and self.allowed < _ALL
            if self._seen > self.allowed or is_urgent:
                _wait_for_the_end()
                with suppress(OSError):
                    os.write(2, f"snapshotter: {INTERRUPTED}\n".encode())
                os._exit(Stopped.exit_code)


def _wait_for_the_end() -> None:
    idle, before = 0, time.process_time()
    for _ in range(_MOST_SLICES):
        time.sleep(_SLICE)
        now = time.process_time()
        idle, before = idle + (now - before < _IDLE), now
        if idle == _IDLE_SLICES:
            return


_guard = _Guard()
# Signals that raised `Interrupted`. A library that clears errors while it is imported may have
# swallowed one: then the run must not begin.
_raised: list[int] = []


@contextmanager
def held() -> Iterator[None]:
    """Delay signals that ask to stop until the end of the block; then one of them is raised.

    Blocking them in this thread is not enough: another thread gets them, and Python handles them
    here.
    """
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: came.append(number))
        for number in stop_signals()
    }
    allowed, _guard.allowed = _guard.allowed, _ALL
    try:
        yield
    finally:
        _guard.allowed = allowed
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def take_over() -> None:
    """From now on raise `Interrupted` at a signal that asks to stop."""
    for number in stop_signals():
        signal.signal(number, _interrupt)
    if os.name == "posix":
        _guard.start()


def has_been_raised() -> bool:
    """Whether a signal has raised `Interrupted`, be it caught, swallowed or on its way."""
    return bool(_raised)


def end_with(exit_code: int) -> None:
    """From now on a signal ends the process with this exit code: the command is done."""

    def leave(*_: object) -> None:
        os._exit(exit_code)

    for number in stop_signals():
        signal.signal(number, leave)
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if _raised and _guard.is_running:
        return  # it ends the process soon; a second error could escape the handling of the first
    _raised.append(number)
    raise Interrupted
