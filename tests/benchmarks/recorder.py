"""Puts what a part measures on an account into the results."""

from collections.abc import Callable
from dataclasses import dataclass

from .measure import Usage
from .progress import Progress
from .results import Key, Measurement, Results, middle
from .targets import TARGETS

_MB = 1024 * 1024


@dataclass(frozen=True)
class Recorder:
    """Records for one part and one account."""

    results: Results
    progress: Progress
    part: str
    account: str

    def note(self, what: str, database: str, *taken: Measurement) -> Measurement:
        """Record the median of some measurements, and return it."""
        found = self.results.measurements[self._key(what, database)] = middle(taken)
        return found

    def figure(self, what: str, database: str, value: float, bound: Callable[[], str]) -> None:
        """Record a figure; if it misses its target, also what `bound` then measures."""
        key = self._key(what, database)
        self.results.figures[key] = value
        if TARGETS[what].is_held(database, value):
            return
        limit = f"{TARGETS[what].sign} {TARGETS[what].limits[database]:g}"
        self.progress.say(f"MISSED: {what} on {database} is {value:.2f}, and the target {limit}")
        self.results.bounds[key] = bound().replace("|", "/")
        self.progress.say(f"what bounds it: {self.results.bounds[key]}")

    def report(self, what: str, database: str, value: float) -> None:
        """Record a figure without a target on this database."""
        assert database not in TARGETS[what].limits
        self.results.figures[self._key(what, database)] = value

    def found(self, part: str, what: str, database: str, account: str = "") -> Measurement | None:
        """Return what a part measured, on this account unless another is named."""
        key = Key(part, what, database, account or self.account)
        return self.results.measurements.get(key)

    def _key(self, what: str, database: str) -> Key:
        return Key(self.part, what, database, self.account)


def taken(usage: Usage, requests: int | None = None, rows: int | None = None) -> Measurement:
    """Return what a command took, as it stands in the results."""
    rate = None if rows is None else rows / usage.wall
    return Measurement(usage.wall, usage.cpu, usage.peak / _MB, requests, rate)
