"""Turns SIGINT and SIGTERM into a wish that a run looks at between two of its steps."""

import os
import signal
import sys
import time
from types import FrameType
from typing import Any, Self

from snapshotter.errors import Interrupted

_SLICE = 0.1  # seconds; how long a wait goes on after a signal


class Interruptible:
    """The system's clock while signals ask to stop, inside its `with`. A second one stops at once.

    `interrupted` says which signal came; it is empty until one does.
    """

    interrupted = ""

    def __enter__(self) -> Self:
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        end = self.now() + seconds
        while not self.interrupted and (left := end - self.now()) > 0:
            time.sleep(min(left, _SLICE))

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.interrupted:
            raise Interrupted
        self.interrupted = f"stopped by {signal.Signals(number).name}"
        if sys.stderr.isatty():
            # Not by a stream, which the signal may have come in the middle of writing to.
            os.write(2, b"\r\nfinishing the page under way; once more stops at once\r\n")
