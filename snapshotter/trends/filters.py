"""Which runs a trend covers: a range of days, a package and an account."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from sqlalchemy import Connection, String, bindparam, text

from snapshotter.errors import UsageError
from snapshotter.texts import nearest, no_account
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
_BY_ID = text(
    "select package_id from jobs where package_id = :id "
    "and (account_id = :account_id or :account_id is null) limit 1"
).bindparams(bindparam("account_id", type_=String))  # PostgreSQL needs the type of a null
_LATEST_NAMES = text(
    "select account_id, package_id, package_name from jobs where id in (select max(id) from jobs "
    "where package_id is not null and package_name is not null group by package_id, account_id)"
)


# The options of the commands, by what they narrow by.
_OPTIONS = {
    "day": "--last, --since and --until",
    "package": "--package and --package-id",
    "account": "--account",
    "status": "--status",
}

OF_RUNS = ("snapshot_log",)  # trends of this program's runs, whose days these are


@dataclass(frozen=True)
class Filters:
    """Which runs a trend covers, by their `run_date` (UTC): from `since`, up to before `until`.

    None means no bound, every package or every account. Raises `UsageError` if the range is empty.
    """

    since: date | None = None
    until: date | None = None
    package_id: int | None = None
    account_id: str | None = None

    def __post_init__(self) -> None:
        if self.until == date.min:
            raise UsageError(f"--until {self.until}: there is no day before it")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise UsageError(
                f"--until {self.until} is not after --since {self.since}: the range is empty"
            )

    def kinds(self) -> set[str]:
        """Return what these filters narrow by."""
        return _kinds(
            day=(self.since, self.until), package=(self.package_id,), account=(self.account_id,)
        )


def refuse_filters(name: str, kinds: set[str]) -> None:
    """Raise `UsageError` if a table or trend is asked for with filters that do not apply to it."""
    for kind in sorted(kinds):
        raise UsageError(f"{name} cannot be narrowed by {kind}; leave {_OPTIONS[kind]} out")


def _kinds(**values: tuple[object, ...]) -> set[str]:
    return {kind for kind, given in values.items() if any(each is not None for each in given)}


@dataclass(frozen=True)
class Window:
    """The days, the package and the account that a user asks for, in one of several ways.

    Raises `UsageError` if two options contradict each other.
    """

    since: date | None = None
    until: date | None = None
    last: timedelta | None = None
    package: str | None = None
    package_id: int | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        if self.last is not None and self.since is not None:
            raise UsageError("--last and --since both set the first day: give one")
        if self.package is not None and self.package_id is not None:
            raise UsageError("--package and --package-id both name a package: give one")
        Filters(self.since, self.until)

    def kinds(self) -> set[str]:
        """Return what the filters narrow by."""
        return _kinds(
            day=(self.since, self.until, self.last),
            package=(self.package, self.package_id),
            account=(self.account,),
        )

    @property
    def is_fixed(self) -> bool:
        """Whether the filters are known without a database."""
        return self.last is None and self.package is None

    def fixed_filters(self) -> Filters:
        """Return the filters of a window that `is_fixed`; the account may be unknown."""
        return Filters(self.since, self.until, self.package_id, self.account)

    def filters(self, connection: Connection, name: str | None = None) -> Filters:
        """Look up the last days, the package's name and the account. Raises `UsageError`.

        The last days of the trend `name` end with its newest one: with that of a run of this
        program if it is about these, else with that of a job.
        """
        require_account(connection, self.account)
        since, until = self.since, self.until
        if self.last is not None:
            if name in OF_RUNS:
                since, until = _bounds(_newest_run(connection), self.last, until)
            else:
                since, until = last_days(connection, self.last, until, self.account)
        package = Package(self.account, self.package_id)
        if self.package is not None:
            package = find_package(connection, self.package, self.account)
        return Filters(since, until, package.package_id, package.account_id)


class Package(NamedTuple):
    """A package by its id; the account is None if any account's package of that id is meant."""

    account_id: str | None
    package_id: int | None


def require_account(connection: Connection, account_id: str | None) -> None:
    """Raise `UsageError` if an account is neither read nor has jobs: a typing error."""
    if account_id is None:
        return
    answered = text("select account_id from accounts where api_url <> ''")
    known = set(connection.execute(answered).scalars())
    if account_id in known:
        return
    # An index finds one job of an account; for all accounts of jobs it is read to its end.
    has_jobs = text("select 1 from jobs where account_id = :account_id limit 1")
    if connection.execute(has_jobs, {"account_id": account_id}).first() is None:
        known |= set(connection.execute(text("select distinct account_id from jobs")).scalars())
        raise UsageError(no_account(account_id, known))


def has_several_accounts(connection: Connection) -> bool:
    answered = text("select count(*) from accounts where api_url <> ''")
    return int(connection.execute(answered).scalar() or 0) > 1


def last_days(
    connection: Connection,
    last: timedelta,
    until: date | None = None,
    account_id: str | None = None,
) -> tuple[date | None, date | None]:
    """Return the first of the last days and the day after them, as `Filters` takes them.

    They end with the newest day that is stored, or before `until`.
    """
    return _bounds(newest_day(connection, account_id=account_id), last, until)


def _bounds(
    newest: date | None, last: timedelta, until: date | None
) -> tuple[date | None, date | None]:
    if newest is None:
        return None, until
    if until is not None:
        newest = min(newest, until - timedelta(days=1))
    return first_day(newest, last), until or day_after(newest)


def _newest_run(connection: Connection) -> date | None:
    began = connection.execute(text("select max(started_epoch) from snapshots")).scalar()
    return None if began is None else _day_of(began)


def first_day(newest: date, last: timedelta) -> date | None:
    """Return the first of the last days (at least one); None if no date is that early."""
    try:
        return newest - timedelta(days=max(1, ceil(last / timedelta(days=1))) - 1)
    except OverflowError:
        return None


def day_after(day: date) -> date | None:
    """Return the next day; None after the last possible date."""
    return None if day == date.max else day + timedelta(days=1)


def newest_day(
    connection: Connection, today: date | None = None, account_id: str | None = None
) -> date | None:
    """Return the newest day that the history covers: that of the watermark, or of a later run.

    A run that is dated in the future does not count, or the last days would have no other run. The
    present is the watermark, or the end of the last run by the host's clock, or `today` if neither
    is known. Returns None if no job is stored.
    """

    def of_account(statement: str, **values: date | str) -> Any:
        if account_id is not None:
            statement += " and account_id = :account_id"
            values["account_id"] = account_id
        return connection.execute(text(statement).bindparams(**values)).scalar()

    last = of_account("select max(run_date) from jobs where run_date is not null")
    if last is None:
        return None
    known = connection.execute(text(_SERVER_TIME)).scalar()
    latest = today or datetime.now(UTC).date() if known is None else _day_of(known)
    newest = last
    if _as_day(last) > latest:
        newest = of_account(
            "select max(run_date) from jobs where run_date <= :latest", latest=latest
        )
    watermark = of_account(
        "select max(watermark_epoch) from accounts where watermark_epoch is not null"
    )
    days = [] if newest is None else [_as_day(newest)]
    days += [] if watermark is None else [_day_of(watermark)]
    # If all runs are dated later than a clock, the clock is wrong.
    return max(days, default=_as_day(last) if known is None else latest)


def _as_day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _day_of(epoch: int) -> date:
    return (EPOCH + timedelta(seconds=epoch)).date()


def find_package(
    connection: Connection, name_or_id: str | int, account_id: str | None = None
) -> Package:
    """Return the package of an id, or the only one of a name, of an account or of any.

    A number is an id alone. Raises `UsageError` if no package has the name, or more than one.
    """
    is_id = isinstance(name_or_id, int) or re.fullmatch(r"[0-9]{1,18}", name_or_id) is not None
    asked = {"id": int(name_or_id) if is_id else None, "account_id": account_id}
    if is_id and connection.execute(_BY_ID, asked).first() is not None:
        return Package(account_id, int(name_or_id))
    if isinstance(name_or_id, int):
        raise _no_package(f"--package-id {name_or_id}")
    known = _packages(connection, account_id)
    for same in (str.__eq__, lambda one, other: one.casefold() == other.casefold()):
        found = sorted(package for package, name in known if same(name, name_or_id))
        if len(found) > 1:
            raise UsageError(f"--package {name_or_id!r}: {_ambiguous(found)}")
        if found:
            return found[0]
    raise _no_package(f"--package {name_or_id!r}", nearest(name_or_id, (name for _, name in known)))


def _no_package(asked: str, hint: str = "") -> UsageError:
    hint = hint or "; 'snapshotter trends slowest_packages' lists them"
    return UsageError(f"{asked}: no job of such a package is stored{hint}")


def _packages(connection: Connection, account_id: str | None) -> list[tuple[Package, str]]:
    """Return the packages and their latest known names."""
    rows = connection.execute(_LATEST_NAMES).all()
    return [
        (Package(row.account_id, int(row.package_id)), row.package_name)
        for row in rows
        if account_id in (None, row.account_id)
    ]


def _ambiguous(found: list[Package]) -> str:
    if len({package.account_id for package in found}) == 1:
        ids = ", ".join(str(package.package_id) for package in found)
        return f"several packages have this name ({ids}); give the id"
    ids = ", ".join(f"{package.package_id} of {package.account_id}" for package in found)
    return f"several packages have this name ({ids}); add --account, or give the id"
