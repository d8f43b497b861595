"""A clock that does not wait."""

import time


class Impatient:
    """Notes how long it was to wait, and goes on at once; `passed` moves its time."""

    def __init__(self, pauses: list[float] | None = None) -> None:
        self.pauses = [] if pauses is None else pauses
        self.passed = 0.0
        self.interrupted = ""

    def now(self) -> float:
        return time.monotonic() + self.passed

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.passed += seconds
