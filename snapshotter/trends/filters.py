"""Which runs a trend covers: a range of days, and a package."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil

from sqlalchemy import Connection, Date, bindparam, text

from snapshotter.errors import UsageError
from snapshotter.times import EPOCH

# As in the trends about what is open, fresh or failing.
_SERVER_TIME = """
select max(epoch) from (
    select watermark_epoch as epoch from accounts
    union all
    select coalesce(finished_epoch, started_epoch) as epoch from snapshots
    where id in (select max(id) from snapshots group by account_id)
) as server_times
"""


@dataclass(frozen=True)
class Filters:
    """Which runs a trend covers, by their `run_date` (UTC): from `since`, up to before `until`.

    None means no bound, or every package. Raises `UsageError` if the range is empty.
    """

    since: date | None = None
    until: date | None = None
    package_id: int | None = None

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise UsageError(
                f"--until {self.until} is not after --since {self.since}: the range is empty"
            )

    def kinds(self) -> set[str]:
        """Return what these filters narrow by."""
        return _kinds(day=(self.since, self.until), package=(self.package_id,))


def _kinds(**values: tuple[object, ...]) -> set[str]:
    return {kind for kind, given in values.items() if any(each is not None for each in given)}


@dataclass(frozen=True)
class Window:
    """The days and the package that a user asks for, in one of several ways.

    Raises `UsageError` if two options contradict each other.
    """

    since: date | None = None
    until: date | None = None
    last: timedelta | None = None
    package: str | None = None
    package_id: int | None = None

    def __post_init__(self) -> None:
        if self.last is not None and self.since is not None:
            raise UsageError("--last and --since both set the first day: give one")
        if self.package is not None and self.package_id is not None:
            raise UsageError("--package and --package-id both name a package: give one")
        Filters(self.since, self.until)

    def kinds(self) -> set[str]:
        """Return what the filters narrow by."""
        return _kinds(
            day=(self.since, self.until, self.last), package=(self.package, self.package_id)
        )

    def filters(self, connection: Connection) -> Filters:
        """Look up the last days and the package's name. Raises `UsageError`."""
        since, until = self.since, self.until
        if self.last is not None:
            since, end = last_days(connection, self.last)
            until = until or end
            if since is not None and until is not None and until <= since:
                raise UsageError(
                    f"--until {until} is not after the first of the last days, {since}"
                )
        package_id = self.package_id
        if self.package is not None:
            package_id = find_package(connection, self.package)
        return Filters(since, until, package_id)


def last_days(connection: Connection, last: timedelta) -> tuple[date | None, date | None]:
    """Return the first of the last days and the day after them, as `Filters` takes them."""
    newest = newest_day(connection)
    return (None, None) if newest is None else (first_day(newest, last), day_after(newest))


def first_day(newest: date, last: timedelta) -> date | None:
    """Return the first of the last days (at least one); None if no date is that early."""
    try:
        return newest - timedelta(days=max(1, ceil(last / timedelta(days=1))) - 1)
    except OverflowError:
        return None


def day_after(day: date) -> date | None:
    """Return the next day; None after the last possible date."""
    return None if day == date.max else day + timedelta(days=1)


def newest_day(connection: Connection, today: date | None = None) -> date | None:
    """Return the newest day that the history covers: that of the watermark, or of a later run.

    A run that is dated in the future does not count, or the last days would have no other run. The
    present is the watermark, or the end of the last run by the host's clock, or `today` if neither
    is known. Returns None if no job is stored.
    """
    last = connection.execute(text("select max(run_date) from jobs")).scalar()
    if last is None:
        return None
    known = connection.execute(text(_SERVER_TIME)).scalar()
    latest = today or datetime.now(UTC).date() if known is None else _day_of(known)
    not_later = text("select max(run_date) from jobs where run_date <= :latest")
    newest = connection.execute(not_later.bindparams(bindparam("latest", latest, Date))).scalar()
    watermark = connection.execute(text("select max(watermark_epoch) from accounts")).scalar()
    days = [] if newest is None else [_as_day(newest)]
    days += [] if watermark is None else [_day_of(watermark)]
    # If all runs are dated later than a clock, the clock is wrong.
    return max(days, default=_as_day(last) if known is None else latest)


def _as_day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _day_of(epoch: int) -> date:
    return (EPOCH + timedelta(seconds=epoch)).date()


def find_package(connection: Connection, name_or_id: str) -> int:
    """Return the id of a package. Raises `UsageError` if none, or more than one, has the name."""
    if re.fullmatch(r"[0-9]{1,18}", name_or_id):
        by_id = text("select package_id from jobs where package_id = :id limit 1")
        if connection.execute(by_id, {"id": int(name_or_id)}).first() is not None:
            return int(name_or_id)
    known = connection.execute(
        text(
            "select package_id, package_name from jobs where id in (select max(id) from jobs "
            "where package_id is not null and package_name is not null group by package_id)"
        )
    ).all()
    for same in (str.__eq__, lambda one, other: one.casefold() == other.casefold()):
        found = [row.package_id for row in known if same(row.package_name, name_or_id)]
        if len(found) > 1:
            ids = ", ".join(map(str, sorted(found)))
            raise UsageError(
                f"--package {name_or_id!r}: several packages have this name ({ids}); give the id"
            )
        if found:
            return int(found[0])
    raise UsageError(
        f"--package {name_or_id!r}: no job of such a package is stored; "
        "'snapshotter trends slowest_packages' lists them"
    )
