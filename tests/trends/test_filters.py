"""The days and the package that a trend covers."""

from datetime import date, timedelta
from typing import Any

import pytest
from runs import replace
from sqlalchemy import Engine
from trend_jobs import DAY, ahead, known_until, log_two_runs, put, ran

from snapshotter.errors import UsageError
from snapshotter.store.tables import ACCOUNTS
from snapshotter.trends.filters import (
    Filters,
    Window,
    find_package,
    last_days,
    newest_day,
    require_account,
)


def test_a_package_by_its_name(engine: Engine) -> None:
    two = {"package_id": 2, "package": {"name": "Two"}}
    put(
        engine,
        ran(1, 1, **two),
        ran(2, 1, package={"name": "7"}),
        ran(3, 1, package_id=3, package={"name": "two"}),
        ran(4, 1, package_id=7, package=None),
        ran(5, 1, package_id=8, package={"name": "same"}),
        ran(6, 1, package_id=9, package={"name": "same"}),
        ran(7, 1, package_id=10, package={"name": "Größe"}),
    )
    with engine.connect() as connection:
        for words, package_id in (("Two", 2), ("two", 3), ("7", 7), ("GRÖSSE", 10)):
            assert find_package(connection, words).package_id == package_id
        for words, said in (("same", r"this name \(8, 9\)"), ("TWO", r"\(2, 3\)"), ("x", "no job")):
            with pytest.raises(UsageError, match=said):
                find_package(connection, words)


def test_a_number_is_an_id_and_no_name(engine: Engine) -> None:
    put(engine, ran(1, 1, package={"name": "7"}))
    with engine.connect() as connection:
        assert find_package(connection, "7") == ("acme", 1)
        assert find_package(connection, 1) == (None, 1)
        with pytest.raises(UsageError, match="--package-id 7: no job of such a package"):
            find_package(connection, 7)


def test_a_package_of_two_accounts(engine: Engine) -> None:
    put(engine, ran(1, 1), ran(2, 1, package_id=2, package={"name": "two"}))
    put(
        engine,
        ran(3, 1),
        ran(4, 1, package_id=3, package={"name": "two"}),
        ran(5, 1, package_id=4, package={"name": "four"}),
        account_id="beta",
    )
    with engine.connect() as connection:
        assert find_package(connection, "1") == (None, 1)
        assert find_package(connection, "1", "beta") == ("beta", 1)
        assert find_package(connection, "four") == ("beta", 4)
        assert find_package(connection, "two", "acme") == ("acme", 2)
        for words, account_id, said in (
            ("two", None, r"\(2 of acme, 3 of beta\); add --account, or give the id"),
            ("one", None, r"\(1 of acme, 1 of beta\); add --account"),
            ("four", "acme", "no job of such a package"),
            ("4", "acme", "no job of such a package"),
        ):
            with pytest.raises(UsageError, match=said):
                find_package(connection, words, account_id)


def test_an_account_must_be_known(engine: Engine) -> None:
    put(engine, ran(1, 1))
    known_until(engine, DAY, "beta")
    with engine.connect() as connection:
        for account_id in (None, "acme", "beta"):
            require_account(connection, account_id)
        with pytest.raises(UsageError, match=r"no account 'acm' in this .*; did you mean 'acme'"):
            Window(account="acm").filters(connection)


def test_the_last_days_of_an_account_are_its_own(engine: Engine) -> None:
    put(engine, ran(1, 1))
    put(engine, ran(2, 1, started_at="2026-01-20T00:00:00Z"), account_id="beta")
    day = timedelta(days=1)
    with engine.connect() as connection:
        assert newest_day(connection, date(2026, 2, 1)) == date(2026, 1, 20)
        assert newest_day(connection, date(2026, 2, 1), "acme") == date(2026, 1, 5)
        assert newest_day(connection, date(2026, 2, 1), "gamma") is None
        assert Window(last=day, account="acme").filters(connection) == Filters(
            date(2026, 1, 5), date(2026, 1, 6), account_id="acme"
        )


def test_the_last_days_end_with_the_newest_of_the_history(engine: Engine) -> None:
    with engine.begin() as connection:
        assert last_days(connection, timedelta(days=7))[0] is None
    put(engine, ran(1, 1))
    with engine.begin() as connection:
        assert last_days(connection, timedelta(days=7))[0] == date(2025, 12, 30)
        assert last_days(connection, timedelta(hours=12))[0] == date(2026, 1, 5)
        assert last_days(connection, timedelta(days=9**7))[0] is None
        row = {"account_id": "acme", "api_url": "x", "watermark_epoch": 1767657600}
        replace(connection, ACCOUNTS, row)
        assert last_days(connection, timedelta(days=7))[0] == date(2025, 12, 31)


def test_the_last_days_end_before_a_job_of_the_future(engine: Engine) -> None:
    put(engine, ran(1, 1), ahead(2), ran(3, 1, created_at=None, started_at="0001-01-01T00:00:00Z"))
    week = timedelta(days=7)
    with engine.begin() as connection:
        # With no clock but the host's, and one that is behind all jobs.
        assert newest_day(connection, date(2026, 1, 10)) == date(2026, 1, 5)
        assert newest_day(connection, date(2026, 1, 4)) == date(1, 1, 1)
    log_two_runs(engine)  # by the host's clock on the 5th; there is no watermark
    with engine.begin() as connection:
        assert last_days(connection, week) == (date(2025, 12, 30), date(2026, 1, 6))
    known_until(engine, DAY + timedelta(days=2))
    with engine.begin() as connection:
        assert last_days(connection, week) == (date(2026, 1, 1), date(2026, 1, 8))


def test_the_last_days_of_runs_are_theirs(engine: Engine) -> None:
    """A quiet account has runs on days without a job."""
    day = timedelta(days=1)
    with engine.connect() as connection:
        assert Window(last=day).filters(connection, "snapshot_log") == Filters()
    put(engine, ran(1, 1, started_at="2025-12-01T00:00:00Z"))
    log_two_runs(engine)  # on the 5th
    with engine.connect() as connection:
        assert Window(last=day).filters(connection, "snapshot_log") == Filters(
            date(2026, 1, 5), date(2026, 1, 6)
        )
        assert Window(last=day).filters(connection, "open_jobs").since == date(2025, 12, 1)


def test_the_newest_day_if_all_jobs_are_of_the_future(engine: Engine) -> None:
    put(engine, ahead(1))
    with engine.begin() as connection:
        assert newest_day(connection, date(2026, 1, 10)) == date(2046, 1, 1)
    log_two_runs(engine)
    with engine.begin() as connection:
        assert newest_day(connection) == date(2026, 1, 5)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"last": timedelta(days=7), "since": DAY.date()}, "both set the first day"),
        ({"package": "one", "package_id": 1}, "both name a package"),
        ({"since": DAY.date(), "until": DAY.date()}, "the range is empty"),
        ({"until": date.min}, "there is no day before it"),
    ],
)
def test_a_window_that_contradicts_itself(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Window(**asked)


def test_a_window_becomes_filters(engine: Engine) -> None:
    put(engine, ran(1, 1))
    week = timedelta(days=7)
    with engine.begin() as connection:
        assert Window().filters(connection) == Filters()
        assert Window(last=week, package="one").filters(connection) == Filters(
            date(2025, 12, 30), date(2026, 1, 6), 1, "acme"
        )
        assert Window(last=week, until=date(2026, 1, 1), package_id=2).filters(
            connection
        ) == Filters(date(2025, 12, 25), date(2026, 1, 1), 2)
        # A later day than the newest does not make the last days empty.
        assert Window(last=week, until=date(2027, 1, 1)).filters(connection) == Filters(
            date(2025, 12, 30), date(2027, 1, 1)
        )
