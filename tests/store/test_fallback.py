"""Of several statements the first that the database takes is executed."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, Executable, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from snapshotter.store.fallback import execute_first_taken
from snapshotter.store.tables import ACCOUNTS, LOG_SUMMARIES

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def account(name: str | None) -> dict[str, str | None]:
    return {"account_id": name, "api_url": ""}


def test_the_first_that_is_taken(engine: Engine) -> None:
    """A refused one leaves the transaction usable."""
    values = [account(None), account("a\ud800"), account("acme"), account("late")]
    with engine.begin() as connection:
        execute_first_taken(connection, [insert(ACCOUNTS).values(each) for each in values])
    with engine.connect() as connection:
        assert connection.execute(select(ACCOUNTS.c.account_id)).scalars().all() == ["acme"]


@sqlite
def test_if_all_are_refused_the_last_refusal_is_raised(engine: Engine) -> None:
    row = {"job_id": 7, "requested_at": NOW}  # of a job that is not stored
    with pytest.raises(IntegrityError), engine.begin() as connection:
        execute_first_taken(connection, [insert(LOG_SUMMARIES).values(row)])


@sqlite
def test_an_error_of_the_database_is_raised_at_once(engine: Engine) -> None:
    statements: list[Executable] = [
        text("insert into nowhere values (1)"),
        insert(ACCOUNTS).values(account("acme")),
    ]
    with pytest.raises(DBAPIError), engine.begin() as connection:
        execute_first_taken(connection, statements)
