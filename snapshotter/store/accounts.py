"""Lists, removes and renames the accounts of a database."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update

from snapshotter.errors import Stopped, UsageError
from snapshotter.models import METADATA
from snapshotter.store import owned
from snapshotter.store.engine import named_errors
from snapshotter.store.lock import locks
from snapshotter.store.tables import ACCOUNTS, JOBS, SNAPSHOTS
from snapshotter.texts import counted, no_account

# Every table with an account id, including those of later revisions.
NAMED: list[Table] = [
    table for table in reversed(METADATA.sorted_tables) if "account_id" in table.c
]


@dataclass(frozen=True)
class Stored:
    """What is stored for an account. Times are UTC, by this host's clock.

    `pruned`: how many jobs `db prune` has removed.
    """

    account_id: str
    jobs: int
    runs: int
    rejected: int
    first_run: datetime | None
    last_run: datetime | None
    pruned: int = 0

    @property
    def has_jobs(self) -> bool:
        """Whether it has jobs, or had some that are pruned."""
        return bool(self.jobs or self.pruned)

    @property
    def jobs_in_words(self) -> str:
        pruned = f" and {self.pruned:,} pruned" if self.pruned else ""
        return f"{counted(self.jobs, 'job')}{pruned}"


def stored(engine: Engine) -> list[Stored]:
    """Return what is stored for every account, sorted by name."""
    with named_errors(), engine.connect() as connection:
        counts = {table.name: _counted(connection, table) for table in NAMED}
        times = {
            account_id: (first, last)
            for account_id, first, last in connection.execute(
                select(
                    SNAPSHOTS.c.account_id,
                    func.min(SNAPSHOTS.c.started_at),
                    func.max(SNAPSHOTS.c.started_at),
                ).group_by(SNAPSHOTS.c.account_id)
            )
        }
    return [
        Stored(
            account_id,
            counts["jobs"].get(account_id, 0),
            counts["snapshots"].get(account_id, 0),
            counts["rejected_records"].get(account_id, 0),
            *times.get(account_id, (None, None)),
            counts["pruned_jobs"].get(account_id, 0),
        )
        for account_id in sorted({name for each in counts.values() for name in each})
    ]


def _counted(connection: Connection, table: Table) -> dict[str, int]:
    statement = select(table.c.account_id, func.count()).group_by(table.c.account_id)
    return {account_id: int(number) for account_id, number in connection.execute(statement)}


def find(accounts: Iterable[Stored], account_id: str) -> Stored:
    """Return the account of that name. Raises `UsageError`, suggesting a similar name."""
    known = {each.account_id: each for each in accounts}
    if account_id not in known:
        raise UsageError(no_account(account_id, known))
    return known[account_id]


def forget(engine: Engine, account_id: str, *, with_jobs: bool) -> Stored:
    """Remove an account and all its rows, or nothing; return what was removed.

    Raises `UsageError` if there is no such account, or if it has jobs and `with_jobs` is not set;
    `Stopped` while a run of it is in progress.
    """
    find(stored(engine), account_id)
    with alone(engine, [account_id]):
        account = find(stored(engine), account_id)
        if account.has_jobs and not with_jobs:
            raise UsageError(
                f"account {account_id!r} has {account.jobs_in_words}; --with-jobs removes them too"
            )
        with engine.begin() as connection:
            owned.lock_jobs_first(connection)
            jobs = select(JOBS.c.id).where(JOBS.c.account_id == account_id)
            owned.remove(connection, JOBS, connection.execute(jobs).scalars().all())
            for table in NAMED:
                connection.execute(delete(table).where(table.c.account_id == account_id))
    return account


def rename(engine: Engine, old: str, new: str) -> Stored:
    """Rename an account in every table, or in none; return what is stored under the new name.

    Rows of runs that the new name has already are kept with it. Raises `UsageError` if there is no
    account of the old name or the new one has jobs, `Stopped` while a run of either is in progress.
    """
    if old == new:
        raise UsageError(f"account {old!r} has this name")
    find(stored(engine), old)
    with alone(engine, [old, new]):
        accounts = stored(engine)
        find(accounts, old)
        own = next((each for each in accounts if each.account_id == new), None)
        if own is not None and own.has_jobs:
            raise UsageError(
                f"account {new!r} has {own.jobs_in_words} of its own, and two histories cannot be "
                f"joined; 'snapshotter accounts forget {new} --with-jobs' removes them, and the "
                "next sync reads them again"
            )
        with engine.begin() as connection:
            owned.lock_jobs_first(connection)
            _copy_row(connection, old, new)
            for table in NAMED:
                if table is not ACCOUNTS:
                    connection.execute(
                        update(table).where(table.c.account_id == old).values(account_id=new)
                    )
            connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.account_id == old))
        return find(stored(engine), new)


def _copy_row(connection: Connection, old: str, new: str) -> None:
    """Copy the old name's row of `accounts` to the new name, which other rows then refer to.

    A row that the new name has stays if the old one has not answered.
    """
    rows = {
        row["account_id"]: dict(row)
        for row in connection.execute(
            select(ACCOUNTS).where(ACCOUNTS.c.account_id.in_([old, new]))
        ).mappings()
    }
    values = {**rows.get(old, {"api_url": ""}), "account_id": new}
    if new not in rows:
        connection.execute(insert(ACCOUNTS).values(values))
    elif values["api_url"]:
        connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.account_id == new).values(values))


@contextmanager
def alone(engine: Engine, account_ids: list[str]) -> Iterator[None]:
    """Lock the accounts in its `with`. Raises `Stopped` if a run has one."""
    with named_errors(), locks(engine, account_ids) as taken:
        if taken is not None:
            raise Stopped(
                f"a run of account {taken} is in progress; nothing was changed, try again when it "
                "has ended"
            )
        yield
