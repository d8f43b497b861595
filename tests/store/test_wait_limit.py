"""How long a run waits for locks and statements, and what ends a statement."""

from threading import Event, active_count

import pytest
from sqlalchemy import insert, text

from snapshotter.errors import Stopped
from snapshotter.store.engine import named_errors, open_engine
from snapshotter.store.tables import ACCOUNTS
from snapshotter.store.wait_limit import LONGEST, WaitLimit

ENGINES = ["postgresql", "mariadb", "sqlite"]


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ENGINES, indirect=True)
@pytest.mark.parametrize("left", [0.5, 0.0])
def test_a_lock_that_others_hold_is_not_waited_for_beyond_the_time(
    database_url: str, left: float
) -> None:
    """Also when a signal has come: then no time is left."""
    ours, theirs = open_engine(database_url, time_left=lambda: left), open_engine(database_url)
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
    ours = open_engine(database_url, time_left=lambda: 0)
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


@pytest.mark.parametrize(
    ("left", "seconds"), [(None, LONGEST), (1_000, LONGEST), (12, 12), (1, 2), (0, 2), (-5, 2)]
)
def test_how_long_a_lock_is_waited_for(left: float | None, seconds: float) -> None:
    """The last writes have two seconds, however little time is left."""
    assert WaitLimit(lambda: left).seconds() == seconds


@pytest.mark.parametrize(("left", "is_over"), [(None, False), (1, False), (0, True), (-1, True)])
def test_when_the_time_is_over(left: float | None, is_over: bool) -> None:  # noqa: FBT001
    assert WaitLimit(lambda: left).is_over() is is_over


def test_a_statement_is_cut_once_the_time_is_over() -> None:
    wait_limit, was_cut = WaitLimit(lambda: 0), Event()
    wait_limit.begin(was_cut.set)
    assert was_cut.wait(20)
    assert wait_limit.has_cut
    wait_limit.begin(lambda: None)
    assert not wait_limit.has_cut
    wait_limit.end()


def test_a_statement_that_has_ended_is_not_cut() -> None:
    wait_limit, first, second = WaitLimit(lambda: 0), Event(), Event()
    wait_limit.begin(first.set)
    wait_limit.end()
    wait_limit.begin(second.set)
    assert second.wait(20)
    assert not first.is_set()


def test_without_a_bound_nothing_is_watched() -> None:
    before = active_count()
    wait_limit = WaitLimit()
    wait_limit.begin(lambda: pytest.fail("cut"))
    wait_limit.end()
    assert active_count() == before
