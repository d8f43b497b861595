"""One snapshot: what the API holds comes into the database, and nothing is missed.

A run that completes has brought all that the API showed when it began:
1. The listing that an earlier run left is read to its end, and then a new one, from a little before
   the watermark. A page, or some that have come together, are one transaction with a checkpoint,
   and `paging` proves that no job of the listing is passed over. What joins the list behind the
   reader was updated after the listing began, so the next one has it.
2. Jobs that are not final can move without showing up in a listing, and records set aside can be
   mended: those are asked for one by one, the jobs of a status by listing it where that is cheaper.
3. The list's jobs are counted: where there are fewer than here, the gone are searched for.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from snapshotter import census, logs, rejects
from snapshotter.client import PAGE_SIZE, Client, Filters
from snapshotter.database import named_errors
from snapshotter.errors import Interrupted, SnapshotterError, Stopped
from snapshotter.flatten import flatten, is_open
from snapshotter.ledger import ACCOUNTS, SNAPSHOTS, Ledger, Listing, Outcome
from snapshotter.load import JOBS, OPEN, Run, encoded, live, load, mark_gone
from snapshotter.lock import Hold, lock
from snapshotter.paging import Cursor, Page
from snapshotter.payload import KNOWN_STATUSES, Record, Reject
from snapshotter.redact import Redaction
from snapshotter.rejects import REJECTS
from snapshotter.settings import DEFAULT_OVERLAP, Service

__all__ = ["ACCOUNTS", "REJECTS", "SNAPSHOTS", "Outcome", "Plan", "Snapshot", "snapshot", "sync"]

log = logging.getLogger(__name__)

Progress = Callable[[int], None]

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # no listing starts before it
COUNT_AGAIN_AFTER = timedelta(minutes=1)  # where nothing was seen to move since the last count
REMEMBERED_EVERY = 20  # jobs asked for by id, so that a killed run's place is about known
HIDDEN_FROM = 20  # so many jobs that the list lacks and the API has: then it hides them
JOBS_A_PAGE = PAGE_SIZE - 2  # that are new in it: it begins one before the last of the page before
MOST_ASKED = 500  # jobs that the list lacks, in one run
PAGES_AT_ONCE = 10  # in one transaction, where they are there: it writes each page of an index once


@dataclass(frozen=True)
class Plan:
    """What to read: everything new, unless it says otherwise.

    `ids`: just these jobs. `filters`: just the jobs that they let through; the watermark stays.
    `full`: the whole list, from its beginning. `rejected`: what was set aside, once more.
    `overlap`: how far a listing starts before the watermark, for changes that the API shows some
    time after their `updated_at`.
    """

    ids: Sequence[int] | None = None
    filters: Filters = field(default_factory=Filters)
    full: bool = False
    rejected: bool = False
    overlap: timedelta = DEFAULT_OVERLAP

    @property
    def is_filtered(self) -> bool:
        return self.filters != Filters()

    @property
    def names_jobs(self) -> bool:
        return self.ids is not None or self.rejected


def sync(
    engine: Engine,
    client: Client,
    service: Service,
    plan: Plan,
    redact: Redaction,
    progress: Progress = lambda _jobs: None,
) -> Outcome:
    """Read what `plan` says into the database.

    Every run leaves its row in `snapshots`, whatever its end. Raises `Stopped` when another run
    has the account, a limit is reached or the API gives out, `DatabaseError`, `KeyRefused`,
    `UsageError`, `Failure`.
    """
    with snapshot(engine, client, service, plan, redact, progress) as run:
        run.read()
    return run.outcome


@contextmanager
def snapshot(
    engine: Engine,
    client: Client,
    service: Service,
    plan: Plan,
    redact: Redaction,
    progress: Progress = lambda _jobs: None,
) -> Iterator["Snapshot"]:
    """Take the account's lock and open a run; what ends the block ends the run, on record."""
    ledger = Ledger(engine, service.account_id)
    with named_errors(), lock(engine, service.account_id) as hold:
        if hold is None:
            raise Stopped(
                f"account {service.account_id} is being read by {ledger.holder()}; "
                "this run did nothing, run again later"
            )
        outcome = ledger.begin(_kind(plan, ledger), service.api_url)
        logs.about(run=outcome.snapshot_id)
        log.info("begun: kind %s", outcome.kind)
        run = Snapshot(engine, client, service, plan, redact, progress, ledger, outcome, hold)
        try:
            with named_errors():  # so that what passes by itself ends the run as such
                yield run
        except Interrupted as error:
            # It may have come in the middle of a statement, and that session is of no more use.
            with suppress(SnapshotterError, SQLAlchemyError):
                run.end("partial", error)
            raise
        except Stopped as error:
            run.end("partial", error)
            raise
        except BaseException as error:
            # Where the database is lost, that is to be told, not that this cannot be put on record.
            with suppress(SnapshotterError, SQLAlchemyError):
                run.end("failed", error)
            raise
        run.end("completed")


def _kind(plan: Plan, ledger: Ledger) -> str:
    if plan.names_jobs:
        return "jobs"
    if plan.is_filtered:
        return "incremental"
    account, under_way = ledger.account(), ledger.under_way()
    marks = () if account is None else (account.watermark, account.newest_updated_at)
    whole = plan.full or not marks or None in marks
    return "full" if whole or (under_way is not None and under_way.is_whole) else "incremental"


class Snapshot:
    """A run under way."""

    def __init__(
        self,
        engine: Engine,
        client: Client,
        service: Service,
        plan: Plan,
        redact: Redaction,
        progress: Progress,
        ledger: Ledger,
        outcome: Outcome,
        hold: Hold,
    ) -> None:
        self._engine, self._client, self._service = engine, client, service
        self._plan, self._redact, self._progress = plan, redact, progress
        self._ledger, self.outcome, self._hold = ledger, outcome, hold
        self._open_seen: set[int] = set()

    def end(self, status: str, error: BaseException | None = None) -> None:
        self._hold()
        self.outcome.status = status
        self._note_spending()
        self._ledger.end(self.outcome, error)

    def read(self) -> None:
        account = self._ledger.account()
        self._client.sends_links = bool(account.sends_links)
        self._client.page_size = account.page_size or 0
        self._client.credits()
        if self._plan.rejected:
            self._retry_rejected()
        elif self._plan.ids is not None:
            for job_id in self._plan.ids:
                gone = self.outcome.gone
                if self._ask(job_id) is None and self.outcome.gone == gone:
                    self.outcome.missing.append(job_id)
        elif self._plan.is_filtered:
            for page in self._client.jobs(self._plan.filters, Cursor()):
                self.store(page.records, pages=1)
        else:
            self._read_account()

    def _read_account(self) -> None:
        left = self._left_by_an_earlier_run()
        if left is not None:
            self._list(left)
        self._list(self._begin(full=self._plan.full and left is None))
        self._refresh()
        self._ask_for_nameless()
        self._count()
        # What waits unseen ends the run as what is set aside anew does.
        waiting = rejects.count(self._engine, self._service.account_id)
        self.outcome.rejected = max(self.outcome.rejected, waiting)

    # The listing

    def _left_by_an_earlier_run(self) -> Listing | None:
        listing = self._ledger.under_way()
        if listing is None or (self._plan.full and not listing.is_whole):
            return None
        log.info("going on with the listing of an earlier run at job %d", listing.cursor.offset)
        return listing

    def _begin(self, *, full: bool) -> Listing:
        account = self._ledger.account()
        # Without one, a Date that runs ahead could hide the account's first jobs.
        if full or account.watermark is None or account.newest_updated_at is None:
            newest = self._client.newest()
            listing = Listing(None, self._client.clock or newest, Cursor(), newest)
        else:
            clock = self._client.clock or self._client.newest()
            # A Date that runs ahead of the API's own times must not make it start too late.
            start = min(account.watermark, account.newest_updated_at)
            since = max(start, EARLIEST + self._plan.overlap) - self._plan.overlap
            newest = account.newest_updated_at
            listing = Listing(since.replace(microsecond=0), clock, Cursor(), newest)
        self._ledger.start(listing)
        return listing

    def _list(self, listing: Listing) -> None:
        from_the_start = listing.cursor == Cursor()
        elapsed = self._client.stopwatch()
        waiting: list[Page] = []
        log.info("listing jobs updated since %s", listing.since or "the beginning")
        listed = self._client.jobs(Filters(since=listing.since), listing.cursor, self._prepared)
        with closing(listed) as pages:
            try:
                for number, page in enumerate(pages):
                    newest = listing.newest
                    if from_the_start and not listing.is_whole and number == 0:
                        # What changes from now on may be missed, and is left to the next listing.
                        newest = _newest(newest, page.records)
                    elif from_the_start and not listing.is_whole and number == 1:
                        # Of several pages the first has the oldest jobs, not the latest changes.
                        latest = self._client.newest()
                        if latest is not None:
                            newest = latest - elapsed() - timedelta(seconds=1)
                    listing = replace(listing, cursor=page.cursor, newest=newest)
                    waiting.append(page)
                    if not page.next_is_here or len(waiting) == PAGES_AT_ONCE:
                        self._store_pages(waiting, listing)
            except SnapshotterError:
                self._store_pages(waiting, listing)
                raise
        if listing.is_whole and from_the_start:
            unseen = self._nameless()
            with self._engine.begin() as connection:
                rejects.forget_rows(connection, unseen)
        clocks = [at for at in (listing.clock, self._client.clock) if at is not None]
        watermark = None if listing.clock is None else min(clocks)
        self._ledger.complete(watermark, self._service.api_url)

    def _prepared(self, records: Sequence[Record | Reject]) -> list[Record | Reject]:
        """Work out what will be stored, in the thread that has fetched it."""
        flat = [flatten(r, self._redact) for r in records if isinstance(r, Record)]
        rows = iter(encoded(self._engine.dialect, flat))
        return [r._replace(rows=next(rows)) if isinstance(r, Record) else r for r in records]

    def _store_pages(self, pages: list[Page], listing: Listing) -> None:
        """Store pages that have come, and wait no more; `listing` is as the last one leaves it."""
        records, number = [record for page in pages for record in page.records], len(pages)
        pages.clear()
        if number:
            self.store(records, pages=number, checkpoint=listing)

    # What may have moved unseen

    def _refresh(self) -> None:
        """Ask for what may have moved unseen, from where an earlier run had to stop."""
        self._list_open()
        after = self._ledger.account().refreshed_id
        rejected = self._rejected_ids()
        due = sorted(self._open_jobs().keys() - self._open_seen | rejected)
        log.info("asking for %d open jobs, and records set aside, by id", len(due))
        start = 0 if after is None else sum(job_id <= after for job_id in due)
        last = after
        try:
            for number, job_id in enumerate((*due[start:], *due[:start]), 1):
                if job_id in rejected:
                    self._ask_for_rejected(job_id)
                else:
                    self._ask(job_id)
                last = job_id
                if number % REMEMBERED_EVERY == 0:
                    self._ledger.remember(refreshed_id=last)
        except Stopped:
            self._ledger.remember(refreshed_id=last)
            raise
        if due:
            self._ledger.remember(refreshed_id=None)

    def _list_open(self) -> None:
        """List the open jobs of a status where that takes fewer requests than to ask for each."""
        stored = self._open_jobs()
        listed = Counter(stored.values())
        due = Counter(stored[job_id] for job_id in stored.keys() - self._open_seen)
        for status in sorted(KNOWN_STATUSES & due.keys()):
            if due[status] > 1 + listed[status] // JOBS_A_PAGE:
                with closing(self._client.jobs(Filters(status=status), Cursor())) as pages:
                    for page in islice(pages, due[status]):
                        self.store(page.records)

    def _open_jobs(self) -> dict[int, str | None]:
        """Give the status of each job that is stored as open."""
        statement = select(JOBS.c.id, JOBS.c.status).where(*live(self._service.account_id), *OPEN)
        with self._engine.connect() as connection:
            return {row.id: row.status for row in connection.execute(statement)}

    def _rejected_ids(self) -> set[int]:
        return rejects.job_ids(
            self._engine, self._service.account_id, not_of_run=self.outcome.snapshot_id
        )

    def _ask(self, job_id: int) -> Record | Reject | None:
        """Ask for one job, and store it or mark it gone."""
        answer = self._client.job(job_id)
        if answer is None:
            self.mark_gone([job_id])
            return None
        answer = _asked_for(job_id, answer)
        self.store([answer], partial=True)
        return answer

    def _ask_for_rejected(self, job_id: int) -> None:
        """Ask for a job that was set aside; one that can be read now also as lists tell it."""
        answer = self._ask(job_id)
        if isinstance(answer, Record) and answer.job.updated_at is not None:
            self.store(self._client.touched_at(answer.job.updated_at)[0])

    def mark_gone(self, job_ids: Iterable[int]) -> int:
        """Note jobs that the API has no more. Gives for how many that is news."""
        self._hold()
        ids, run = list(job_ids), self._run()
        with self._engine.begin() as connection:
            gone = sum(mark_gone(connection, run, job_id) for job_id in ids)
            rejects.forget(connection, self._service.account_id, ids)
        self.outcome.gone += gone
        return gone

    # Records set aside

    def _ask_for_nameless(self) -> None:
        """Look for records without an id where they were: first among those of their updated_at.

        What is not found there any more is stored by now, under the id that it has been given, or
        is gone.
        """
        waiting = defaultdict(list)
        for row in self._nameless():
            waiting[rejects.time_of(row, "updated_at")].append(row.id)
        for at, row_ids in waiting.items():
            if at is None:
                continue
            records, is_all = self._client.touched_at(at)
            self.store(records)
            if is_all:
                left = [row for row in self._nameless() if row.id in row_ids]
                with self._engine.begin() as connection:
                    rejects.forget_rows(connection, left)

    def _nameless(self) -> list[rejects.SetAside]:
        """Give the records without an id that this run has not seen."""
        return rejects.listed(
            self._engine,
            self._service.account_id,
            not_of_run=self.outcome.snapshot_id,
            nameless=True,
        )

    def _retry_rejected(self) -> None:
        """Read anew what was set aside: as it is kept, and what that leaves, from the API."""
        for row in rejects.listed(self._engine, self._service.account_id):
            record = rejects.read_again(row)
            if isinstance(record, Record):
                self.store([record])
                if row.job_id is None:
                    with self._engine.begin() as connection:
                        rejects.forget_rows(connection, [row])
        for job_id in sorted(rejects.job_ids(self._engine, self._service.account_id)):
            self._ask_for_rejected(job_id)
        self._ask_for_nameless()
        # Whatever is left ends the run as what is set aside anew does.
        self.outcome.rejected = rejects.count(self._engine, self._service.account_id)

    # What is gone

    def _count(self) -> None:
        """See whether the list has as many jobs as are here; where it has fewer, find the gone."""
        account, now = self._ledger.account(), self._client.latest_clock
        quiet = not (self.outcome.inserted or self.outcome.changed or self._plan.full)
        if quiet and _is_recent(account.counted_at, now):
            return
        unlisted = 0 if self._plan.full else account.unlisted or 0
        expected = census.stored(self._engine, self._service.account_id) - unlisted
        log.info("counting the list: %d jobs are stored", expected)
        # What this run has seen is there.
        if expected > len(self.outcome.seen):
            as_before = self._has(expected - 1) and not (unlisted and self._has(expected))
            if not as_before:
                unlisted = self._find_gone(expected - 1)
        self._ledger.remember(counted_at=now, unlisted=unlisted)

    def _has(self, place: int) -> bool:
        return bool(self._client.page(place, limit=1).records)

    def _find_gone(self, guess: int) -> int:
        """Mark what the list lacks as gone. Gives how many jobs it hides, where it does that."""
        total = census.count(self._has, guess)
        shelf = census.shelf(self._engine, self._service.account_id)
        gone = hidden = 0
        for stretch in census.differences(
            lambda place: self._client.page(place).records, total, shelf
        ):
            self.store(stretch.listed)
            for job_id in stretch.unlisted:
                if gone + hidden == MOST_ASKED:
                    break
                # Asked for, each: a list that moved meanwhile seems to lack what it has.
                if self._client.job(job_id) is None:
                    gone += self.mark_gone([job_id])
                else:
                    hidden += 1
        left = census.stored(self._engine, self._service.account_id) - total
        if gone or left <= 0 or hidden < HIDDEN_FROM:
            return 0
        log.warning("the list lacks some %d jobs that the API gives by id", left)
        return left

    # Writing

    def store(
        self,
        records: Sequence[Record | Reject],
        *,
        pages: int = 0,
        checkpoint: Listing | None = None,
        partial: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Store an answer in one transaction with its checkpoint; see `load`."""
        self._hold()
        self._note_spending()
        run, outcome, redact = self._run(), self.outcome, self._redact
        good = {r.job.id: r for r in records if isinstance(r, Record)}
        bad = [r for r in records if isinstance(r, Reject)]
        rows = [r.rows or flatten(r, redact) for r in records if isinstance(r, Record)]
        with self._engine.begin() as connection:
            loaded = load(connection, run, rows, partial=partial, overwrite=overwrite)
            bad += [
                Reject(job_id, None, reason, good[job_id].document)
                for job_id, reason in loaded.refused.items()
            ]
            rejects.forget(
                connection, self._service.account_id, good.keys() - loaded.refused.keys()
            )
            fresh = [r for r in bad if rejects.set_aside(connection, run, r, redact)]
            if checkpoint is not None:
                self._ledger.advance(
                    connection,
                    checkpoint,
                    page_size=self._client.page_size,
                    sends_links=self._client.sends_links,
                )
        outcome.inserted += len(loaded.inserted)
        outcome.changed += len(loaded.changed)
        outcome.rejected += len(fresh)
        outcome.pages += pages
        outcome.seen.add(good.keys() - loaded.refused.keys())
        self._open_seen |= {i for i, r in good.items() if is_open(r.job.status)}
        self._progress(len(outcome.seen))
        for job_id in (*loaded.inserted, *loaded.changed):
            if (status := good[job_id].job.status) not in KNOWN_STATUSES:
                log.warning("job %d has a status that is not known: %r", job_id, status)
        for reject in fresh:
            log.warning("set aside: %s", reject.reason)

    def _run(self) -> Run:
        observed_at = self._client.latest_clock or datetime.now(UTC)
        return Run(self._service.account_id, self.outcome.snapshot_id, observed_at)

    def _note_spending(self) -> None:
        outcome, client = self.outcome, self._client
        outcome.requests, outcome.credits_spent = client.requests_sent, client.credits_spent
        outcome.credits_remaining = client.credits_remaining


def _is_recent(at: datetime | None, now: datetime | None) -> bool:
    return at is not None and now is not None and timedelta(0) <= now - at < COUNT_AGAIN_AFTER


def _newest(known: datetime | None, records: Iterable[Record | Reject]) -> datetime | None:
    times = [r.job.updated_at for r in records if isinstance(r, Record)]
    return max((at for at in (known, *times) if at is not None), default=None)


def _asked_for(job_id: int, answer: Record | Reject) -> Record | Reject:
    """Hold an answer against the job that was asked for."""
    if answer.job_id == job_id:
        return answer
    payload = answer.document if isinstance(answer, Record) else answer.payload
    came = "one with no id" if answer.job_id is None else str(answer.job_id)
    return Reject(job_id, None, f"job {job_id}: the API gave job {came}", payload)
