"""Reads the list into the tables, page by page, each with its checkpoint."""

import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from snapshotter.api.client import ListFilters
from snapshotter.api.paging import Cursor, Page
from snapshotter.api.records import Reject
from snapshotter.errors import RequestFailed, RequestRefused, SnapshotterError, Stopped
from snapshotter.store.ledger import Ledger, Listing
from snapshotter.store.prepared import Prepared
from snapshotter.store.tables import JOBS, live
from snapshotter.sync.run import Run
from snapshotter.times import stamp

log = logging.getLogger(__name__)

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # no listing starts before it
# In one transaction, if they have arrived: each page of an index is then written once.
PAGES_AT_ONCE = 5


def marks_of(ledger: Ledger) -> tuple[datetime, datetime] | None:
    """Return an account's watermark and `newest_updated_at`; None if all of the list is to be read.

    Both are needed: by the watermark alone, a Date that runs ahead of the API's own times could
    hide the account's first jobs.
    """
    account = ledger.account()
    if account is None or account.watermark is None or account.newest_updated_at is None:
        return None
    return account.watermark, account.newest_updated_at


class Lister:
    """Reads the listings of a run.

    `has_read_all`: one was of the whole list, from its beginning.
    """

    def __init__(self, run: Run, overlap: timedelta) -> None:
        self._run, self._overlap = run, overlap
        self._knows_newest = True
        self.has_read_all = False

    def left_by_an_earlier_run(self, *, full: bool) -> Listing | None:
        listing = self._run.ledger.unfinished_listing()
        if listing is None or (full and not listing.is_whole):
            return None
        log.info("continuing the listing of an earlier run at offset %d", listing.cursor.offset)
        return listing

    def begin(self, *, full: bool) -> Listing:
        run = self._run
        marks = None if full else marks_of(run.ledger)
        if marks is None:
            newest = self._newest()
            listing = Listing(None, run.client.server_clock or newest, Cursor(), newest)
        else:
            clock = run.client.server_clock or self._newest()
            # A Date that runs ahead of the API's own times must not make it start too late.
            since = max(min(marks), EARLIEST + self._overlap) - self._overlap
            _, newest = marks
            listing = Listing(since.replace(microsecond=0), clock, Cursor(), newest)
        run.ledger.start(listing)
        return listing

    def _newest(self) -> datetime | None:
        """Return the latest `updated_at` at the API, or one that is certainly older.

        The next listing starts there: the older it is, the more it reads again.
        """
        run = self._run
        if self._knows_newest:
            try:
                return run.client.newest()
            except (RequestFailed, RequestRefused) as error:
                check_list_answers(run, error)
                self._knows_newest = False  # once a run is enough
                log.warning("the latest change is not known, so the next run lists more: %s", error)
        latest = select(func.max(JOBS.c.updated_at)).where(*live(run.account_id))
        with run.engine.connect() as connection:
            stored: datetime | None = connection.execute(latest).scalar()
        return stored

    def read(self, listing: Listing) -> None:
        """Read a listing to its end; what came before an error is stored."""
        run = self._run
        from_the_start = listing.cursor == Cursor()
        elapsed = run.client.stopwatch()
        waiting: list[Page[Prepared | Reject]] = []
        log.info(
            "listing jobs updated since %s",
            stamp(listing.since) if listing.since else "the beginning",
        )
        listed = run.client.jobs(ListFilters(since=listing.since), listing.cursor, run.prepared)
        with closing(listed) as pages:
            try:
                for number, page in enumerate(pages):
                    newest = listing.newest
                    if from_the_start and not listing.is_whole:
                        newest = self._newest_by(number, page, newest, elapsed)
                    listing = replace(listing, cursor=page.cursor, newest=newest)
                    waiting.append(page)
                    if not page.next_is_here or len(waiting) == PAGES_AT_ONCE:
                        self._store(waiting, listing)
            except SnapshotterError:
                self._store(waiting, listing)
                raise
        if listing.is_whole and from_the_start:
            self.has_read_all = True
            run.forget_unseen_rejects()
        clocks = [at for at in (listing.clock, run.client.server_clock) if at is not None]
        run.ledger.complete(None if listing.clock is None else min(clocks))

    def _newest_by(
        self,
        number: int,
        page: Page[Prepared | Reject],
        known: datetime | None,
        elapsed: Callable[[], timedelta],
    ) -> datetime | None:
        """Return the latest change that a listing is sure to have, once it has that many pages."""
        if number == 0:
            # What changes from now on may be missed, and is left to the next listing.
            return _latest(known, page.records)
        if number == 1 and self._knows_newest:
            # Of several pages the first has the oldest jobs, not the latest changes.
            latest = self._newest()
            if latest is not None and self._knows_newest:
                return latest - elapsed() - timedelta(seconds=1)
        return known

    def _store(self, pages: list[Page[Prepared | Reject]], listing: Listing) -> None:
        """Store pages, and empty the list; `listing` is as the last one leaves it."""
        records, number = [record for page in pages for record in page.records], len(pages)
        pages.clear()
        if number:
            self._run.store_pages(records, number, listing)


def check_list_answers(run: Run, error: SnapshotterError) -> None:
    """Ask the list for one job after another request has failed: raise its error if both do."""
    if isinstance(error, RequestRefused):
        return  # which is an answer
    try:
        run.client.page(0, limit=1)
    except Stopped:
        raise error from None


def _latest(known: datetime | None, records: Iterable[Prepared | Reject]) -> datetime | None:
    times = [each.record.job.updated_at for each in records if isinstance(each, Prepared)]
    return max((at for at in (known, *times) if at is not None), default=None)
