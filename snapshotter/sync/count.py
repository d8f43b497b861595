"""Counts the list against what is stored, and finds jobs that are gone or were never seen.

If the list has as many jobs as are stored, none was missed, even if clocks are wrong, except one
that replaced another that vanished.
"""

import logging
import math

from snapshotter.api.narrowing import PAGE_SIZE
from snapshotter.api.records import Record, Reject
from snapshotter.errors import RequestFailed, RequestRefused
from snapshotter.store import rejects
from snapshotter.sync import reconcile
from snapshotter.sync.by_id import ById, NoAnswer
from snapshotter.sync.gone import Gone
from snapshotter.sync.listing import Lister
from snapshotter.sync.run import Run
from snapshotter.texts import counted

log = logging.getLogger(__name__)

MIN_HIDDEN = 20  # from this many unlisted but existing jobs on, the list itself is incomplete
MOST_ASKED = 500  # unlisted jobs asked for in one run
JOBS_A_PAGE = PAGE_SIZE - 2  # new ones: a page begins one before the last of the page before
FEW_PAGES = 3  # are searched rather than listed again


class Count:
    """Compares the number of the list's jobs with the stored ones, and searches for differences."""

    def __init__(self, run: Run, by_id: ById, gone: Gone) -> None:
        self._run, self._by_id, self._gone = run, by_id, gone

    def run(self, lister: Lister, *, full: bool) -> None:
        """Count the list's jobs; store those that are not stored, and ask for those it lacks.

        `full`: the run lists everything, so that no stored job is taken for hidden beforehand.
        """
        self._run_with(lister, self._rejects_without_id(only_due=True), full=full)

    def run_for_rejects(self, lister: Lister) -> None:
        """Do the same if any record without an id is set aside, due or not: it is searched for."""
        due = self._rejects_without_id(only_due=False)
        if due:
            self._run_with(lister, due, full=False)

    def _run_with(self, lister: Lister, due: list[int], *, full: bool) -> None:
        """Count the list's jobs; with rejects that are `due`, search even if the counts agree."""
        run = self._run
        account, now = run.ledger.account(), run.client.latest_server_clock
        if account is None:
            return
        unlisted = 0 if full else account.unlisted or 0
        expected = self._expected(unlisted)
        # What this run has seen exists, and nothing else does if it has listed everything.
        if not due and lister.has_read_all and expected <= len(run.outcome.seen):
            run.ledger.remember(counted_at=now, unlisted=unlisted)
            self._gone.has_counted = True
            return
        log.info("counting the list: %s expected", counted(expected, "job"))
        try:
            unlisted = self._compare(lister, expected, unlisted, is_search=bool(due))
        except (RequestFailed, RequestRefused) as error:
            run.note("the jobs of the list could not be counted", error)
            return
        if due and not self._gone.awaits_confirmation:
            run.forget_unseen_rejects(due)
        run.ledger.remember(counted_at=now, unlisted=unlisted)
        self._gone.has_counted = True

    def _expected(self, unlisted: int) -> int:
        """Return how many jobs the list should have."""
        run = self._run
        missing = reconcile.present(run.engine, run.account_id, self._gone.still_missing())
        return reconcile.expected_count(run.engine, run.account_id) - len(missing) - unlisted

    def _compare(self, lister: Lister, expected: int, unlisted: int, *, is_search: bool) -> int:
        """Return how many of the stored jobs the list hides from now on."""
        run = self._run
        offsets = _Offsets(run)
        if not offsets.has(expected - 1, and_next=True):
            if self._gone.vanishing_since() and not self._gone.is_confirmed():
                self._gone.awaits_confirmation = True
                return unlisted
            return self._search(reconcile.count(offsets.has, expected - 1))
        if not offsets.has(expected):
            return self._search(expected) if is_search else unlisted
        total = self._read_end(offsets, expected)
        if total == self._expected(unlisted) and not is_search:
            return unlisted
        pages = total // JOBS_A_PAGE + 1
        more = total - self._expected(unlisted)
        if not lister.has_read_all and pages > FEW_PAGES and more * (math.log2(pages) + 1) > pages:
            log.info(
                "the list has %s more than are stored: reading it from its beginning",
                counted(more, "job"),
            )
            lister.read(lister.begin(full=True))
            if total <= self._expected(unlisted):
                return unlisted
        return self._search(total)

    def _read_end(self, offsets: "_Offsets", expected: int) -> int:
        """Store the end of the list, where new jobs join; return how many jobs the list has."""
        start = max(0, expected - 1)
        listed = self._run.client.page(start)
        self._run.store(listed.records)
        end = start + len(listed.records)
        if listed.more is False:
            return end
        return reconcile.count(offsets.has, end)

    def _search(self, total: int) -> int:
        """Store the list's jobs that are not stored yet, and ask for the stored ones it lacks.

        Returns how many jobs the list of `total` jobs hides; less than 0 if it has more records
        without an id than can be distinguished.
        """
        run = self._run
        index = reconcile.index(run.engine, run.account_id, without=self._gone.still_missing())
        waiting = rejects.states(run.engine, run.account_id)
        now = run.stamp.observed_at
        failing = {row.job_id for row in waiting if not (row.has_come or row.is_due(now))}
        most = MOST_ASKED if self._gone.is_confirmed() else self._gone.most() + 1
        asked = hidden = without_id = 0

        def fetch(offset: int) -> reconcile.Records:
            return run.client.page(offset).records

        for difference in reconcile.differences(fetch, total, index):
            run.store(difference.listed)
            without_id += sum(record.job_id is None for record in difference.listed)
            for job_id in difference.unlisted:
                if job_id in self._gone or job_id in failing:
                    continue
                if asked - hidden >= most or asked == MOST_ASKED or self._by_id.is_given_up:
                    self._gone.is_cut = True
                    break
                # Each is asked for: a list that moved meanwhile seems to lack jobs that it has.
                asked += 1
                hidden += self._is_there(job_id)
        return self._left(total, hidden, without_id)

    def _is_there(self, job_id: int) -> bool:
        answer = self._by_id.get(job_id)
        if answer is NoAnswer.MISSING:
            self._gone.miss(job_id)
        return isinstance(answer, Record | Reject)

    def _left(self, total: int, hidden: int, without_id: int) -> int:
        run = self._run
        waiting = rejects.states(run.engine, run.account_id)
        alike = max(0, without_id - sum(row.job_id is None for row in waiting))
        left = self._expected(0) - total
        if left + alike < 0:
            run.note(
                f"the list has {counted(-left - alike, 'job')} more than were found in it; "
                "the next run looks again"
            )
        if left < 0:
            return -alike
        if self._gone or left == 0 or hidden < MIN_HIDDEN:
            return 0
        log.warning("the list lacks about %d jobs that the API returns by id", left)
        return left

    def _rejects_without_id(self, *, only_due: bool) -> list[int]:
        """Return the rows of records without an id that only the search can find again."""
        run = self._run
        now = run.stamp.observed_at
        return [
            row.id
            for row in rejects.states(run.engine, run.account_id)
            if row.job_id is None
            and row.snapshot_id != run.outcome.snapshot_id
            and (row.is_due(now) or not only_due)
        ]


class _Offsets:
    """Remembers which offsets of the list have a job, and requests the others."""

    def __init__(self, run: Run) -> None:
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
