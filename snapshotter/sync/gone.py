"""Marks jobs as gone that a run finds missing at the API, unless they are too many at once.

For the length of one run an API may show an empty list and answer 404 to everything. So a large
loss is marked only when a run an hour later finds it again.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from snapshotter.store import rejects
from snapshotter.sync import reconcile
from snapshotter.sync.run import Run

FEW, SHARE = 10, 0.05  # one run marks up to this many jobs, or this part of all jobs, as gone
CONFIRMED_AFTER = timedelta(hours=1)  # between two runs that find a larger loss


class Gone:
    """What a run finds missing at the API. Nothing is marked before `settle`.

    `postponed`: why nothing was marked; empty if all was. `is_cut`: more jobs are missing than were
    asked for. `has_counted`: the list was counted. `awaits_confirmation`: the loss was not looked
    into, because a later run has to confirm it first.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._missing: set[int] = set()
        self.is_cut = False
        self.has_counted = False
        self.awaits_confirmation = False
        self.postponed = ""

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._missing

    def __bool__(self) -> bool:
        return bool(self._missing)

    def miss(self, job_id: int) -> None:
        """Note a job that the API does not have."""
        self._missing.add(job_id)

    def still_missing(self) -> set[int]:
        """Return the missing jobs that the list has not shown since."""
        return {job_id for job_id in self._missing if job_id not in self._run.outcome.seen}

    def most(self) -> int:
        """Return how many jobs may be marked without a confirmation."""
        stored = reconcile.expected_count(self._run.engine, self._run.account_id)
        return max(FEW, int(stored * SHARE))

    def settle(self) -> list[int]:
        """Mark the missing jobs as gone, unless they are too many at once.

        Returns the ids that are not stored at all.
        """
        run = self._run
        missing = sorted(self.still_missing())
        since = self.vanishing_since()
        if not (missing or self.awaits_confirmation or since):
            return []
        stored = reconcile.present(run.engine, run.account_id, missing)
        rejected = {row.job_id for row in rejects.states(run.engine, run.account_id)}
        known = stored | rejected.intersection(missing)
        if self._may_mark(stored):
            run.mark_gone(job_id for job_id in missing if job_id in known)
            if since is not None and self.has_counted and not self.is_cut:
                run.ledger.remember(vanishing_since=None)
        else:
            self._postpone(since)
        return [job_id for job_id in missing if job_id not in known]

    def _may_mark(self, stored: Collection[int]) -> bool:
        is_much = self.awaits_confirmation or len(stored) > self.most()
        return not is_much or self.is_confirmed()

    def _postpone(self, since: datetime | None) -> None:
        now = self._run.stamp.observed_at
        if since is None or since > now:
            self._run.ledger.remember(vanishing_since=now)
        self.postponed = (
            f"more than {self.most()} jobs seem to be gone from the API at once; none is "
            "marked before a run an hour later finds the same"
        )
        self._run.note(self.postponed)

    def vanishing_since(self) -> datetime | None:
        """Return when an earlier run found a loss that is still to be confirmed."""
        account = self._run.ledger.account()
        since: datetime | None = None if account is None else account.vanishing_since
        return since

    def is_confirmed(self) -> bool:
        """Whether a run found a large loss long enough ago."""
        since = self.vanishing_since()
        return since is not None and self._run.stamp.observed_at - since >= CONFIRMED_AFTER
