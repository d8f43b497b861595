"""Requests the jobs that may have changed without appearing in a listing: the open ones.

They are listed by their status if that takes fewer requests, else requested one by one.
"""

import logging
from collections import Counter
from contextlib import closing
from itertools import islice

from sqlalchemy import select

from snapshotter.api.client import ListFilters
from snapshotter.api.paging import Cursor
from snapshotter.errors import RequestFailed, RequestRefused, Stopped
from snapshotter.statuses import STATUSES
from snapshotter.store import rejects
from snapshotter.store.tables import JOBS, OPEN, live
from snapshotter.sync.by_id import ById, NoAnswer
from snapshotter.sync.count import JOBS_A_PAGE
from snapshotter.sync.gone import Gone
from snapshotter.sync.run import Run
from snapshotter.texts import counted

log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 20  # jobs requested by id between checkpoints
MOST_ASKED = 100  # open jobs requested one by one in a run; the next run continues from there
FEW = 20  # jobs of an unknown status: so few are not worth trying to list it


def refresh(run: Run, by_id: ById, gone: Gone) -> None:
    """Request the open jobs that no listing showed, from where an earlier run had to stop."""
    _list_by_status(run)
    account = run.ledger.account()
    after = None if account is None else account.refreshed_id
    due = sorted(_unseen(run))
    log.info("asking for %s by id", counted(min(len(due), MOST_ASKED), "open job"))
    start = 0 if after is None else sum(job_id <= after for job_id in due)
    in_turn = (*due[start:], *due[:start])
    last, asked = after, 0
    try:
        with by_id.in_turn(in_turn[:MOST_ASKED]):
            for job_id in in_turn[:MOST_ASKED]:
                if by_id.is_given_up:
                    break
                if by_id.bring(job_id) is NoAnswer.MISSING:
                    gone.miss(job_id)
                last, asked = job_id, asked + 1
                if asked % CHECKPOINT_EVERY == 0:
                    run.ledger.remember(refreshed_id=last)
    except Stopped:
        run.ledger.remember(refreshed_id=last)
        raise
    if asked < len(due):
        run.ledger.remember(refreshed_id=last)
        run.note(
            f"{len(due) - asked} of {len(due)} open jobs wait for the next run to ask for them"
        )
    elif due:
        run.ledger.remember(refreshed_id=None)


def _list_by_status(run: Run) -> None:
    stored = _open_jobs(run)
    listed = Counter(stored.values())
    due = Counter(stored[job_id] for job_id in _unseen(run))
    for status in sorted(status for status in due if status is not None):
        least = 1 if status in STATUSES else FEW
        if due[status] <= least + listed[status] // JOBS_A_PAGE:
            continue
        try:
            with closing(run.client.jobs(ListFilters(status=status), Cursor())) as pages:
                for page in islice(pages, due[status]):
                    run.store(page.records)
        except (RequestFailed, RequestRefused) as error:
            if isinstance(error, RequestRefused) and status not in STATUSES:
                log.info("the API does not list the status %r: %s", status, error)
            else:
                run.note(f"the jobs of status {status!r} could not be listed", error)


def _unseen(run: Run) -> set[int]:
    """Return the open jobs that this run has not met; rejects are left to `retry`."""
    rejected = {row.job_id for row in rejects.states(run.engine, run.account_id)}
    return _open_jobs(run).keys() - run.open_seen - rejected


def _open_jobs(run: Run) -> dict[int, str | None]:
    """Return the status of each open job that is stored."""
    statement = select(JOBS.c.id, JOBS.c.status).where(*live(run.account_id), *OPEN)
    with run.engine.connect() as connection:
        return {row.id: row.status for row in connection.execute(statement)}
