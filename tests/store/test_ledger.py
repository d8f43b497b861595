"""The rows of runs and of their account, as each step of a run writes them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select

from snapshotter.api.paging import Cursor
from snapshotter.errors import Interrupted, Stopped
from snapshotter.store.ledger import AccountState, Ledger, Listing, Outcome
from snapshotter.store.tables import ACCOUNTS, SNAPSHOTS

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
URL = "https://api.xplenty.com"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MORNING = datetime(2026, 1, 31, 6, tzinfo=UTC)


def rows(engine: Engine, table: Any) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def test_counts_are_named_as_their_columns() -> None:
    outcome = Outcome("full", 1, inserted=2, changed=1)
    outcome.seen.update(range(10))
    assert outcome.unchanged == 7
    assert outcome.counts().keys() <= set(SNAPSHOTS.c.keys())
    assert outcome.counts()["jobs_unchanged"] == 7


@sqlite
def test_a_run_that_begins_marks_an_unfinished_one_as_failed(engine: Engine) -> None:
    first, other = Ledger(engine, "acme"), Ledger(engine, "other")
    first.begin("full", URL)
    other.begin("full", URL)
    assert first.holder().startswith("run 1, begun 20")
    assert Ledger(engine, "acme").begin("incremental", URL).snapshot_id == 3
    found = [(row["account_id"], row["status"], row["error"]) for row in rows(engine, SNAPSHOTS)]
    assert found == [
        ("acme", "failed", "did not finish: the process was killed or the host went down"),
        ("other", "running", None),
        ("acme", "running", None),
    ]


@sqlite
def test_without_a_run_in_progress_none_is_named(engine: Engine) -> None:
    ledger = Ledger(engine, "acme")
    ledger.end(ledger.begin("full", URL))
    Ledger(engine, "other").begin("full", URL)
    ledger.end(Outcome("full", 1, status="completed"))
    assert ledger.holder() == "another run"


def state(ledger: Ledger) -> AccountState:
    account = ledger.account()
    assert account is not None
    return account


@sqlite
def test_an_account_counts_only_once_the_api_has_answered(engine: Engine) -> None:
    ledger = Ledger(engine, "acme")
    ledger.begin("full", URL)
    ledger.start(Listing(None, NOON, Cursor(), None))
    ledger.remember(unlisted=3)
    assert ledger.account() is None
    assert [row["api_url"] for row in rows(engine, ACCOUNTS)] == [""]
    with engine.begin() as connection:
        ledger.ensure(connection)
    assert (state(ledger).account_id, state(ledger).api_url) == ("acme", URL)
    ledger.remember(unlisted=3)
    assert state(ledger).unlisted == 3


@sqlite
def test_a_listing_is_resumed_where_its_last_page_ended(engine: Engine) -> None:
    ledger = Ledger(engine, "acme")
    assert ledger.unfinished_listing() is None
    ledger.begin("full", URL)
    listing = Listing(MORNING, NOON, Cursor(250, MORNING), NOON)
    with engine.begin() as connection:
        ledger.advance(connection, listing, page_size=100)
    assert Ledger(engine, "acme").unfinished_listing() == listing
    assert state(ledger).page_size == 100
    assert Ledger(engine, "other").unfinished_listing() is None
    ledger.complete(NOON)
    assert ledger.unfinished_listing() is None
    assert state(ledger).watermark == NOON
    assert rows(engine, SNAPSHOTS)[0]["watermark"] == NOON


@sqlite
def test_a_page_that_is_rolled_back_leaves_no_checkpoint(engine: Engine) -> None:
    ledger = Ledger(engine, "acme")
    ledger.begin("full", URL)
    with engine.connect() as connection:
        ledger.advance(connection, Listing(None, NOON, Cursor(100), None))
        connection.rollback()
    assert ledger.unfinished_listing() is None


@sqlite
@pytest.mark.parametrize(
    ("noted", "error", "expected"),
    [
        ([], None, None),
        (["one", "two"], None, "one; two"),
        (["one"], Stopped("no credits\nleft"), r"no credits\nleft"),
        ([], Interrupted(), "interrupted"),
        ([], KeyError("x"), "KeyError: 'x'"),
        ([], Stopped("x" * 9_000), "x" * 4_000),
    ],
    ids=["nothing", "notes", "an error of ours", "a signal", "a bug", "a long one"],
)
def test_why_a_run_ended(
    engine: Engine, noted: list[str], error: BaseException | None, expected: str | None
) -> None:
    ledger = Ledger(engine, "acme")
    outcome = ledger.begin("full", URL)
    outcome.status, outcome.noted, outcome.inserted = "partial", noted, 4
    ledger.end(outcome, error)
    (row,) = rows(engine, SNAPSHOTS)
    assert (row["status"], row["error"], row["jobs_inserted"]) == ("partial", expected, 4)
    assert row["finished_at"] >= row["started_at"]


@pytest.mark.parametrize(("since", "is_whole"), [(None, True), (MORNING, False)])
def test_a_listing_without_a_start_is_whole(
    since: datetime | None,
    is_whole: bool,  # noqa: FBT001
) -> None:
    assert Listing(since, NOON, Cursor(), None).is_whole is is_whole
