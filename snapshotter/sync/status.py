"""Reports from the database how fresh the data is, what the last runs did, and what is pending."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, Engine, RowMapping, bindparam, text

from snapshotter.statuses import FINAL_STATUSES
from snapshotter.texts import counted, no_account
from snapshotter.times import CLOCKS_APART, duration, stamp
from snapshotter.utc_times import UTCDateTime

LAST_RUNS = 5
LONGEST_ERROR = 300  # characters of a line

# Plain SQL, so that the models need not be imported: monitors run this often. The conditions are
# those of `store.tables`, which a test holds to be the same. An account whose name is mistyped has
# a row, and never answers.
_ACCOUNTS = text("""
    select
        account_id,
        watermark,
        listing_offset,
        listing_since,
        (
            select max(started_at) from snapshots
            where snapshots.account_id = accounts.account_id
            and status = 'completed' and snapshots.watermark is not null
            and started_at <= :latest_start
        ) as fresh_at,
        (
            select max(started_at) from snapshots
            where snapshots.account_id = accounts.account_id
            and status = 'completed' and snapshots.watermark is not null
            and started_at > :latest_start
        ) as ahead,
        (
            select count(*) from jobs
            where jobs.account_id = accounts.account_id and gone_at is null
        ) as jobs,
        (
            select count(*) from jobs
            where jobs.account_id = accounts.account_id and gone_at is null
            and finished_at is null and (status is null or status not in :final)
        ) as open_jobs,
        (
            select count(*) from rejected_records
            where rejected_records.account_id = accounts.account_id
        ) as rejected,
        (
            select count(*) from pruned_jobs where pruned_jobs.account_id = accounts.account_id
        ) as pruned,
        (
            select count(*) from snapshots
            where snapshots.account_id = accounts.account_id and status = 'failed'
            and id > (
                select coalesce(max(ended.id), 0) from snapshots as ended
                where ended.account_id = accounts.account_id
                and ended.status not in ('failed', 'running')
            )
        ) as failed_in_a_row
    from accounts
    where api_url <> ''
    order by account_id
""").columns(
    watermark=UTCDateTime, listing_since=UTCDateTime, fresh_at=UTCDateTime, ahead=UTCDateTime
)
_RUNS = text("""
    select
        id, kind, status, started_at, finished_at, jobs_seen, jobs_inserted, jobs_changed,
        jobs_rejected, requests, credits_spent, credits_remaining, error
    from snapshots
    where account_id = :account_id
    order by id desc
    limit :last_runs
""").columns(started_at=UTCDateTime, finished_at=UTCDateTime)


@dataclass(frozen=True)
class Freshness:
    """How fresh an account's data is. Times are UTC; `fresh_at` and runs by this host's clock.

    `fresh_at`: when the last complete run began; None before the first.
    `pruned`: how many jobs `db prune` has removed.
    `ahead`: when a complete run began that is in the future by this clock; it does not count.
    `listing`: the offset and `since` of a listing in progress; None if there is none.
    `failed_in_a_row`: how many runs have failed since one ended otherwise.
    """

    account_id: str
    fresh_at: datetime | None
    watermark: datetime | None
    jobs: int
    open_jobs: int
    rejected: int
    listing: tuple[int, datetime | None] | None
    runs: list[dict[str, Any]]
    ahead: datetime | None = None
    pruned: int = 0
    failed_in_a_row: int = 0

    def age(self, now: datetime) -> timedelta | None:
        return None if self.fresh_at is None else max(timedelta(0), now - self.fresh_at)

    def is_stale(self, now: datetime, max_age: timedelta) -> bool:
        age = self.age(now)
        return age is None or age > max_age

    def document(self, now: datetime) -> dict[str, Any]:
        """Return the values for JSON."""
        age = self.age(now)
        return {
            "account_id": self.account_id,
            "fresh_at": _stamp(self.fresh_at),
            "age_seconds": None if age is None else int(age.total_seconds()),
            "ahead_of_clock": _stamp(self.ahead),
            "watermark": _stamp(self.watermark),
            "jobs": self.jobs,
            "open_jobs": self.open_jobs,
            "pruned_jobs": self.pruned,
            "rejected_records": self.rejected,
            "listing_under_way": self.listing
            and {"offset": self.listing[0], "since": _stamp(self.listing[1])},
            "runs": [
                {k: _stamp(v) if isinstance(v, datetime) else v for k, v in run.items()}
                for run in self.runs
            ],
        }

    def lines(self, now: datetime) -> Iterator[str]:
        """Yield the lines for people."""
        age = self.age(now)
        yield f"account {self.account_id}"
        if age is not None:
            yield f"  fresh: as of {_stamp(self.fresh_at)}, {duration(age.total_seconds())} ago"
        elif self.jobs:
            yield (
                "  fresh: no run of the whole list has completed yet; the stored jobs come from "
                "partial runs"
            )
        else:
            yield "  fresh: never, no run has completed"
        if self.ahead is not None:
            yield (
                f"  not counted: a run that began at {_stamp(self.ahead)}, which is in the future "
                "by this host's clock"
            )
        removed = f", and {self.pruned:,} pruned" if self.pruned else ""
        yield f"  stored: {counted(self.jobs, 'job')}{removed}"
        waiting = [
            *([counted(self.open_jobs, "open job")] if self.open_jobs else []),
            *([f"{counted(self.rejected, 'record')} set aside"] if self.rejected else []),
            *([f"a listing in progress, at offset {self.listing[0]:,}"] if self.listing else []),
        ]
        yield f"  waiting: {', '.join(waiting) or 'nothing'}"
        yield "  last runs:"
        for run in self.runs:
            spent = run["credits_spent"]
            yield (
                f"    {run['id']}  {_stamp(run['started_at'])}  {run['kind']}  {run['status']}: "
                f"{run['jobs_seen']:,} seen, {run['jobs_inserted']:,} new, "
                f"{run['jobs_changed']:,} changed, {run['jobs_rejected']:,} set aside, "
                f"{'? credits' if spent is None else counted(spent, 'credit')}"
            )
            if run["error"]:
                yield f"      {first_line(run['error'])}"


def first_line(error: str) -> str:
    """Return the first line of a run's error, of bounded length."""
    first = next((line for line in error.splitlines() if line.strip()), "")
    return first if len(first) <= LONGEST_ERROR else f"{first[:LONGEST_ERROR]}…"


def freshness(engine: Engine, now: datetime) -> list[Freshness]:
    """Return the freshness of every account, sorted by name, as of `now`."""
    latest_start = bindparam("latest_start", now + CLOCKS_APART, UTCDateTime)
    final: BindParameter[Any] = bindparam("final", sorted(FINAL_STATUSES), expanding=True)
    with engine.connect() as connection:
        accounts = connection.execute(_ACCOUNTS.bindparams(latest_start, final)).mappings().all()
        return [_freshness(account, _last_runs(connection, account)) for account in accounts]


def nothing_stored(account_id: str) -> Freshness:
    """Return the freshness of an account that has never answered."""
    return Freshness(account_id, None, None, 0, 0, 0, None, [])


def unknown(found: Iterable[Freshness], account_ids: Iterable[str]) -> dict[str, str]:
    """Return a message for each requested account that is not in the database."""
    known = [each.account_id for each in found]
    return {name: no_account(name, known) for name in account_ids if name not in known}


def stale(
    found: list[Freshness], missing: dict[str, str], now: datetime, max_age: timedelta
) -> str:
    """Return a message on what is stale, empty if nothing is. A missing account is stale."""
    old = [each.account_id for each in found if each.is_stale(now, max_age)]
    if not old and not missing and found:
        return ""
    names = ", ".join([*old, *missing]) or "no account at all"
    hint = "".join(f"; {why}" for why in missing.values())
    return (
        f"stale: {names} has no complete run in the last {duration(max_age.total_seconds())}; "
        f"see why sync does not complete{hint}"
    )


def _last_runs(connection: Connection, account: RowMapping) -> list[dict[str, Any]]:
    mine = {"account_id": account["account_id"], "last_runs": LAST_RUNS}
    return [dict(run) for run in connection.execute(_RUNS, mine).mappings()]


def _freshness(account: RowMapping, runs: list[dict[str, Any]]) -> Freshness:
    values = dict(account)
    offset, since = values.pop("listing_offset"), values.pop("listing_since")
    return Freshness(**values, listing=None if offset is None else (offset, since), runs=runs)


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)
