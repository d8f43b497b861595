"""A run in progress: the only place that writes the API's answers into the tables."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection

from snapshotter.api.records import Record, Reject
from snapshotter.errors import SnapshotterError
from snapshotter.printable import printable
from snapshotter.statuses import STATUSES, is_open
from snapshotter.store import pruned, reject_reasons, rejects, sizes
from snapshotter.store.ledger import Ledger, Listing, Outcome
from snapshotter.store.load import Loaded, Mode, load, mark_gone
from snapshotter.store.lock import CheckLock
from snapshotter.store.prepared import Prepared, encoded, prepare
from snapshotter.store.set_aside import set_aside
from snapshotter.store.write import Stamp
from snapshotter.sync.context import Context
from snapshotter.times import now

log = logging.getLogger(__name__)

# What plain code raises for a value that was not foreseen.
UNFORESEEN = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)


class Run:
    """A run in progress."""

    def __init__(
        self, context: Context, ledger: Ledger, outcome: Outcome, check_lock: CheckLock
    ) -> None:
        self.engine, self.client = context.engine, context.client
        self.account_id = context.account_id
        self.redact, self._progress = context.redact, context.progress
        self.ledger, self.outcome, self.check_lock = ledger, outcome, check_lock
        self.open_seen: set[int] = set()
        # None is added while this run has the lock.
        self._has_pruned = pruned.are_there(self.engine)
        self._limit = sizes.apply_packet_limit(self.engine)
        self._aside: list[tuple[int | None, str]] = []
        self._unknown: dict[str | None, list[int]] = {}
        self._misfits: dict[str, list[int]] = {}

    def end(self, status: str, error: BaseException | None = None) -> None:
        """Log what is reported at the end, and record how the run ended in its row."""
        self._report()
        self.check_lock()
        self.outcome.status = status
        self._note_spending()
        self.ledger.end(self.outcome, error)

    def _report(self) -> None:
        """Log what was set aside, statuses that are not known, and values that fit no column."""
        for line in reject_reasons.lines(self._aside):
            log.warning("set aside: %s", printable(line))
        for unknown, job_ids in self._unknown.items():
            which = f"{len(job_ids)} jobs have" if job_ids[1:] else f"job {job_ids[0]} has"
            log.warning("%s a status that is not known: %r", which, unknown)
        for misfit, job_ids in self._misfits.items():
            which = (
                f"{len(job_ids)} jobs, as job {job_ids[0]}," if job_ids[1:] else f"job {job_ids[0]}"
            )
            log.warning("%s came with %s, which fits no column and is in extra", which, misfit)

    def note(self, what: str, error: SnapshotterError | None = None) -> None:
        """Record what could not be done; the run continues, and ends with 65."""
        what = printable(what if error is None else f"{what}: {error}")
        self.outcome.noted.append(what)
        log.warning("%s", what)

    def show_progress(self) -> None:
        """Report to who watches the run that it has gone on."""
        self._progress(len(self.outcome.seen))

    @property
    def stamp(self) -> Stamp:
        observed_at = self.client.latest_server_clock or now()
        return Stamp(self.account_id, self.outcome.snapshot_id, observed_at)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction, if the run still has its lock."""
        self.check_lock()
        with self.engine.begin() as connection:
            yield connection

    def mark_gone(self, job_ids: Iterable[int]) -> int:
        """Mark jobs as deleted at the API; return how many were not marked before."""
        ids, stamp = list(job_ids), self.stamp
        with self.transaction() as connection:
            gone = sum(mark_gone(connection, stamp, job_id) for job_id in ids)
            gone += pruned.mark_gone(connection, stamp, ids)
            rejects.forget(connection, self.account_id, ids)
        self.outcome.gone += gone
        return gone

    def forget_unseen_rejects(self, row_ids: Collection[int] | None = None) -> None:
        """Forget rejected records without an id that this run has not met, of these rows or of all.

        They are stored by now, under an id that they were given, or are gone.
        """
        rejects.forget_unseen(self.engine, self.account_id, self.outcome.snapshot_id, row_ids)

    def prepared(self, records: Sequence[Record | Reject]) -> list[Prepared | Reject]:
        """Return the records with all that is worked out before the transaction; in any thread.

        A record that cannot be turned into rows becomes a `Reject`.
        """
        found = self._flat(records)
        jobs = [each for each in found if isinstance(each, Prepared)]
        try:
            ready = iter(encoded(self.engine.dialect, jobs))
        except UNFORESEEN:
            return found  # it comes up again when they are written, for the job that it is about
        return [
            each._replace(ready=next(ready)) if isinstance(each, Prepared) else each
            for each in found
        ]

    def _flat(self, records: Sequence[Record | Reject]) -> list[Prepared | Reject]:
        return [self._rows_of(each) if isinstance(each, Record) else each for each in records]

    def _rows_of(self, record: Record) -> Prepared | Reject:
        try:
            return prepare(record, self.redact)
        except UNFORESEEN as error:
            reason = f"job {record.job.id}: cannot be stored: {type(error).__name__}"
            reason = self.redact(f"{reason}: {error}")
            return Reject(record.job_id, record.created_at, reason, record.document)

    def store(
        self,
        records: Sequence[Record | Reject],
        mode: Mode = Mode(),  # noqa: B008 - immutable
        *,
        pages: int = 0,
    ) -> None:
        """Store the records of an answer in one transaction: jobs as rows, the others as rejects.

        `pages`: how many pages of a list they are.
        """
        self._put(self._flat(records), None, mode)
        self.outcome.pages += pages

    def store_pages(
        self, records: Sequence[Prepared | Reject], pages: int, checkpoint: Listing
    ) -> None:
        """Store what pages of a listing have brought, in one transaction with its checkpoint."""
        self._put(records, checkpoint, Mode())
        self.outcome.pages += pages

    def _put(
        self,
        records: Sequence[Prepared | Reject],
        checkpoint: Listing | None,
        mode: Mode,
    ) -> None:
        self.check_lock()
        self._note_spending()
        good = {each.job_id: each for each in records if isinstance(each, Prepared)}
        # What a partial answer leaves out is filled in from what is stored.
        is_suspect = mode.partial or any(
            sizes.is_suspect(self._limit, len(each.record.raw)) for each in good.values()
        )
        limit = self._limit if is_suspect else None
        written = self._write(records, mode._replace(limit=limit), checkpoint)
        self.ledger.is_known |= bool(records)
        self._count(written, good)
        self._note_for_report(written, good)

    def _write(
        self, records: Sequence[Prepared | Reject], mode: Mode, checkpoint: Listing | None
    ) -> "_Written":
        with self.engine.begin() as connection:
            stays = set[int]()
            if self._has_pruned:
                stays = pruned.settle(connection, self.stamp, records, restores=mode.restores)
            records = [each for each in records if each.job_id not in stays]
            jobs = [each for each in records if isinstance(each, Prepared)]
            good = {job.job_id: job for job in jobs}
            bad = [each for each in records if isinstance(each, Reject)]
            loaded = load(connection, self.stamp, jobs, mode)
            bad += [
                Reject(job_id, None, self.redact(reason), good[job_id].record.document)
                for job_id, reason in loaded.refused.items()
            ]
            stored = (good.keys() | stays) - {reject.job_id for reject in bad}
            rejects.forget(connection, self.account_id, stored)
            fresh = set_aside(connection, self.stamp, bad, self.redact) if bad else []
            if checkpoint is not None:
                self.ledger.advance(
                    connection,
                    checkpoint,
                    page_size=self.client.page_size,
                    sends_links=self.client.sends_links,
                )
            elif records or stays:
                self.ledger.ensure(connection)
        return _Written(stored, loaded, fresh)

    def _count(self, written: "_Written", good: Mapping[int, Prepared]) -> None:
        outcome = self.outcome
        outcome.inserted += len(written.loaded.inserted)
        outcome.changed += len(written.loaded.changed)
        outcome.rejected += len(written.rejected)
        outcome.seen.update(written.job_ids)
        self.open_seen |= {
            i for i in written.job_ids & good.keys() if is_open(good[i].record.job.status)
        }
        self.show_progress()

    def _note_for_report(self, written: "_Written", good: Mapping[int, Prepared]) -> None:
        """Note what is reported at the end of the run."""
        self._aside += [(reject.job_id, reject.reason) for reject in written.rejected]
        for job_id in (*written.loaded.inserted, *written.loaded.changed):
            record = good[job_id].record
            if (status := record.job.status) not in STATUSES:
                self._unknown.setdefault(status, []).append(job_id)
            for misfit in record.misfit_kinds:
                self._misfits.setdefault(misfit.partition(":")[0], []).append(job_id)

    def _note_spending(self) -> None:
        outcome, client = self.outcome, self.client
        outcome.requests, outcome.credits_spent = client.requests_sent, client.credits_spent
        outcome.credits_remaining = client.credits_remaining


class _Written(NamedTuple):
    """What a transaction has stored; `rejected`: the records that are newly set aside."""

    job_ids: AbstractSet[int]
    loaded: Loaded
    rejected: Sequence[Reject]
