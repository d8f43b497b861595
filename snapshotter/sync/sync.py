"""One run: stores what the API has, so that nothing is missed.

A run that completes has stored all that the API showed when it began:
1. The listing that an earlier run left is read to its end, and then a new one, from a little before
   the watermark. One page, or a few, are one transaction with a checkpoint, and `paging` proves
   that no job of the listing is skipped. What joins the list behind the reader was updated after
   the listing began, so the next one has it.
2. Jobs that are not final can change without appearing in a listing, and records set aside can be
   corrected: those are requested one by one, or by listing a status if that is cheaper.
3. The list is counted; jobs that only the list has, or only the database, are searched for.
4. If asked to, it requests the summaries of failed jobs' logs, for which half of the hour's credits
   may be spent.

What fails alone is recorded alone, and the run continues: a job whose own call fails is set aside
like a record that cannot be read; a request that is not essential is noted.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from snapshotter import logs
from snapshotter.api.client import ListFilters
from snapshotter.api.paging import Cursor
from snapshotter.errors import (
    Busy,
    Interrupted,
    RequestFailed,
    RequestRefused,
    SnapshotterError,
    Stopped,
)
from snapshotter.settings import DEFAULT_OVERLAP
from snapshotter.store import rejects
from snapshotter.store.engine import named_errors
from snapshotter.store.ledger import Ledger, Outcome
from snapshotter.store.lock import lock
from snapshotter.sync import first_load
from snapshotter.sync.by_id import ById, NoAnswer
from snapshotter.sync.context import Context
from snapshotter.sync.count import Count
from snapshotter.sync.gone import Gone
from snapshotter.sync.listing import Lister, check_list_answers, marks_of
from snapshotter.sync.log_summaries import request_log_summaries
from snapshotter.sync.refresh import refresh
from snapshotter.sync.retry_rejects import retry
from snapshotter.sync.run import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What to read: by default, everything new.

    `ids`: only these jobs. `filters`: only the jobs that match; the watermark stays.
    `full`: the whole list, from its beginning. `rejected`: the records set aside, again.
    `log_summaries`: also the summaries of failed jobs' logs, of those that are read.
    `overlap` (`--overlap`): how far a listing starts before the beginning of the last complete run,
    for changes that the API shows some time after their `updated_at`.
    """

    ids: Sequence[int] | None = None
    filters: ListFilters = field(default_factory=ListFilters)
    full: bool = False
    rejected: bool = False
    log_summaries: bool = False
    overlap: timedelta = DEFAULT_OVERLAP

    @property
    def is_filtered(self) -> bool:
        return self.filters != ListFilters()

    @property
    def names_jobs(self) -> bool:
        return self.ids is not None or self.rejected


def sync(context: Context, plan: Plan) -> Outcome:
    """Read what `plan` asks for into the database.

    Every run leaves its row in `snapshots`, however it ends. Raises `Stopped` if another run has
    the account, a limit is reached or the API does not answer, `DatabaseError`, `KeyRefused`,
    `UsageError`, `Failure`.
    """
    with open_run(context, plan) as run:
        read(run, plan)
    return run.outcome


@contextmanager
def open_run(context: Context, plan: Plan) -> Iterator[Run]:
    """Take the account's lock and begin a run; record how the block, and so the run, ends."""
    account_id = context.account_id
    ledger = Ledger(context.engine, account_id)
    with named_errors(), lock(context.engine, account_id) as check_lock:
        if check_lock is None:
            raise Busy(
                f"account {account_id} is being read by {ledger.holder()}; "
                "this run did nothing, run again later"
            )
        outcome = ledger.begin(_kind(plan, ledger), context.service.api_url)
        logs.run_mark().run = outcome.snapshot_id
        log.info("run began: kind %s", outcome.kind)
        run = Run(context, ledger, outcome, check_lock)
        with _recorded(run):
            yield run


@contextmanager
def _recorded(run: Run) -> Iterator[None]:
    """Record how the block ends."""
    try:
        with named_errors():  # so that an error that passes by itself becomes `Stopped`
            yield
    except (Interrupted, KeyboardInterrupt) as error:  # the latter in a notebook
        # It may have come in the middle of a statement, after which the session cannot be used.
        with suppress(SnapshotterError, SQLAlchemyError):
            run.end("partial", error)
        raise
    except Stopped as error:
        run.end("partial", error)
        raise
    except BaseException as error:
        # If the database is lost, that is the error to report, and not that it cannot be recorded.
        with suppress(SnapshotterError, SQLAlchemyError):
            run.end("failed", error)
        raise
    run.end("completed")


def _kind(plan: Plan, ledger: Ledger) -> str:
    if plan.names_jobs:
        return "jobs"
    if plan.is_filtered:
        return "incremental"
    unfinished = ledger.unfinished_listing()
    is_whole = plan.full or marks_of(ledger) is None
    return "full" if is_whole or (unfinished is not None and unfinished.is_whole) else "incremental"


def read(run: Run, plan: Plan) -> None:
    """Read what `plan` asks for."""
    _recall_server(run)
    _ask_for_credits(run)
    _read_plan(run, plan)
    if plan.log_summaries:
        request_log_summaries(run, only_seen=plan.names_jobs or plan.is_filtered)
    if plan.rejected or not (plan.names_jobs or plan.is_filtered):
        # Older rejects that this run did not see also make it exit 65.
        run.outcome.rejected = rejects.count(run.engine, run.account_id)


def _recall_server(run: Run) -> None:
    """Set what an earlier run has learned of the server."""
    account = run.ledger.account()
    if account is not None:
        run.client.sends_links = bool(account.sends_links)
        run.client.page_size = account.page_size or 0


def _ask_for_credits(run: Run) -> None:
    try:
        run.client.credits()
    except (RequestFailed, RequestRefused) as error:
        log.warning("the remaining credits are not known: %s", error)
        check_list_answers(run, error)


def _read_plan(run: Run, plan: Plan) -> None:
    by_id = ById(run)
    gone = Gone(run)
    if plan.rejected:
        retry(run, by_id, gone, everything=True)
        Count(run, by_id, gone).run_for_rejects(Lister(run, plan.overlap))
        gone.settle()
    elif plan.ids is not None:
        _read_jobs(run, by_id, gone, plan.ids)
    elif plan.is_filtered:
        for page in run.client.jobs(plan.filters, Cursor()):
            run.store(page.records, pages=1)
    else:
        _read_account(run, by_id, gone, plan)
    by_id.settle()
    if plan.names_jobs or plan.is_filtered:
        first_load.end(run)


def _read_jobs(run: Run, by_id: ById, gone: Gone, job_ids: Sequence[int]) -> None:
    with by_id.in_turn(job_ids):
        for number, job_id in enumerate(job_ids):
            if by_id.is_given_up:
                run.note(f"{len(job_ids) - number} of {len(job_ids)} jobs were not asked for")
                break
            if by_id.bring(job_id) is NoAnswer.MISSING:
                gone.miss(job_id)
    unknown = set(gone.settle())
    run.outcome.missing += [job_id for job_id in job_ids if job_id in unknown]


def _read_account(run: Run, by_id: ById, gone: Gone, plan: Plan) -> None:
    lister = Lister(run, plan.overlap)
    try:
        left = lister.left_by_an_earlier_run(full=plan.full)
        first_load.begin(run)
        if left is not None:
            lister.read(left)
        lister.read(lister.begin(full=plan.full and left is None))
    except (RequestFailed, RequestRefused) as error:
        _do_without_the_list(run, by_id, gone, error)
        raise
    first_load.end(run)
    refresh(run, by_id, gone)
    retry(run, by_id, gone)
    Count(run, by_id, gone).run(lister, full=plan.full)
    gone.settle()


def _do_without_the_list(run: Run, by_id: ById, gone: Gone, error: SnapshotterError) -> None:
    """Ask for the jobs that need no list; afterwards the list's own error ends the run."""
    log.warning("the rest of the list cannot be read, other jobs are asked for first: %s", error)
    by_id.note_list_failed()
    with suppress(Stopped, RequestRefused):
        refresh(run, by_id, gone)
        retry(run, by_id, gone)
        by_id.settle()
