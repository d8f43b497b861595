"""How long a run waits for locks and statements, and what ends a statement."""

import pytest
from sqlalchemy import insert, text

from snapshotter.errors import Stopped
from snapshotter.store.engine import connect, named_errors
from snapshotter.store.tables import ACCOUNTS

ENGINES = ["postgresql", "mariadb", "sqlite"]


@pytest.mark.parametrize("database_url", ENGINES, indirect=True)
@pytest.mark.parametrize("left", [0.5, 0.0])
def test_a_lock_that_others_hold_is_not_waited_for_beyond_the_time(
    database_url: str, left: float
) -> None:
    """Also when a signal has come: then no time is left."""
    ours, theirs = connect(database_url, time_left=lambda: left), connect(database_url)
    with theirs.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(account_id="a", api_url="x"))
    with theirs.begin() as holder:
        holder.execute(ACCOUNTS.update().values(api_url="y"))
        with pytest.raises(Stopped), named_errors(), ours.begin() as connection:
            connection.execute(ACCOUNTS.update().values(api_url="z"))
    with ours.begin() as connection:
        connection.execute(ACCOUNTS.update().values(api_url="z"))
    ours.dispose()
    theirs.dispose()


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_statement_is_ended_when_the_run_is_to_end(database_url: str) -> None:
    ours = connect(database_url, time_left=lambda: 0)
    word = "pg_sleep(100)"
    if "mysql" in database_url:  # it calls a sleep that is ended no error, but a scan
        word = "count(*) from calendar a, calendar b, calendar c where a.week < b.week < c.week"
    with (
        pytest.raises(Stopped, match="nothing is lost"),
        named_errors(),
        ours.begin() as connection,
    ):
        connection.execute(text(f"select {word}"))
    ours.dispose()
