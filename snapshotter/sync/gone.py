"""Counts the list against what is stored: finds jobs that are gone, and jobs that were not seen.

A run that has counted as many jobs as are here has missed none, whatever the clocks say, but for
one that took the place of another that vanished. For one run an API may show an empty list and
answer 404 for everything: so many jobs at once are marked as gone only when a later run finds the
same.
"""

import logging
import math
from datetime import datetime, timedelta

from snapshotter.api.client import PAGE_SIZE
from snapshotter.api.records import Record, Reject
from snapshotter.errors import RequestFailed, RequestRefused
from snapshotter.store import rejects
from snapshotter.sync import reconcile
from snapshotter.sync.by_id import ById, NoAnswer
from snapshotter.sync.listing import Listings
from snapshotter.sync.run import Snapshot

log = logging.getLogger(__name__)

HIDDEN_FROM = 20  # jobs that the list lacks and the API gives by id: from so many on it hides them
MOST_ASKED = 500  # jobs that the list lacks, in one run
FEW, SHARE = 10, 0.05  # jobs, or the part of all jobs, that one run may mark as gone
CONFIRMED_AFTER = timedelta(hours=1)  # between two runs that miss more than that
JOBS_A_PAGE = PAGE_SIZE - 2  # that are new in it: it begins one before the last of the page before
FEW_PAGES = 3  # are searched sooner than listed again


class Gone:
    """What a run finds to be missing at the API. Nothing is marked before `settle`."""

    def __init__(self, run: Snapshot, by_id: ById) -> None:
        self._run, self._by_id = run, by_id
        self._missing: set[int] = set()
        self._is_cut = False  # more are missing than were asked for
        self._waits = False  # a loss is to be confirmed by a later run
        self._has_counted = False

    def miss(self, job_id: int) -> None:
        """Take down a job that the API does not have."""
        self._missing.add(job_id)

    def settle(self) -> list[int]:
        """Mark what is missing as gone, unless it is too much at once.

        Returns the ids that no job here has.
        """
        run = self._run
        missing = sorted(each for each in self._missing if each not in run.outcome.seen)
        since = self._vanishing_since()
        if not (missing or self._waits or since):
            return []
        here = reconcile.present(run.engine, run.account_id, missing)
        rejected = {row.job_id for row in rejects.waiting(run.engine, run.account_id)}
        known = here | rejected.intersection(missing)
        is_much = self._waits or len(here) > self._most()
        if not is_much or self._is_confirmed(since):
            run.mark_gone(job_id for job_id in missing if job_id in known)
            if since is not None and self._has_counted and not self._is_cut:
                run.ledger.remember(vanishing_since=None)
        else:
            now = run.stamp.observed_at
            if since is None or since > now:
                run.ledger.remember(vanishing_since=now)
            run.note(
                f"more than {self._most()} jobs seem to be gone from the API at once; none is "
                "marked before a run an hour later finds the same"
            )
        return [job_id for job_id in missing if job_id not in known]

    def _most(self) -> int:
        stored = reconcile.stored(self._run.engine, self._run.account_id)
        return max(FEW, int(stored * SHARE))

    def _vanishing_since(self) -> datetime | None:
        account = self._run.ledger.account()
        since: datetime | None = None if account is None else account.vanishing_since
        return since

    def _is_confirmed(self, since: datetime | None) -> bool:
        return since is not None and self._run.stamp.observed_at - since >= CONFIRMED_AFTER

    # The count

    def count(self, listings: Listings, *, full: bool = False, everything: bool = False) -> None:
        """Hold the number of the list's jobs against those here; find out what differs.

        `everything`: just for the records without an id, due or not.
        """
        run = self._run
        account, now = run.ledger.account(), run.client.latest_clock
        due = self._rejects_without_id(everything=everything)
        if account is None or (everything and not due):
            return
        unlisted = 0 if full else account.unlisted or 0
        # What this run has seen is there, and more is not if it has listed all.
        has_seen_all = self._expected(unlisted) <= len(run.outcome.seen)
        if not due and has_seen_all and listings.has_read_all:
            run.ledger.remember(counted_at=now, unlisted=unlisted)
            self._has_counted = True
            return
        log.info("counting the list: %d jobs should be there", self._expected(unlisted))
        try:
            unlisted = self._compare(listings, unlisted, is_search=bool(due))
        except (RequestFailed, RequestRefused) as error:
            run.note("the jobs of the list could not be counted", error)
            return
        if not self._waits:
            self._forget_unseen(due)
        run.ledger.remember(counted_at=now, unlisted=unlisted)
        self._has_counted = True

    def _expected(self, unlisted: int) -> int:
        """Return how many jobs the list should have."""
        run = self._run
        missing = reconcile.present(run.engine, run.account_id, self._still_missing())
        return reconcile.stored(run.engine, run.account_id) - len(missing) - unlisted

    def _still_missing(self) -> set[int]:
        """Return what the API did not give by id, and the list has not shown since."""
        return {job_id for job_id in self._missing if job_id not in self._run.outcome.seen}

    def _compare(self, listings: Listings, unlisted: int, *, is_search: bool) -> int:
        """Return how many of the jobs here the list hides, from now on."""
        run = self._run
        expected = self._expected(unlisted)
        offsets = _Offsets(run)
        if not offsets.has(expected - 1, and_next=True):
            if self._vanishing_since() and not self._is_confirmed(self._vanishing_since()):
                self._waits = True
                return unlisted
            return self._search(reconcile.count(offsets.has, expected - 1))
        if not offsets.has(expected):
            return self._search(expected) if is_search else unlisted
        total = self._read_end(offsets, expected)
        if total == self._expected(unlisted) and not is_search:
            return unlisted
        pages = total // JOBS_A_PAGE + 1
        more = total - self._expected(unlisted)
        if (
            not listings.has_read_all
            and pages > FEW_PAGES
            and more * (math.log2(pages) + 1) > pages
        ):
            log.info("the list has %d jobs more than are here: it is read from its beginning", more)
            listings.read(listings.begin(full=True))
            if total <= self._expected(unlisted):
                return unlisted
        return self._search(total)

    def _read_end(self, offsets: "_Offsets", expected: int) -> int:
        """Store the list's end, where new jobs join it; return how many jobs the list has."""
        start = max(0, expected - 1)
        listed = self._run.client.page(start)
        self._run.store(listed.records)
        end = start + len(listed.records)
        if listed.more is False:
            return end
        return reconcile.count(offsets.has, end)

    def _search(self, total: int) -> int:
        """Store what the list of `total` jobs has and is not here, ask for what it lacks.

        Returns how many jobs it hides, if it does that; less than 0 if it has more records without
        an id than can be told apart.
        """
        run = self._run
        index = reconcile.index(run.engine, run.account_id, without=self._still_missing())
        waiting = rejects.waiting(run.engine, run.account_id)
        now = run.stamp.observed_at
        failing = {row.job_id for row in waiting if not (row.has_come or row.is_due(now))}
        most = MOST_ASKED if self._is_confirmed(self._vanishing_since()) else self._most() + 1
        asked = hidden = without_id = 0

        def fetch(offset: int) -> reconcile.Records:
            return run.client.page(offset).records

        for difference in reconcile.differences(fetch, total, index):
            run.store(difference.listed)
            without_id += sum(record.job_id is None for record in difference.listed)
            for job_id in difference.unlisted:
                if job_id in self._missing or job_id in failing:
                    continue
                if asked - hidden >= most or asked == MOST_ASKED or self._by_id.is_given_up:
                    self._is_cut = True
                    break
                # Asked for, each: a list that moved meanwhile seems to lack what it has.
                asked += 1
                hidden += self._is_there(job_id)
        return self._left(total, hidden, without_id)

    def _is_there(self, job_id: int) -> bool:
        answer = self._by_id.get(job_id)
        if answer is NoAnswer.MISSING:
            self.miss(job_id)
        return isinstance(answer, Record | Reject)

    def _left(self, total: int, hidden: int, without_id: int) -> int:
        run = self._run
        waiting = rejects.waiting(run.engine, run.account_id)
        alike = max(0, without_id - sum(row.job_id is None for row in waiting))
        left = self._expected(0) - total
        if left + alike < 0:
            run.note(
                f"the list has {-left - alike} jobs more than were found in it; the next run looks "
                "again"
            )
        if left < 0:
            return -alike
        if self._missing or left == 0 or hidden < HIDDEN_FROM:
            return 0
        log.warning("the list lacks some %d jobs that the API gives by id", left)
        return left

    # Records without an id

    def _rejects_without_id(self, *, everything: bool) -> list[int]:
        """Return the rows of records without an id that wait to be found by the count."""
        run = self._run
        now = run.stamp.observed_at
        return [
            row.id
            for row in rejects.waiting(run.engine, run.account_id)
            if row.job_id is None
            and row.snapshot_id != run.outcome.snapshot_id
            and (everything or row.is_due(now))
        ]

    def _forget_unseen(self, due: list[int]) -> None:
        """Forget those that the search has not met: they have got an id, or are gone."""
        if not due:
            return
        run = self._run
        unseen = [
            row.id
            for row in rejects.waiting(run.engine, run.account_id)
            if row.id in due and row.snapshot_id != run.outcome.snapshot_id
        ]
        with run.engine.begin() as connection:
            rejects.forget_rows(connection, unseen)


class _Offsets:
    """Remembers which offsets of the list have a job, and requests the others."""

    def __init__(self, run: Snapshot) -> None:
        self._run = run
        # Every offset before the first has a job, none from the second on has.
        self._filled, self._empty = 0, math.inf

    def has(self, offset: int, *, and_next: bool = False) -> bool:
        """Whether there is a job at an offset; with `and_next`, learn about the next for free."""
        if offset < self._filled:
            return True
        if offset >= self._empty:
            return False
        listed = self._run.client.page(offset, limit=2 if and_next else 1)
        found = len(listed.records)
        if found:
            self._filled = max(self._filled, offset + found)
        if not found or listed.more is False:
            self._empty = offset + found
        elif listed.more:
            self._filled = max(self._filled, offset + found + 1)
        return found > 0
