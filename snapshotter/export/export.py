"""A table or a trend as a file, in batches of rows: memory stays flat at any size."""

import re
from calendar import monthrange
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import NoneType
from typing import Any, TextIO

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    Dialect,
    Engine,
    Float,
    Integer,
    Select,
    Table,
    Text,
    cast,
    exists,
    func,
    select,
)

from snapshotter import files
from snapshotter.errors import UsageError
from snapshotter.export import formats
from snapshotter.export.formats import Kind, Rows, Style
from snapshotter.models import Base, UTCDateTime
from snapshotter.store.engine import unmoving
from snapshotter.targets import database_file
from snapshotter.texts import nearest
from snapshotter.times import stamp
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters
from snapshotter.trends.values import DAY, TIME, normalized

TABLES = Base.metadata.tables
JOBS, OUTPUTS = TABLES["jobs"], TABLES["job_outputs"]
CHUNK_ROWS = 2_000
NO_MONTH = "__HIVE_DEFAULT_PARTITION__"  # as Hive calls what has none

# What hangs on a job goes by its job's day; the others' days are in these columns.
OF_JOBS = ("jobs", "job_outputs", "output_fields", "job_changes")
_DAYS = {"calendar": "day", "snapshots": "started_at", "rejected_records": "rejected_at"}
_ALL = Filters()

# What a column without a value would hold, by its name.
_TEXT = re.compile(r"(\w+_)?(name|status|type|kind|reason|field|change|error)|account_id")
_FRACTION = re.compile(r"p\d+|share|ratio|rate|score|hours|usual|mad_|per_million")


@dataclass(frozen=True)
class Selection:
    """Which rows of which table or trend. `month` is like `2026-01`, or `NO_MONTH`."""

    name: str
    filters: Filters = _ALL
    status: str | None = None
    month: str | None = None

    def __post_init__(self) -> None:
        if self.name not in names():
            hint = nearest(self.name, names()) or f"; there are {', '.join(names())}"
            raise UsageError(f"no table or trend {self.name!r}{hint}")
        asked = {
            "day": self.filters.since or self.filters.until,
            "package": self.filters.package_id,
            "status": self.status,
        }
        for what, value in asked.items():
            if value is not None and what not in narrowed_by(self.name):
                raise UsageError(f"{self.name} cannot be narrowed by {what}; leave the filter out")


def names() -> list[str]:
    return [*sorted(TABLES), *trends.names()]


def narrowed_by(name: str) -> set[str]:
    """Give the filters that make sense for a table or a trend."""
    if name in OF_JOBS:
        return {"day", "package", "status"}
    if name in TABLES:
        return {"day"} if name in _DAYS else set()
    return {"day", "package"}


def export(
    engine: Engine,
    name: str,
    target: Path | TextIO,
    filters: Filters | None = None,
    status: str | None = None,
    style: Style = Style(),  # noqa: B008 - frozen
) -> int:
    """Write the table or trend `name`, and give the number of its rows.

    A file appears whole or not at all. Raises `UsageError` for a name that is not known, a filter
    that makes no sense for it or a folder that is not there, `Failure` when the target cannot be
    written.
    """
    selection = Selection(name, filters or _ALL, status)
    with (
        unmoving(engine).connect() as connection,
        files.opened(target, database_file(connection)) as file,
    ):
        return write(connection, selection, file, style)


def write(connection: Connection, selection: Selection, file: Any, style: Style) -> int:
    """Write the rows that `connection` sees into an open file, and give their number."""
    with answer(connection, selection, style) as (columns, batches):
        return formats.write(file, style, columns, batches)


def write_rows(columns: list[str], rows: Rows, file: Any, style: Style) -> int:
    """Write rows of a trend that are here already, as `write` does those of a database."""
    batch = [tuple(map(_as_text, row)) for row in rows] if style.is_text else rows
    return formats.write(file, style, [formats.Column(name) for name in columns], [batch])


Answer = tuple[list[formats.Column], Iterator[Rows]]


@contextmanager
def answer(connection: Connection, selection: Selection, style: Style) -> Iterator[Answer]:
    """Ask for the rows, which come in batches while the context lasts.

    Integers are whole, days are dates, JSON is text as it is stored. Times are aware datetimes, and
    where the style is text, text like `2026-01-31T23:59:59Z`.
    """
    connection = connection.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS)
    source = TABLES.get(selection.name)
    if source is None:
        with _trend(connection, selection, style) as answered:
            yield answered
        return
    statement = _select(source, selection, connection.dialect if style.is_text else None)
    with connection.execute(statement) as result:
        columns = [formats.Column(column.name, _kind(column)) for column in source.columns]
        yield columns, ([tuple(row) for row in batch] for batch in result.partitions(CHUNK_ROWS))


def _select(source: Table, selection: Selection, as_text: Dialect | None) -> Select[Any]:
    columns = (_shown(column, as_text) for column in source.columns)
    statement = select(*columns).where(*_conditions(source, selection))
    return statement.order_by(*source.primary_key.columns)


def _shown(column: Column[Any], as_text: Dialect | None) -> ColumnElement[Any]:
    """Let the database make the text, where text it is to be: it is several times as fast."""
    shown: ColumnElement[Any] = column
    if isinstance(column.type, JSON):
        shown = cast(column, Text)
    elif isinstance(column.type, Float):
        shown = column + 0.0  # -0.0 is 0.0 to some engines
    elif as_text is not None and isinstance(column.type, UTCDateTime):
        match as_text.name:
            case "sqlite":
                shown = func.substr(column, 1, 10) + "T" + func.substr(column, 12, 8) + "Z"
            case "postgresql":
                shown = func.to_char(column, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            case _:
                shown = func.date_format(column, "%Y-%m-%dT%H:%i:%sZ")
    return shown.label(column.name)


def _kind(column: Column[Any]) -> Kind:
    kinds: tuple[tuple[Any, Kind], ...] = (
        (JSON, "document"),
        (UTCDateTime, "time"),
        (Date, "day"),
        (Boolean, "truth"),
        (Integer, "integer"),
        (Float, "number"),
    )
    return next((kind for type_, kind in kinds if isinstance(column.type, type_)), "text")


@contextmanager
def _trend(connection: Connection, selection: Selection, style: Style) -> Iterator[Answer]:
    columns: list[formats.Column] | None = None
    if style.format == "parquet":  # which wants to know before the first row
        with trends.run(connection, selection.name, selection.filters) as result:
            columns = _kinds(list(result.keys()), _plain(result))
    with trends.run(connection, selection.name, selection.filters) as result:
        batches = _plain(result)
        if style.is_text:
            batches = ([tuple(map(_as_text, row)) for row in batch] for batch in batches)
        yield columns or [formats.Column(name) for name in result.keys()], batches  # noqa: SIM118 - no dict


def _plain(result: Any) -> Iterator[Rows]:
    columns = list(result.keys())
    for batch in result.partitions(CHUNK_ROWS):
        yield [normalized(columns, tuple(row)) for row in batch]


def _as_text(value: Any) -> Any:
    return stamp(value) if isinstance(value, datetime) else value


def _kinds(columns: list[str], batches: Iterator[Rows]) -> list[formats.Column]:
    """Tell what each column of a trend holds, by its values; where it has none, by its name."""
    found: list[set[type]] = [set() for _ in columns]
    for batch in batches:
        for types, values in zip(found, zip(*batch, strict=True), strict=True):
            types.update(map(type, values))
    of_types: dict[frozenset[type], Kind] = {
        frozenset({bool}): "truth",
        frozenset({int}): "integer",
        frozenset({float}): "number",
        frozenset({int, float}): "number",
        frozenset({date}): "day",
        frozenset({datetime}): "time",
    }
    return [
        formats.Column(
            name,
            of_types.get(frozenset(types - {NoneType}), "text")
            if types - {NoneType}
            else _kind_by_name(name),
        )
        for name, types in zip(columns, found, strict=True)
    ]


def _kind_by_name(name: str) -> Kind:
    if DAY.fullmatch(name):
        return "day"
    if TIME.fullmatch(name):
        return "time"
    if _TEXT.fullmatch(name):
        return "text"
    return "number" if _FRACTION.search(name) else "integer"


def months(connection: Connection, selection: Selection) -> list[str]:
    """Give the months of the jobs that the rows hang on, and `NO_MONTH`, which may be empty."""
    of_jobs = Selection("jobs", selection.filters, selection.status)
    days = select(JOBS.c.run_date).where(*_conditions(JOBS, of_jobs)).distinct()
    found = {day.isoformat()[:7] for day in connection.execute(days).scalars() if day is not None}
    return [*sorted(found), NO_MONTH]


def _conditions(source: Table, selection: Selection) -> Iterator[ColumnElement[bool]]:
    filters = selection.filters
    if source.name in OF_JOBS:
        conditions = [
            JOBS.c.run_date >= filters.since if filters.since else None,
            JOBS.c.run_date < filters.until if filters.until else None,
            JOBS.c.package_id == filters.package_id if filters.package_id is not None else None,
            JOBS.c.status == selection.status if selection.status is not None else None,
        ]
        if selection.month not in (None, NO_MONTH):
            conditions.append(JOBS.c.run_date.between(*_ends(selection.month)))
        asked = [condition for condition in conditions if condition is not None]
        if asked:
            yield from asked if source is JOBS else [_hangs_on(source, asked)]
        if selection.month == NO_MONTH:
            yield JOBS.c.run_date.is_(None) if source is JOBS else _hangs_on_no_day(source)
    elif filters.since or filters.until:
        day = source.columns[_DAYS[source.name]]
        as_held = _midnight if isinstance(day.type, UTCDateTime) else lambda day: day
        if filters.since:
            yield day >= as_held(filters.since)
        if filters.until:
            yield day < as_held(filters.until)


def _hangs_on(source: Table, jobs: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    ids = select(JOBS.c.id).where(*jobs)
    if source.name == "output_fields":
        return source.c.output_id.in_(select(OUTPUTS.c.id).where(OUTPUTS.c.job_id.in_(ids)))
    return source.c.job_id.in_(ids)


def _hangs_on_no_day(source: Table) -> ColumnElement[bool]:
    """Let through all that no month has, so that the months together are the table."""
    dated = JOBS.c.run_date.is_not(None)
    if source.name == "output_fields":
        return ~exists().where(
            OUTPUTS.c.id == source.c.output_id, JOBS.c.id == OUTPUTS.c.job_id, dated
        )
    return ~exists().where(JOBS.c.id == source.c.job_id, dated)


def _ends(month: str) -> tuple[date, date]:
    first = date.fromisoformat(f"{month}-01")
    return first, first.replace(day=monthrange(first.year, first.month)[1])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
