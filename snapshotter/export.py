"""A table or a trend as CSV, through pandas, in chunks: memory stays flat at any size."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pandas as pd
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    Text,
    cast,
    select,
)

from snapshotter import trends
from snapshotter.errors import Failure, UsageError
from snapshotter.models import Base, UTCDateTime
from snapshotter.trends import Filters

TABLES = Base.metadata.tables
JOBS = TABLES["jobs"]
CHUNK_ROWS = 20_000
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"

# The column that `since` and `until` are held against; what hangs on a job goes by its job's.
_DAYS = {"calendar": "day", "snapshots": "started_at", "rejected_records": "rejected_at"}


def export(
    engine: Engine,
    name: str,
    target: Path | TextIO,
    filters: Filters | None = None,
    status: str | None = None,
) -> int:
    """Write the table or trend `name` as CSV, and give the number of its rows.

    Integers are whole, times are UTC like `2026-01-31T23:59:59Z`, JSON is as stored, null and the
    empty text are an empty field. A file appears whole or not at all. Raises `UsageError` for a
    name that is not known, a filter that makes no sense for it or a folder that is not there,
    `Failure` when the target cannot be written.
    """
    if name not in TABLES and name not in trends.names():
        known = ", ".join([*sorted(TABLES), *trends.names()])
        raise UsageError(f"no table or trend {name!r}; there are {known}")
    with engine.connect() as connection, _opened(target) as file, _drivers_errors():
        rows = 0
        for frame in _frames(connection, name, filters or Filters(), status):
            frame.to_csv(file, header=rows == 0, index=False, lineterminator="\n")
            rows += len(frame)
    return rows


def table(engine: Engine, name: str, filters: Filters | None = None) -> str:
    """Give a trend as columns side by side, for a terminal."""
    with engine.connect() as connection:
        frames = list(_frames(connection, name, filters or Filters(), None))
    frame = pd.concat(frames) if len(frames) > 1 else frames[0]
    return str(frame.to_string(index=False, na_rep="", max_rows=None))


def _frames(
    connection: Connection, name: str, filters: Filters, status: str | None
) -> Iterator[pd.DataFrame]:
    """Yield one frame at least, so that an empty answer has its header."""
    if name in TABLES:
        yield from _table_frames(connection, TABLES[name], filters, status)
        return
    if status is not None:
        raise UsageError(f"{name} is a trend: it cannot be narrowed by status")
    with trends.run(connection, name, filters) as result:
        columns = list(result.keys())
        rows: list[Any] = list(result.fetchmany(CHUNK_ROWS))
        while True:
            # Objects as they are: a frame of numbers would make 10.0 of the 10 beside a null.
            plain = [trends.plain(columns, tuple(row)) for row in rows]
            yield pd.DataFrame(plain, columns=columns, dtype=object)
            if not (rows := list(result.fetchmany(CHUNK_ROWS))):
                return


def _table_frames(
    connection: Connection, source: Table, filters: Filters, status: str | None
) -> Iterator[pd.DataFrame]:
    times = [c.name for c in source.columns if isinstance(c.type, UTCDateTime)]
    streaming = connection.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS)
    frames = pd.read_sql(
        _select(source, filters, status),
        streaming,
        chunksize=CHUNK_ROWS,
        dtype_backend="numpy_nullable",
    )
    for frame in frames:
        for column in times:
            frame[column] = pd.to_datetime(frame[column], utc=True).dt.strftime(TIME_FORMAT)
        yield frame


@contextmanager
def _drivers_errors() -> Iterator[None]:
    """Give back what the driver raised: in pandas' wrapping it would pass for an error of files."""
    try:
        yield
    except pd.errors.DatabaseError as error:
        raise (error.__cause__ or Failure(str(error))) from None


def _select(source: Table, filters: Filters, status: str | None) -> Select[Any]:
    statement = select(*(_shown(column) for column in source.columns))
    for condition in _conditions(source, filters, status):
        statement = statement.where(condition)
    return statement.order_by(*source.primary_key.columns)


def _shown(column: Column[Any]) -> ColumnElement[Any]:
    return cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column


def _conditions(
    source: Table, filters: Filters, status: str | None
) -> Iterator[ColumnElement[bool]]:
    of_jobs = _of_jobs(source, filters, status)
    if of_jobs is not None:
        yield from of_jobs
        return
    for value, what in ((filters.package_id, "package"), (status, "status")):
        if value is not None:
            raise UsageError(f"{source.name} cannot be narrowed by {what}")
    if filters.since is None and filters.until is None:
        return
    if source.name not in _DAYS:
        raise UsageError(f"{source.name} cannot be narrowed by day")
    day = source.columns[_DAYS[source.name]]
    is_time = isinstance(day.type, UTCDateTime)
    if filters.since is not None:
        yield day >= (_midnight(filters.since) if is_time else filters.since)
    if filters.until is not None:
        yield day < (_midnight(filters.until) if is_time else filters.until)


def _of_jobs(
    source: Table, filters: Filters, status: str | None
) -> list[ColumnElement[bool]] | None:
    """Give the conditions on the jobs that a table's rows hang on; None where they hang on none."""
    conditions: list[ColumnElement[bool]] = []
    if filters.since is not None:
        conditions.append(JOBS.c.run_date >= filters.since)
    if filters.until is not None:
        conditions.append(JOBS.c.run_date < filters.until)
    if filters.package_id is not None:
        conditions.append(JOBS.c.package_id == filters.package_id)
    if status is not None:
        conditions.append(JOBS.c.status == status)
    if source is JOBS or not conditions:
        return conditions if source is JOBS else None
    jobs = select(JOBS.c.id).where(*conditions)
    match source.name:
        case "job_outputs" | "job_changes":
            return [source.c.job_id.in_(jobs)]
        case "output_fields":
            outputs = TABLES["job_outputs"]
            return [source.c.output_id.in_(select(outputs.c.id).where(outputs.c.job_id.in_(jobs)))]
        case _:
            return None


def _midnight(day: Any) -> Any:
    return pd.Timestamp(day, tz="UTC").to_pydatetime()


@contextmanager
def _opened(target: Path | TextIO) -> Iterator[TextIO]:
    """Open a file beside the target, which takes the target's name when it is whole."""
    name = repr(str(target)) if isinstance(target, Path) else "standard output"
    try:
        if isinstance(target, Path):
            with _beside(target) as file:
                yield file
        else:
            yield target
            target.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(f"cannot write {name}: {error.strerror or error}") from None


@contextmanager
def _beside(target: Path) -> Iterator[TextIO]:
    if not target.parent.is_dir():
        raise UsageError(f"cannot write {str(target)!r}: there is no folder {str(target.parent)!r}")
    if target.is_dir():
        raise UsageError(f"cannot write {str(target)!r}: it is a folder")
    target = target.resolve()  # a link stays a link, to the new file
    if target.exists() and not target.is_file():  # a pipe or a device is written, not replaced
        with target.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    part = target.with_name(f".snapshotter-{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
