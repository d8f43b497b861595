"""Records the runs: a row in `snapshots` for each run, and one in `accounts` for the account.

The account's row has the watermark and the checkpoint of a listing in progress, and is written
in the transactions that store the listing's pages, so that the two never disagree.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from snapshotter.api.paging import Cursor
from snapshotter.errors import Interrupted, SnapshotterError
from snapshotter.printable import printable
from snapshotter.store.engine import reading
from snapshotter.store.error_scope import UNSENDABLE, ErrorScope, scope_of
from snapshotter.store.ids import Ids
from snapshotter.store.tables import ACCOUNTS, ANSWERED, SNAPSHOTS
from snapshotter.times import epoch, now

_LONGEST_ERROR = 4_000  # characters

_NO_LISTING = {
    "listing_since": None,
    "listing_clock": None,
    "listing_offset": None,
    "listing_edge": None,
}


@dataclass
class Outcome:
    """How a run ended. `missing`: requested ids that the API does not have.

    `noted`: what could not be requested, or not be proved; the rest is stored. `summaries`: failed
    jobs whose log summary was requested; the API may have none of some. `is_building`: the run
    builds the indexes that its load left out.
    """

    kind: str
    snapshot_id: int
    status: str = "running"
    seen: Ids = field(default_factory=Ids)
    inserted: int = 0
    changed: int = 0
    rejected: int = 0
    gone: int = 0
    summaries: int = 0
    pages: int = 0
    requests: int = 0
    credits_spent: int = 0
    credits_remaining: int | None = None
    missing: list[int] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    is_building: bool = False

    @property
    def unchanged(self) -> int:
        return len(self.seen) - self.inserted - self.changed

    def counts(self) -> dict[str, int | None]:
        """Return the counts by the names of their columns in `snapshots`."""
        return {
            "requests": self.requests,
            "credits_spent": self.credits_spent,
            "credits_remaining": self.credits_remaining,
            "pages": self.pages,
            "jobs_seen": len(self.seen),
            "jobs_inserted": self.inserted,
            "jobs_changed": self.changed,
            "jobs_unchanged": self.unchanged,
            "jobs_rejected": self.rejected,
        }


class AccountState(NamedTuple):
    """The account's row; its columns are described in `models.Account`."""

    account_id: str
    api_url: str
    watermark: datetime | None
    newest_updated_at: datetime | None
    page_size: int | None
    sends_links: bool | None
    listing_since: datetime | None
    listing_clock: datetime | None
    listing_offset: int | None
    listing_edge: datetime | None
    refreshed_id: int | None
    counted_at: datetime | None
    unlisted: int | None
    vanishing_since: datetime | None


@dataclass(frozen=True)
class Listing:
    """A listing: its start, the server's clock and the newest job then, and how far it is."""

    since: datetime | None
    clock: datetime | None
    cursor: Cursor
    newest: datetime | None

    @property
    def is_whole(self) -> bool:
        return self.since is None


class Ledger:
    """The rows of one account and its runs, written by the run that has its lock."""

    def __init__(self, engine: Engine, account_id: str) -> None:
        self._engine, self._account_id = engine, account_id
        self._snapshot_id = 0
        self._api_url = ""
        self.is_known = False  # the account has answered

    def account(self) -> AccountState | None:
        """Return the account's row; None until it has answered once."""
        columns = (ACCOUNTS.c[name] for name in AccountState._fields)
        with self._engine.connect() as connection:
            row = connection.execute(
                select(*columns).where(ACCOUNTS.c.account_id == self._account_id, ANSWERED)
            ).first()
        return None if row is None else AccountState(*row)

    def unfinished_listing(self) -> Listing | None:
        """Return the unfinished listing of an earlier run, if there is one."""
        account = self.account()
        if account is None or account.listing_offset is None:
            return None
        cursor = Cursor(account.listing_offset, account.listing_edge)
        newest = account.newest_updated_at
        return Listing(account.listing_since, account.listing_clock, cursor, newest)

    def holder(self) -> str:
        """Return the name of the run in progress, for a message."""
        with reading(self._engine).connect() as connection:
            row = connection.execute(
                select(SNAPSHOTS.c.id, SNAPSHOTS.c.started_at)
                .where(SNAPSHOTS.c.account_id == self._account_id, SNAPSHOTS.c.status == "running")
                .order_by(SNAPSHOTS.c.id.desc())
            ).first()
        return f"run {row.id}, begun {row.started_at:%Y-%m-%dT%H:%M:%SZ}" if row else "another run"

    def begin(self, kind: str, api_url: str) -> Outcome:
        """Insert the run's row, and mark as failed any that runs: this run has the lock.

        The account's row has an empty `api_url` until the API has answered with something of it.
        """
        self._api_url = api_url
        mine = SNAPSHOTS.c.account_id == self._account_id
        at = now()
        self.is_known = self.account() is not None
        with self._engine.begin() as connection:
            self._insert_account(connection)
            connection.execute(
                update(SNAPSHOTS)
                .where(mine, SNAPSHOTS.c.status == "running")
                .values(
                    status="failed",
                    error="did not finish: the process was killed or the host went down",
                )
            )
            row = {
                "account_id": self._account_id,
                "kind": kind,
                "status": "running",
                "started_at": at,
                "started_epoch": epoch(at),
                **Outcome(kind, 0).counts(),
            }
            key = connection.execute(insert(SNAPSHOTS).values(row)).inserted_primary_key
        self._snapshot_id = key[0] if key else 0
        return Outcome(kind, self._snapshot_id)

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        at = now()
        text = "; ".join(outcome.noted) if error is None else _named(error)
        values = {
            "status": outcome.status,
            "finished_at": at,
            "finished_epoch": epoch(at),
            "error": printable(text)[:_LONGEST_ERROR] or None,
            **outcome.counts(),
        }
        try:
            with self._engine.begin() as connection:
                self._note_run(connection, values)
        except (SQLAlchemyError, *UNSENDABLE) as refused:
            if scope_of(refused) is ErrorScope.DATABASE:
                raise
            # The database's encoding may lack characters of the API's text.
            values["error"] = text.encode("ascii", "backslashreplace").decode()[:_LONGEST_ERROR]
            with self._engine.begin() as connection:
                self._note_run(connection, values)

    def start(self, listing: Listing) -> None:
        """Record a listing before its first page, so that the next run can resume it."""
        with self._engine.begin() as connection:
            self._note_run(connection, {"since": listing.since})
            self._note(connection, _position(listing))

    def advance(self, connection: Connection, listing: Listing, **known: Any) -> None:
        """Record how far a listing is, in the transaction that stores its page.

        `known` are columns of the account with what is known about its server.
        """
        self.note(connection, {**_position(listing), **known})

    def complete(self, watermark: datetime | None) -> None:
        """End the listing in progress, and move the watermark."""
        moved = {"watermark": watermark, "watermark_epoch": epoch(watermark)}
        with self._engine.begin() as connection:
            self._note_run(connection, moved)
            self.note(connection, {**moved, "api_url": self._api_url, **_NO_LISTING})

    def remember(self, **values: Any) -> None:
        """Set columns of the account; do nothing before it has answered."""
        with self._engine.begin() as connection:
            self._note(connection, values)

    def ensure(self, connection: Connection) -> None:
        """Record that the account has answered."""
        if not self.is_known:
            self.note(connection, {"api_url": self._api_url})

    def note(self, connection: Connection, values: dict[str, Any]) -> None:
        """Set columns of the account, which has answered."""
        if not self._note(connection, values):
            self._insert_account(connection)
            mine = ACCOUNTS.c.account_id == self._account_id
            values = {"api_url": self._api_url, **values}
            connection.execute(update(ACCOUNTS).where(mine).values(values))

    def _note(self, connection: Connection, values: dict[str, Any]) -> bool:
        mine = ACCOUNTS.c.account_id == self._account_id
        statement = update(ACCOUNTS).where(mine, ANSWERED).values(values)
        return bool(connection.execute(statement).rowcount)

    def _insert_account(self, connection: Connection) -> None:
        """Insert the account's row if there is none, as one that has not answered yet."""
        mine = select(ACCOUNTS.c.account_id).where(ACCOUNTS.c.account_id == self._account_id)
        if connection.execute(mine).first() is None:
            row = {"account_id": self._account_id, "api_url": ""}
            connection.execute(insert(ACCOUNTS).values(row))

    def _note_run(self, connection: Connection, values: dict[str, Any]) -> None:
        connection.execute(
            update(SNAPSHOTS).where(SNAPSHOTS.c.id == self._snapshot_id).values(values)
        )


def _position(listing: Listing) -> dict[str, Any]:
    return {
        "listing_since": listing.since,
        "listing_clock": listing.clock,
        "listing_offset": listing.cursor.offset,
        "listing_edge": listing.cursor.edge,
        "newest_updated_at": listing.newest,
    }


def _named(error: BaseException) -> str:
    if isinstance(error, SnapshotterError):
        return str(error)
    if isinstance(error, Interrupted | KeyboardInterrupt):
        return "interrupted"
    return f"{type(error).__name__}: {error}"
