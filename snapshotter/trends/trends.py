"""Finds, describes and runs the trends: one file of `sql/` each, and a user's own."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, CursorResult, Date, bindparam, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError, StatementError

from snapshotter.errors import UsageError
from snapshotter.resources import resource_folder
from snapshotter.texts import nearest

_TYPES: dict[str, Any] = {"since": Date, "until": Date, "package_id": BigInteger}
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)")
# What SQLite keeps as text: times and days, known by the columns that hold them.
TIME = re.compile(r"\w+_at|\w*since|\w+_seen")
DAY = re.compile(r"day|week|month")
# Texts and names in quotes, and comments: what they hold names no parameter.
_PARTS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_TIME_TEXT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
_DAY_TEXT = re.compile(r"\d{4}-\d\d-\d\d")
# What the words of an error quote.
_STUMBLED = re.compile(
    r"near \"([^\"]+)\"|: ([\w.]+)$|parameter '(\w+)'|(?:column|table) '([\w.]+)'"
)


# As in those of the trends that tell what is open, fresh or failing.
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
    """Days are UTC dates of the runs: `since` is in, `until` is out. None lets all through."""

    since: date | None = None
    until: date | None = None
    package_id: int | None = None

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise UsageError(
                f"--until {self.until} is not after --since {self.since}: no day lies between"
            )


def names(folder: Path | None = None) -> list[str]:
    return sorted(_files(folder))


def question(name: str, folder: Path | None = None) -> str:
    """Give what a trend answers: the first line of its file, where that is a comment."""
    first, _, _ = _source(_path(name, folder)).partition("\n")
    return first.removeprefix("--").strip() if first.startswith("--") else ""


def _files(folder: Path | None) -> dict[str, Path]:
    """Give the trends' files by name; of two of one name, that of the user's own folder."""
    folders = [resource_folder("sql")]
    if folder is not None:
        if not folder.is_dir():
            raise UsageError(f"--sql-dir {str(folder)!r} is no folder")
        folders.append(folder)
    return {path.stem: path for each in folders for path in each.glob("*.sql") if path.is_file()}


def _path(name: str, folder: Path | None) -> Path:
    known = _files(folder)
    if name not in known:
        hint = nearest(name, known) or f"; there are {', '.join(sorted(known))}"
        raise UsageError(f"no trend {name!r}{hint}")
    return known[name]


def _source(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    encoding = "utf-16" if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        source = raw.decode(encoding)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    if "\0" in source:
        raise UsageError(f"{path} has NUL characters; save it as UTF-8 text")
    return source.replace("\r\n", "\n").replace("\r", "\n")


def _without_names(part: re.Match[str]) -> str:
    """Take out a comment, but for its lines: errors count them. A text's colons name nothing."""
    text_ = part[0]
    return "\n" * text_.count("\n") if text_[0] in "-/" else re.sub(r"(?<!\\):", r"\:", text_)


@contextmanager
def run(
    connection: Connection, name: str, filters: Filters, folder: Path | None = None
) -> Iterator[CursorResult[Any]]:
    """Run a trend. Raises `UsageError` when there is none of that name, or its text is wrong."""
    path = _path(name, folder)
    statement = _PARTS.sub(_without_names, _source(path)).rstrip().removesuffix(";")
    used = {found[1] for found in _PARAMETER.finditer(statement)}
    bound = text(statement).bindparams(
        *(
            bindparam(each, getattr(filters, each), type_)
            for each, type_ in _TYPES.items()
            if each in used
        )
    )
    own = folder is not None and path.parent == folder
    if own:
        _let_nothing_be_written(connection)
    try:
        with connection.execute(bound) as result:
            if not result.returns_rows:
                raise UsageError(f"{path}: gives no rows; a trend is one select")
            yield result  # SQLite works a row out when it is asked for, and fails then
    except (DBAPIError, StatementError, InvalidRequestError) as error:
        if own and not getattr(error, "connection_invalidated", False):
            raise UsageError(_told(path, statement, error)) from None
        raise


def _let_nothing_be_written(connection: Connection) -> None:
    """Hold a user's own file to reading: MariaDB would commit the dropping of a table at once."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("pragma query_only = on")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql("set transaction read only")
    else:
        connection.rollback()
        connection.exec_driver_sql("set session transaction read only")
        connection.rollback()


def _told(path: Path, statement: str, error: Exception) -> str:
    """Name file and line of what the database does not take."""
    origin = getattr(error, "orig", None) or error
    said = " ".join(str(origin.args[-1] if origin.args else origin).split("\n")[0].split())
    return f"{path}, line {_line(statement, origin)}: {said}"


def _line(statement: str, origin: BaseException) -> int:
    first = len(statement) - len(statement.lstrip())
    position = getattr(getattr(origin, "diag", None), "statement_position", None)
    if position:  # PostgreSQL's: a character, from 1
        return statement.count("\n", 0, int(position) - 1) + 1
    said = str(origin)
    if counted := re.search(r"at line (\d+)", said):  # MariaDB's
        return int(counted[1])
    # SQLite, and MariaDB for names, say what they stumbled over, not where: its first place.
    for quoted in _STUMBLED.findall(said):
        word = next(filter(None, quoted)).rpartition(".")[2]
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", statement, re.IGNORECASE)
        if found:
            return statement.count("\n", 0, found.start()) + 1
    return statement.count("\n", 0, first) + 1


def rows(
    connection: Connection,
    name: str,
    filters: Filters,
    folder: Path | None = None,
    limit: int | None = None,
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Give a trend's columns and its rows (the first `limit`), as `plain` makes them."""
    with run(connection, name, filters, folder) as result:
        columns = list(result.keys())
        found = result.fetchall() if limit is None else result.fetchmany(limit)
        return columns, [plain(columns, tuple(row)) for row in found]


def plain(columns: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give a trend's row with the same values on every engine.

    They are int, float, str, `date`, aware `datetime` in UTC, or None.
    """
    return tuple(_plain(column, value) for column, value in zip(columns, row, strict=True))


def _plain(column: str, value: Any) -> Any:
    if isinstance(value, Decimal):  # a sum of whole numbers has no places, a quotient has
        exponent = value.as_tuple().exponent
        return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value) + 0.0
    if isinstance(value, float):
        return value + 0.0  # what is rounded to nothing is -0.0 to some engines
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, str):
        with suppress(ValueError):  # a user's own text may look like one, and be none
            if TIME.fullmatch(column) and _TIME_TEXT.fullmatch(value):
                return datetime.fromisoformat(value).replace(tzinfo=UTC)
            if DAY.fullmatch(column) and _DAY_TEXT.fullmatch(value):
                return date.fromisoformat(value)
    return value


def since(connection: Connection, last: timedelta) -> date | None:
    """Return the first of the last days, counted back from the newest; None where there is no job.

    None, too, where the days go back beyond all dates.
    """
    return last_days(connection, last)[0]


def last_days(connection: Connection, last: timedelta) -> tuple[date | None, date | None]:
    """Return the first of the last days and the day after them, as `Filters` takes them."""
    newest = newest_day(connection)
    return (None, None) if newest is None else (first_day(newest, last), day_after(newest))


def first_day(newest: date, last: timedelta) -> date | None:
    """Give the first of so many days, one at least; None where that is beyond all dates."""
    try:
        return newest - timedelta(days=max(1, ceil(last / timedelta(days=1))) - 1)
    except OverflowError:
        return None


def day_after(day: date) -> date | None:
    """Return the next day; None after the last of all."""
    return None if day == date.max else day + timedelta(days=1)


def newest_day(connection: Connection, today: date | None = None) -> date | None:
    """Return the newest day that the history covers: of the watermark, or of a later run.

    So an old history is not left out. A run that is dated after the server's clock does not count,
    or it would hide all others: no later than the watermark, or the end of the last run by the
    host's clock, or `today` where neither is known. None where there is no job.
    """
    found = connection.execute(text("select min(run_date), max(run_date) from jobs")).one()
    if found[1] is None:
        return None
    known = connection.execute(text(_SERVER_TIME)).scalar()
    latest = today or datetime.now(UTC).date() if known is None else _day_of(known)
    upto = text("select max(run_date) from jobs where run_date <= :latest")
    newest = connection.execute(upto.bindparams(bindparam("latest", latest, Date))).scalar()
    watermark = connection.execute(text("select max(watermark_epoch) from accounts")).scalar()
    days = [] if newest is None else [_as_day(newest)]
    days += [] if watermark is None else [_day_of(watermark)]
    # Where all is dated later, the clock is wrong, if there is one.
    return max(days, default=_as_day(found[1]) if known is None else latest)


def _as_day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _day_of(epoch: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch)).date()


def package(connection: Connection, name_or_id: str) -> int:
    """Give the id of a package. Raises `UsageError` where that is none, or more than one."""
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
            raise UsageError(f"--package {name_or_id!r}: packages {ids} are called so; give the id")
        if found:
            return int(found[0])
    raise UsageError(
        f"--package {name_or_id!r}: no job of such a package; "
        "'snapshotter trends slowest_packages' lists them"
    )
