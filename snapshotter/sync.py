"""One snapshot: what the API holds comes into the database, and nothing is missed.

The listing starts a little before the watermark, and each page is one transaction with its
checkpoint; `paging` proves that no job of the listing is passed over. What joined the list behind
the reader was updated after the run began, so the next run's listing has it. Jobs that are not
final, which can move without showing up in a listing, are asked for one by one.
"""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, or_, select, update

from snapshotter.client import Client, Filters
from snapshotter.database import lock, named_errors
from snapshotter.errors import SnapshotterError, Stopped
from snapshotter.flatten import flatten, is_open
from snapshotter.load import JOBS, Run, load, mark_gone
from snapshotter.models import Base
from snapshotter.paging import Cursor, Page
from snapshotter.payload import FINAL_STATUSES, KNOWN_STATUSES, Record, Reject
from snapshotter.redact import Redaction
from snapshotter.settings import DEFAULT_OVERLAP, Service

log = logging.getLogger(__name__)

_TABLES = Base.metadata.tables
ACCOUNTS: Table = _TABLES["accounts"]
SNAPSHOTS: Table = _TABLES["snapshots"]
REJECTS: Table = _TABLES["rejected_records"]

Progress = Callable[[int], None]

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # no listing starts before it


@dataclass(frozen=True)
class Plan:
    """What to read: everything new, unless it says otherwise.

    `ids`: just these jobs. `filters`: just the jobs that they let through; the watermark stays.
    `full`: the whole list, from its beginning. `overlap`: how far a listing starts before the
    watermark, for changes that the API shows some time after their `updated_at`.
    """

    ids: Sequence[int] | None = None
    filters: Filters = field(default_factory=Filters)
    full: bool = False
    overlap: timedelta = DEFAULT_OVERLAP

    @property
    def is_filtered(self) -> bool:
        return self.filters != Filters()


@dataclass
class Outcome:
    """How a run ended. `missing`: ids asked for that the API does not have."""

    kind: str
    snapshot_id: int
    status: str = "running"
    seen: set[int] = field(default_factory=set)
    inserted: int = 0
    changed: int = 0
    rejected: int = 0
    gone: int = 0
    pages: int = 0
    requests: int = 0
    credits_remaining: int | None = None
    missing: list[int] = field(default_factory=list)

    @property
    def unchanged(self) -> int:
        return len(self.seen) - self.inserted - self.changed


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
    has the account or the API gives out, `DatabaseError`, `KeyRefused`, `UsageError`, `Failure`.
    """
    with named_errors(), lock(engine, service.account_id) as taken:
        if not taken:
            raise Stopped(
                f"account {service.account_id} is being read by {_holder(engine, service)}; "
                "this run did nothing, run again later"
            )
        snapshot = _Snapshot(engine, client, service, plan, redact, progress)
        snapshot.begin()
        try:
            snapshot.read()
        except BaseException as error:
            snapshot.end(
                "partial" if isinstance(error, (Stopped, KeyboardInterrupt)) else "failed", error
            )
            raise
        snapshot.end("completed")
        return snapshot.outcome


def _holder(engine: Engine, service: Service) -> str:
    with engine.connect() as connection:
        row = connection.execute(
            select(SNAPSHOTS.c.id, SNAPSHOTS.c.started_at)
            .where(SNAPSHOTS.c.account_id == service.account_id, SNAPSHOTS.c.status == "running")
            .order_by(SNAPSHOTS.c.id.desc())
        ).first()
    return f"run {row.id}, begun {row.started_at:%Y-%m-%dT%H:%M:%SZ}" if row else "another run"


class _Snapshot:
    """A run under way: its row in `snapshots`, and the account's checkpoint."""

    def __init__(
        self,
        engine: Engine,
        client: Client,
        service: Service,
        plan: Plan,
        redact: Redaction,
        progress: Progress,
    ) -> None:
        self._engine, self._client, self._service = engine, client, service
        self._plan, self._redact, self._progress = plan, redact, progress
        self._open_seen: set[int] = set()
        self._watermark: datetime | None = None
        self._page_size = 0  # the most jobs that the server has given in one page
        self.outcome = Outcome("", 0)

    # The row of the run

    def begin(self) -> None:
        account_id = self._service.account_id
        with self._engine.begin() as connection:
            account = connection.execute(
                select(ACCOUNTS).where(ACCOUNTS.c.account_id == account_id)
            ).first()
            if account is None:
                connection.execute(
                    insert(ACCOUNTS).values(account_id=account_id, api_url=self._service.api_url)
                )
            # This run has the lock, so whatever claims to be running has died.
            connection.execute(
                update(SNAPSHOTS)
                .where(SNAPSHOTS.c.account_id == account_id, SNAPSHOTS.c.status == "running")
                .values(status="failed", error="ended without a word: killed, or its machine went")
            )
            kind = self._kind(account)
            row = {
                "account_id": account_id,
                "kind": kind,
                "status": "running",
                "started_at": datetime.now(UTC),
                **self._counts(),
            }
            key = connection.execute(insert(SNAPSHOTS).values(row)).inserted_primary_key
        self.outcome = Outcome(kind, key[0] if key else 0)

    def _kind(self, account: Any) -> str:
        if self._plan.ids is not None:
            return "jobs"
        if self._plan.is_filtered:
            return "incremental"
        whole = self._plan.full or account is None or account.watermark is None
        whole |= account is not None and _is_whole_under_way(account)
        return "full" if whole else "incremental"

    def end(self, status: str, error: BaseException | None = None) -> None:
        outcome, client = self.outcome, self._client
        outcome.status = status
        outcome.requests, outcome.credits_remaining = client.requests_sent, client.credits_remaining
        values = {
            "status": status,
            "finished_at": datetime.now(UTC),
            "watermark": self._watermark if status == "completed" else None,
            "error": None if error is None else _named(error),
            **self._counts(),
        }
        with self._engine.begin() as connection:
            self._update_row(connection, values)

    def _counts(self) -> dict[str, int | None]:
        outcome = self.outcome
        return {
            "requests": self._client.requests_sent,
            "pages": outcome.pages,
            "jobs_seen": len(outcome.seen),
            "jobs_inserted": outcome.inserted,
            "jobs_changed": outcome.changed,
            "jobs_unchanged": outcome.unchanged,
            "jobs_rejected": outcome.rejected,
            "credits_remaining": self._client.credits_remaining,
        }

    def _update_row(self, connection: Connection, values: dict[str, Any]) -> None:
        connection.execute(
            update(SNAPSHOTS).where(SNAPSHOTS.c.id == self.outcome.snapshot_id).values(values)
        )

    # Reading

    def read(self) -> None:
        self._client.credits()
        if self._plan.ids is not None:
            self._read_jobs(self._plan.ids, asked_for=True)
        elif self._plan.is_filtered:
            for page in self._client.jobs(self._plan.filters, Cursor()):
                self._store(page.records, pages=1)
        else:
            self._read_account()

    def _read_account(self) -> None:
        account = self._account()
        self._page_size = account.page_size or 0
        listing = self._resume(account) or self._start(account)
        resumed = listing.cursor != Cursor()
        with self._engine.begin() as connection:
            self._update_row(connection, {"since": listing.since})
            if not resumed:
                self._update_account(connection, {"newest_updated_at": listing.newest})
        for page in self._client.jobs(Filters(since=listing.since), listing.cursor):
            self._store(page.records, pages=1, checkpoint=(listing, page))
            # Shorter than this server is known to give: the last, without the proof of one more.
            if page.more is None and len(page.records) < self._page_size:
                break
            self._page_size = max(self._page_size, len(page.records))
        self._read_jobs(self._rejected_ids())
        self._read_jobs(self._open_ids())
        if listing.since is None and not resumed:
            self._read_jobs(self._unseen_ids())
        self._complete(listing)

    def _resume(self, account: Any) -> "_Listing | None":
        """Go on with the listing that an earlier run left, unless this one is to read the whole."""
        if account.listing_offset is None or (
            self._plan.full and account.listing_since is not None
        ):
            return None
        cursor = Cursor(account.listing_offset, account.listing_edge)
        log.info("going on with the listing of an earlier run at job %d", cursor.offset)
        return _Listing(
            account.listing_since, account.listing_clock, cursor, account.newest_updated_at
        )

    def _start(self, account: Any) -> "_Listing":
        if self._plan.full or account.watermark is None:
            newest = self._client.newest()
            return _Listing(None, self._client.clock or newest, Cursor(), newest)
        clock = self._client.clock or self._client.newest()
        # A Date that runs ahead of the API's own times must not make the listing start too late.
        start = min(at for at in (account.watermark, account.newest_updated_at) if at is not None)
        since = max(start, EARLIEST + self._plan.overlap) - self._plan.overlap
        return _Listing(since.replace(microsecond=0), clock, Cursor(), account.newest_updated_at)

    def _account(self) -> Any:
        with self._engine.connect() as connection:
            return connection.execute(
                select(ACCOUNTS).where(ACCOUNTS.c.account_id == self._service.account_id)
            ).one()

    def _read_jobs(self, ids: Iterable[int], *, asked_for: bool = False) -> None:
        for job_id in ids:
            answer = self._client.job(job_id)
            if answer is not None:
                self._store([_asked_for(job_id, answer)])
                continue
            with self._engine.begin() as connection:
                stored = mark_gone(connection, self._run(), job_id)
                self._forget_rejects(connection, [job_id])
            self.outcome.gone += stored
            if asked_for and not stored:
                self.outcome.missing.append(job_id)

    def _run(self) -> Run:
        observed_at = self._client.latest_clock or datetime.now(UTC)
        return Run(self._service.account_id, self.outcome.snapshot_id, observed_at)

    def _open_ids(self) -> list[int]:
        # An open job has not finished: that is what the index is on.
        statement = select(JOBS.c.id).where(
            JOBS.c.account_id == self._service.account_id,
            JOBS.c.finished_at.is_(None),
            or_(JOBS.c.status.is_(None), JOBS.c.status.not_in(FINAL_STATUSES)),
            JOBS.c.gone_at.is_(None),
        )
        with self._engine.connect() as connection:
            ids = connection.execute(statement.order_by(JOBS.c.id)).scalars().all()
        return [job_id for job_id in ids if job_id not in self._open_seen]

    def _rejected_ids(self) -> list[int]:
        statement = select(REJECTS.c.job_id).where(
            REJECTS.c.account_id == self._service.account_id,
            REJECTS.c.job_id.is_not(None),
            REJECTS.c.snapshot_id != self.outcome.snapshot_id,
        )
        with self._engine.connect() as connection:
            return sorted(set(connection.execute(statement).scalars()))

    def _unseen_ids(self) -> list[int]:
        """Jobs that a listing of the whole did not bring: the API may have them no more."""
        statement = select(JOBS.c.id).where(
            JOBS.c.account_id == self._service.account_id, JOBS.c.gone_at.is_(None)
        )
        with self._engine.connect() as connection:
            return sorted(set(connection.execute(statement).scalars()) - self.outcome.seen)

    # Writing

    def _store(
        self,
        records: Sequence[Record | Reject],
        *,
        pages: int = 0,
        checkpoint: "tuple[_Listing, Page] | None" = None,
    ) -> None:
        """Store an answer in one transaction with its checkpoint."""
        run, outcome = self._run(), self.outcome
        good = {r.job.id: r for r in records if isinstance(r, Record)}
        rejects = [r for r in records if isinstance(r, Reject)]
        rows = [flatten(r, self._redact) for r in records if isinstance(r, Record)]
        with self._engine.begin() as connection:
            loaded = load(connection, run, rows)
            rejects += [
                Reject(job_id, None, reason, good[job_id].document)
                for job_id, reason in loaded.refused.items()
            ]
            self._forget_rejects(connection, good.keys() - loaded.refused.keys())
            fresh_rejects = [reject for reject in rejects if self._reject(connection, run, reject)]
            if checkpoint is not None:
                self._save(connection, *checkpoint)
        outcome.inserted += len(loaded.inserted)
        outcome.changed += len(loaded.changed)
        outcome.rejected += len(fresh_rejects)
        outcome.pages += pages
        outcome.seen |= good.keys() - loaded.refused.keys()
        self._open_seen |= {i for i, r in good.items() if is_open(r.job.status)}
        self._progress(len(outcome.seen))
        for job_id in (*loaded.inserted, *loaded.changed):
            if (status := good[job_id].job.status) not in KNOWN_STATUSES:
                log.warning("job %d has a status that is not known: %r", job_id, status)
        for reject in fresh_rejects:
            log.warning("set aside: %s", reject.reason)

    def _reject(self, connection: Connection, run: Run, reject: Reject) -> bool:
        """Set a record aside, once; True unless this run has it there already."""
        payload = json.dumps(self._redact(reject.payload))
        mine = REJECTS.c.account_id == run.account_id
        same = (
            (REJECTS.c.job_id == reject.job_id)
            if reject.job_id is not None
            else REJECTS.c.job_id.is_(None) & (REJECTS.c.payload == payload)
        )
        before = connection.execute(select(REJECTS.c.snapshot_id).where(mine, same)).scalars().all()
        connection.execute(delete(REJECTS).where(mine, same))
        connection.execute(
            insert(REJECTS).values(
                snapshot_id=run.snapshot_id,
                account_id=run.account_id,
                job_id=reject.job_id,
                reason=reject.reason,
                payload=payload,
                rejected_at=run.observed_at,
            )
        )
        return run.snapshot_id not in before

    def _forget_rejects(self, connection: Connection, job_ids: Iterable[int]) -> None:
        ids = list(job_ids)
        if ids:
            connection.execute(
                delete(REJECTS).where(
                    REJECTS.c.account_id == self._service.account_id, REJECTS.c.job_id.in_(ids)
                )
            )

    def _save(self, connection: Connection, listing: "_Listing", page: Page) -> None:
        values = {
            "listing_since": listing.since,
            "listing_clock": listing.clock,
            "listing_offset": page.cursor.offset,
            "listing_edge": page.cursor.edge,
            "page_size": max(self._page_size, len(page.records)),
        }
        if listing.since is not None and self.outcome.pages == 0 and listing.cursor == Cursor():
            # What is changed from now on may be missed by this listing, and is left to the next.
            values["newest_updated_at"] = _newest(listing, page)
        self._update_account(connection, values)

    def _complete(self, listing: "_Listing") -> None:
        clock = listing.clock
        if clock is not None and self._client.clock is not None:
            clock = min(clock, self._client.clock)
        self._watermark = clock
        with self._engine.begin() as connection:
            self._update_account(
                connection,
                {
                    "watermark": clock,
                    "listing_since": None,
                    "listing_clock": None,
                    "listing_offset": None,
                    "listing_edge": None,
                    "api_url": self._service.api_url,
                },
            )

    def _update_account(self, connection: Connection, values: dict[str, Any]) -> None:
        connection.execute(
            update(ACCOUNTS).where(ACCOUNTS.c.account_id == self._service.account_id).values(values)
        )


@dataclass(frozen=True)
class _Listing:
    """A listing: from when, the server's clock when it began, where it stands, the newest then."""

    since: datetime | None
    clock: datetime | None
    cursor: Cursor
    newest: datetime | None


def _is_whole_under_way(account: Any) -> bool:
    return account.listing_offset is not None and account.listing_since is None


def _newest(listing: _Listing, page: Page) -> datetime | None:
    times = [r.job.updated_at for r in page.records if isinstance(r, Record)]
    known = [at for at in (listing.newest, *times) if at is not None]
    return max(known, default=None)


def _asked_for(job_id: int, answer: Record | Reject) -> Record | Reject:
    """Hold an answer against the job that was asked for."""
    if answer.job_id == job_id:
        return answer
    payload = answer.document if isinstance(answer, Record) else answer.payload
    came = "one with no id" if answer.job_id is None else str(answer.job_id)
    return Reject(job_id, None, f"job {job_id}: the API gave job {came}", payload)


def _named(error: BaseException) -> str:
    if isinstance(error, SnapshotterError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return f"{type(error).__name__}: {error}"
