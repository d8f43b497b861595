"""Proves for few credits that what the API has is stored, and reports what is not.

The API's jobs are counted, all and by status, and a difference is searched for; then some pages of
the list, chosen at random, are compared with the tables field by field. What changed at the API
since the last listing began, by the API's own times, is not covered yet and is reported separately.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from snapshotter.api.narrowing import PAGE_SIZE
from snapshotter.api.records import Record, Reject, time_in
from snapshotter.errors import RequestFailed, RequestRefused, SnapshotterError, Stopped
from snapshotter.flatten import flatten
from snapshotter.statuses import STATUSES, is_open
from snapshotter.store import pruned, rejects
from snapshotter.store.diff import compare
from snapshotter.store.ledger import Ledger
from snapshotter.store.load import Mode
from snapshotter.store.pruned import PrunedJob
from snapshotter.store.tables import JOBS, PRUNED, among, live
from snapshotter.sync import reconcile
from snapshotter.sync.context import Context
from snapshotter.sync.gone import Gone
from snapshotter.sync.run import Run
from snapshotter.texts import counted

if TYPE_CHECKING:
    from datetime import datetime

ASKED_BY_ID = 100  # unlisted jobs
SHOWN = 20  # jobs of a kind that are listed by id
_MARKED = select(JOBS.c.id).where(among(JOBS.c.id), JOBS.c.gone_at.is_not(None))


@dataclass
class Comparison:
    """What a comparison with the API has found.

    `counted` has (what, at the API, here); jobs are named by their ids, a record without one by
    None. `pruned`: how many of the jobs here are pruned. `unrepaired`: why a repair left the jobs
    that are gone as they were.
    """

    counted: list[tuple[str, int, int]] = field(default_factory=list)
    read: int = 0
    missing: set[int | None] = field(default_factory=set)
    differing: dict[int, list[str]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    set_aside: list[int | None] = field(default_factory=list)
    newer: set[int | None] = field(default_factory=set)
    pruned: int = 0
    unrepaired: str = ""

    @property
    def differences(self) -> int:
        return len(self.missing) + len(self.differing) + len(self.gone)

    def lines(self) -> Iterator[str]:
        """Yield what was found, one line each."""
        width = max((len(what) for what, _, _ in self.counted), default=0)
        yield f"{'':{width}}  {'at the API':>10}  {'here':>10}"
        for what, there, here in self.counted:
            difference = "" if there == here else f"  {self._why_counts_differ()}"
            yield f"{what:{width}}  {there:10,}  {here:10,}{difference}"
        yield f"{counted(self.read, 'job')} read again, field by field"
        if self.pruned:
            verb = "is" if self.pruned == 1 else "are"
            yield f"{counted(self.pruned, 'job')} {verb} pruned: counted as here, not compared"
        if self.newer:
            yield (
                f"{counted(len(self.newer), 'job')} moved since the last sync; not a difference: "
                "the next 'snapshotter sync' fetches what changed"
            )
        kinds = {
            "missing here": _names(self.missing),
            "gone from the API": _names(self.gone),
            "set aside (snapshotter rejects)": _names(self.set_aside),
            "different here": [
                f"{job_id} ({', '.join(self.differing[job_id])})"
                for job_id in sorted(self.differing)
            ],
        }
        for what, jobs in kinds.items():
            if jobs:
                more = f" and {len(jobs) - SHOWN:,} more" if jobs[SHOWN:] else ""
                yield f"{what}: {', '.join(jobs[:SHOWN])}{more}"

    def _why_counts_differ(self) -> str:
        """Return why two counts differ; only "differs" is something to repair."""
        if self.differences:
            return "differs"
        if self.newer:
            return "moved since the last sync"
        return "set aside" if self.set_aside else "moved while it was counted"


def _names(job_ids: Iterable[int | None]) -> list[str]:
    ordered = sorted(job_ids, key=lambda job_id: -1 if job_id is None else job_id)
    return ["one without an id" if job_id is None else str(job_id) for job_id in ordered]


class Sample(NamedTuple):
    """How many jobs to compare field by field, and what chooses their pages."""

    jobs: int
    chance: random.Random


def verify(context: Context, sample: Sample, found: Comparison, repair: Run | None = None) -> None:
    """Compare the API's jobs with the tables, and add what differs to `found`.

    With `repair`, store what differs by that run. Raises what `Client` raises; `found` then has
    what was found until then.
    """
    _Verification(context, found, repair).run(sample)


class _Verification:
    def __init__(self, context: Context, found: Comparison, repair: Run | None) -> None:
        self._context, self._found, self._repair = context, found, repair
        self._gone = None if repair is None else Gone(repair)
        self._failed: SnapshotterError | None = None
        engine, account_id = context.engine, context.account_id
        account = Ledger(engine, account_id).account()
        self._newest: datetime | None = None if account is None else account.newest_updated_at
        self._rejected = {row.job_id for row in rejects.states(engine, account_id)}

    def run(self, sample: Sample) -> None:
        try:
            self._compare(sample)
        except (RequestFailed, RequestRefused, Stopped):
            self._mark_gone()
            raise
        self._mark_gone()
        if self._failed is not None:
            raise self._failed  # the rest has been looked at

    def _mark_gone(self) -> None:
        if self._gone is not None:
            self._gone.settle()
            self._found.unrepaired = self._gone.postponed

    def _compare(self, sample: Sample) -> None:
        self._context.client.credits()
        index = reconcile.index(self._context.engine, self._context.account_id)
        total = self._count(
            "all", "jobs", reconcile.expected_count(self._context.engine, self._context.account_id)
        )
        self._search("all", total, index)
        for status, here in self._by_status().items():
            try:
                there = self._count(status, status, here)
            except RequestRefused:  # a service that is older than this status
                continue
            except RequestFailed as error:
                self._failed = error
                continue
            if there != here:
                self._search(
                    status,
                    there,
                    reconcile.index(self._context.engine, self._context.account_id, status),
                )
        offsets = range(0, total, PAGE_SIZE)
        pages = min(len(offsets), -(-sample.jobs // PAGE_SIZE))
        for offset in sorted(sample.chance.sample(offsets, pages)):
            records, unlisted = reconcile.sample(self._page("all"), offset, total, index)
            self._found.read += len(records)
            self._look_at(records, unlisted)
        waiting = rejects.states(self._context.engine, self._context.account_id)
        self._found.set_aside = [row.job_id for row in waiting]

    def _page(self, status: str) -> Callable[[int], reconcile.Records]:
        return lambda offset: self._context.client.page(offset, status=status).records

    def _count(self, status: str, what: str, here: int) -> int:
        def has(offset: int) -> bool:
            return bool(self._context.client.page(offset, limit=1, status=status).records)

        there = reconcile.count(has, here)
        self._found.counted.append((what, there, here))
        return there

    def _by_status(self) -> dict[str, int]:
        account_id, here = self._context.account_id, Counter[str | None]()
        with self._context.engine.connect() as connection:
            for status, conditions in (
                (JOBS.c.status, live(account_id)),
                (PRUNED.c.status, pruned.listed(account_id)),
            ):
                counts = select(status, func.count()).where(*conditions).group_by(status)
                here.update({row[0]: int(row[1]) for row in connection.execute(counts)})
            self._found.pruned = pruned.count(connection, account_id)
        return {status: here[status] for status in STATUSES}

    def _search(self, status: str, total: int, index: reconcile.Index) -> None:
        for difference in reconcile.differences(self._page(status), total, index):
            self._look_at(difference.listed, difference.unlisted)

    def _look_at(self, listed: reconcile.Records, unlisted: list[int]) -> None:
        """Compare records of the list with the tables; ask for stored jobs that the list lacks."""
        found, repair = self._found, self._repair
        differing = self._differing([record for record in listed if isinstance(record, Record)])
        wrong: list[Record | Reject] = []
        as_pruned = self._as_pruned(listed)
        for record in listed:
            if record.job_id in self._rejected:
                continue
            columns = ["jobs"]
            if record.job_id in as_pruned:
                if as_pruned[record.job_id].gone_at is None:
                    continue
                columns = ["gone_at"]
            elif isinstance(record, Record):
                if record.job_id not in differing:
                    continue
                columns = differing[record.job_id]
            if self._is_newer(record, columns):
                found.newer.add(record.job_id)
                continue
            wrong.append(record)
            if isinstance(record, Record) and columns != ["jobs"]:
                found.differing[record.job_id] = columns
            else:
                found.missing.add(record.job_id)
        if repair is not None and wrong:
            repair.store(wrong, Mode(overwrite=True))
        self._ask_for(unlisted)

    def _ask_for(self, unlisted: list[int]) -> None:
        """Find out which of the jobs that the list lacks are gone."""
        found, gone = self._found, self._gone
        known = {*found.missing, *found.differing, *found.newer, *found.gone}
        # To report many it is enough to ask for the first; to mark them, each is asked for.
        marks_all = gone is not None and (gone.is_confirmed() or gone.most() >= len(unlisted))
        for job_id in unlisted:
            is_assumed = not marks_all and len(found.gone) >= ASKED_BY_ID
            if job_id in known or not (is_assumed or self._is_gone(job_id)):
                continue
            found.gone.add(job_id)
            if gone is not None and is_assumed:
                gone.is_cut = gone.awaits_confirmation = True
            elif gone is not None:
                gone.miss(job_id)

    def _is_gone(self, job_id: int) -> bool:
        try:
            return self._context.client.job(job_id) is None
        except (RequestFailed, RequestRefused) as error:
            self._failed = error
            return False

    def _differing(self, records: list[Record]) -> dict[int, list[str]]:
        """Return the columns and tables that differ, by job; a job marked as gone differs, too."""
        ids = [record.job_id for record in records]
        with self._context.engine.connect() as connection:
            differing = compare(connection, [flatten(r, self._context.redact) for r in records])
            for job_id in connection.execute(_MARKED, {"ids": ids}).scalars():
                differing[job_id] = [*differing.get(job_id, []), "gone_at"]
        return differing

    def _as_pruned(self, records: reconcile.Records) -> dict[int | None, PrunedJob]:
        """Return the pruned jobs, by id, that the API has as they were when they were pruned."""
        ids = [record.job_id for record in records if record.job_id is not None]
        with self._context.engine.connect() as connection:
            known = pruned.find(connection, ids)
        return {
            record.job_id: known[record.job_id]
            for record in records
            if record.job_id in known and known[record.job_id].is_same(record)
        }

    def _is_newer(self, record: Record | Reject, columns: list[str]) -> bool:
        """Whether a difference arose after the last listing began, or in a job that is open.

        A job that is open on both sides may change without a new `updated_at`; each sync asks for
        it by its id.
        """
        document = record.document if isinstance(record, Record) else record.payload
        at = time_in(document, "updated_at")
        # Within the second of the last change this is unknown; a false alarm is the safer answer.
        if self._newest is not None and at is not None and at > self._newest:
            return True
        is_open_there = isinstance(record, Record) and is_open(record.job.status)
        return is_open_there and not {"jobs", "gone_at", "finished_at"} & set(columns)
