"""The state and the clock of a simulated Xplenty account.

`populate` makes up a history with trends to find, and `advance` lets time pass. What a job is at a
moment follows from the seed and that moment alone: the same seed gives the same jobs, in however
many steps the clock got there. `simulator.api` answers requests from this state, and
`simulator.server` puts it behind a real server.

The account can be as hard to read as a real one: changes appear late (`lag`), jobs with the same
time swap places (`shuffles_ties`), pages are of any size (`varies_cap`), links are wrong or absent
(`links`), the clock is off or not sent (`date_offset`). Jobs vanish (`remove_job`), and
`before_answer` can make anything else happen between two requests. `failing` is a queue of faults
to answer with; `simulator.faults` lists them. All of it follows from the seed, too.
"""

import random
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypedDict, Unpack

from snapshotter.simulator.faults import Answer, Request
from snapshotter.simulator.history import FINAL, JobFactory, Lifecycle, Package, due, history
from snapshotter.simulator.lag import Lag

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)  # the account's first moment, so also the demo's

_HOUR = timedelta(hours=1)

Links = Literal["right", "wrong", "none"]


class Behaviour(TypedDict, total=False):
    """How an account behaves; each is an attribute of `SimulatedAccount`, which describes it."""

    page_cap: int
    varies_cap: bool
    shuffles_ties: bool
    links: Links
    lag: float
    date_offset: float | None
    failing: Iterable[str]
    before_answer: Callable[[Request], None] | None


class SimulatedAccount:
    """An account's jobs, clock and credits. Methods may be called while it is being served.

    `jobs` are the API's answers by id: change them under `lock`, then call `touch`. `requests` are
    the path and query string of every request, in order. The rest can be changed at any time:

    - `lag`: a change appears up to this many seconds late by the account's clock, a random time
      for each version of a job, in their order. Until then lists and single answers have the
      version before, or no such job. A change by hand counts from the `touch` that follows. What
      exists when the lag is set appears at once, as does the history of `populate`, and removals.
    - `page_cap`: the most jobs in a list; with `varies_cap` a random number from 1 to that.
    - `shuffles_ties`: jobs with the same sort time are in a new random order in every list.
    - `links`: right; wrong, which are present when a page is, but lead elsewhere; or none at all.
    - `date_offset`: seconds that the Date header is ahead of the clock; None sends no such header.
    - `before_answer` is called before anything is decided, outside the lock: it may change the
      account by any of its methods.
    - `log_summaries` has what a single answer has as a job's `log_summary`, by the job's id, in
      place of the one that is made up of its errors; it may be anything.
    - `intercept` is called next, before the key is checked and credits are charged, and outside
      the lock; what it returns is sent unchanged, and None leaves the request to the account.
    - `failing`: kinds of `faults.fault`. While there are any, a request takes the first and is
      answered by it, whatever it asks, at no cost. `drip` and `cut` send the correct answer.
    """

    def __init__(
        self,
        account_id: str = "acme",
        api_key: str = "demo-key",
        *,
        seed: int = 1,
        now: datetime = NOW,
        **behaviour: Unpack[Behaviour],
    ) -> None:
        self.account_id, self.api_key, self.seed, self.now = account_id, api_key, seed, now
        self.credits = self.credits_remaining = 5000
        self.page_cap = behaviour.get("page_cap", 100)
        self.varies_cap = behaviour.get("varies_cap", False)
        self.shuffles_ties = behaviour.get("shuffles_ties", False)
        self.links: Links = behaviour.get("links", "right")
        self.date_offset = behaviour.get("date_offset", 0)
        self.failing = list(behaviour.get("failing", ()))
        self.before_answer = behaviour.get("before_answer")
        self.intercept: Callable[[Request], Answer | None] | None = None
        self.jobs: dict[int, dict[str, Any]] = {}
        self.log_summaries: dict[int, Any] = {}
        self.requests: list[tuple[str, str]] = []
        self.lock = threading.RLock()
        self.chance = random.Random(f"{seed}/lists")  # noqa: S311 - no secret
        # Sorted lists by what was asked, kept until a job changes.
        self.lists: dict[tuple[Any, ...], list[tuple[str, int]]] = {}
        self._open: dict[int, Lifecycle] = {}
        self._next_id = 1001
        self._scheduled = False
        self._factory = JobFactory(account_id, seed, now)
        self._late: Lag | None = None
        self.lag = behaviour.get("lag", 0)

    @property
    def lag(self) -> float:
        return self._lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        with self.lock:
            self._lag = seconds
            if not seconds:
                self._late = None
            elif self._late is None:
                self._late = Lag(self.jobs, self.seed)
            self.lists.clear()

    def visible(self) -> dict[int, dict[str, Any]]:
        """Return the jobs as the API shows them now. To be called under `lock`."""
        if self._late is None:
            return self.jobs
        if self._late.catch_up(self.now):
            self.lists.clear()
        return self._late.shown

    def add_job(self, **fields: Any) -> dict[str, Any]:
        """Add a job with every documented field; by default it was created and completed now.

        Times may be datetimes. `updated_at` is by default the latest of the other times. An open
        job moves on with `advance`: one status every 30 seconds, and its end 10 minutes from now,
        when each output has its given records, or 1,000 if that is more.
        """
        with self.lock:
            job_id = fields.get("id", self._next_id)
            job = self._factory.document(job_id, self.now, **fields)
            self._put(job, self._factory.lifecycle(job, self.now))
            self._note(job_id)
            self.lists.clear()
            return job

    def remove_job(self, job_id: int) -> None:
        """Remove a job from lists and single answers, with all that was to happen to it."""
        with self.lock:
            del self.jobs[job_id]
            self._open.pop(job_id, None)
            self._forget_removed()

    def populate(self, days: int = 120) -> None:
        """Make up the history of the last `days`, about 25 jobs a day, and start the schedules.

        One package takes twice its time in the three weeks before the account's first moment, one
        output lacks a column in the last two of them, and jobs are idle, pending, queued and
        running at `now`. To be called once.
        """
        with self.lock:
            lag, self.lag = self.lag, 0  # the past appears at once
            self._scheduled = True
            for at, package, by_hand in history(self.now, days):
                self._launch(package, at, by_hand=by_hand)
            self._update_open()
            self.lag = lag

    def advance(self, seconds: float) -> None:
        """Move the time on: open jobs move on, and once populated the schedules start new ones."""
        with self.lock:
            until, stop = self.now + timedelta(seconds=seconds), None
            while stop != until:
                stop = self._next_stop(until)
                before, self.now = self.now, stop
                if before.timestamp() // 3600 != self.now.timestamp() // 3600:
                    self.credits_remaining = self.credits
                if self._scheduled:
                    for at, package in due(before, self.now):
                        self._launch(package, at)
                self._update_open()
            self.touch()

    def touch(self) -> None:
        """Apply changes that were made to `jobs` by hand."""
        with self.lock:
            if self._late is not None:
                for job_id in self.jobs:
                    self._note(job_id)
            self._forget_removed()

    def _launch(self, package: Package, at: datetime, *, by_hand: bool = False) -> None:
        job, lifecycle = self._factory.launch(self._next_id, package, at, by_hand=by_hand)
        self._put(job, lifecycle)

    def _put(self, job: dict[str, Any], lifecycle: Lifecycle | None) -> None:
        self.jobs[job["id"]] = job
        self._next_id = max(self._next_id, job["id"] + 1)
        if lifecycle is not None:
            self._open[job["id"]] = lifecycle

    def _update_open(self) -> None:
        """Bring every open job to `now`; one that was ended by hand stays as it is."""
        for job_id, lifecycle in list(self._open.items()):
            job = self.jobs.get(job_id)
            if job is not None and job["status"] not in FINAL:
                lifecycle.update(job, self.now)
                self._note(job_id)
            if job is None or job["status"] in FINAL:
                del self._open[job_id]

    def _next_stop(self, until: datetime) -> datetime:
        """Return how far the clock may go in one step: with a lag, to the next change of any job.

        A change's delay counts from the moment of the change, not from the end of a longer step.
        """
        if self._late is None:
            return until
        soon = min(until, self.now + _HOUR)
        changes = [at for each in self._open.values() for at in each.timeline.values()]
        if self._scheduled:
            changes += [at for at, _ in due(self.now, soon)]
        return min((at for at in changes if self.now < at < soon), default=soon)

    def _note(self, job_id: int) -> None:
        if self._late is not None:
            self._late.note(job_id, self.jobs[job_id], self.now, self.lag)

    def _forget_removed(self) -> None:
        if self._late is not None:
            self._late.keep_only(self.jobs)
        self.lists.clear()
