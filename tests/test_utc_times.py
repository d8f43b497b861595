"""Times as each engine stores and returns them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import DateTime, Engine, insert, literal_column, select, text
from sqlalchemy.exc import StatementError

from snapshotter.models import METADATA

ACCOUNTS = METADATA.tables["accounts"]
AT = datetime(2026, 1, 31, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "at",
    [
        AT,
        AT.replace(microsecond=0),
        AT.replace(microsecond=1),
        AT.astimezone(timezone(timedelta(hours=9))),
        AT.astimezone(timezone(timedelta(hours=-11, minutes=-30))),
        datetime(1000, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
    ids=str,
)
def test_a_time_comes_back_in_utc_and_to_the_microsecond(engine: Engine, at: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(account_id="a", api_url="", watermark=at))
        found = connection.execute(select(ACCOUNTS.c.watermark)).scalar_one()
        assert (found, found.tzinfo) == (at, UTC)
        same = select(ACCOUNTS.c.account_id).where(ACCOUNTS.c.watermark == at)
        assert connection.execute(same).scalar_one() == "a"


def test_times_are_in_their_order(engine: Engine) -> None:
    step = timedelta(microseconds=1)
    times = [AT - timedelta(hours=1), AT - step, AT, AT + step, AT.replace(microsecond=0)]
    zones = [timezone(timedelta(hours=hours)) for hours in (0, 9, -9, 3, 1)]
    with engine.begin() as connection:
        for number, (at, zone) in enumerate(zip(times, zones, strict=True)):
            row = {"account_id": str(number), "api_url": "", "watermark": at.astimezone(zone)}
            connection.execute(insert(ACCOUNTS).values(row))
        ordered = select(ACCOUNTS.c.watermark).order_by(ACCOUNTS.c.watermark)
        assert [*connection.execute(ordered).scalars()] == sorted(times)
        earlier = select(ACCOUNTS.c.account_id).where(ACCOUNTS.c.watermark < AT)
        assert {*connection.execute(earlier).scalars()} == {"0", "1", "4"}


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    naive = insert(ACCOUNTS).values(account_id="a", api_url="", watermark=AT.replace(tzinfo=None))
    with engine.connect() as connection, pytest.raises(StatementError, match="without a time zone"):
        connection.execute(naive)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("at", [AT, AT.replace(microsecond=0)])
def test_sqlite_has_times_as_sqlalchemy_writes_them(engine: Engine, at: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(account_id="a", api_url="", watermark=at))
        plain = select(literal_column("watermark", DateTime())).select_from(ACCOUNTS)
        assert connection.execute(plain).scalar_one() == at.replace(tzinfo=None)
        stored = connection.execute(text("select watermark from accounts")).scalar_one()
    assert stored == f"{at:%Y-%m-%d %H:%M:%S.%f}".removesuffix("000")
