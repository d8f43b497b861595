"""Many rows into a table at once, about as fast as the driver takes them.

SQLAlchemy gives, once for each statement, its SQL and how each column's values are converted; the
values are converted column by column, and go to the driver as plain tuples. All happens in the
caller's transaction, and what the database refuses is raised as SQLAlchemy raises it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    String,
    Table,
    bindparam,
    update,
)
from sqlalchemy.types import TypeEngine

from snapshotter.store.engine import to_json
from snapshotter.store.session_setup import COPIES
from snapshotter.utc_times import UTCDateTime, times_as_stored

Row = Mapping[str, Any]

# SQLite spends less on a row of three values than on the step from one row to the next, and lets no
# other thread run in between: that many values go into one statement. Before 3.32 it took 999.
_VALUES_AT_ONCE = 10_000 if sqlite3.sqlite_version_info >= (3, 32) else 999

# In the text format of COPY.
_NULL = r"\N"
_SPECIALS = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_ESCAPES = str.maketrans(_SPECIALS)

# A row as it is sent: a line of COPY for PostgreSQL, else the values that the driver takes.
Encoded = str | tuple[object, ...]
_ConvertColumn = Callable[[Sequence[Any]], Iterable[Any]]
_WriteColumn = Callable[[Sequence[Any]], list[str]]


def encode(
    dialect: Dialect, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> Sequence[Encoded]:
    """Return rows, tuples of the columns `names`, ready to be inserted. Any thread may."""
    if not rows:
        return []
    if dialect.name == "postgresql":
        return _lines(dialect, table, names, rows)
    return _bound(dialect, table, names, rows)


def insert_encoded(
    connection: Connection,
    table: Table,
    names: tuple[str, ...],
    encoded: Sequence[Encoded],
    **same: Any,
) -> None:
    """Insert what `encode` has returned; `same` has one value of a column for every row."""
    if not encoded:
        return
    dialect, all_names = connection.dialect, (*names, *same)
    end = [tuple(same.values())] if same else []
    if dialect.name == "postgresql":
        lines = cast("Sequence[str]", encoded)
        for values in _lines(dialect, table, tuple(same), end):
            lines = [f"{line}\t{values}" for line in lines]
        _copy(connection, table, all_names, lines)
        return
    rows = cast("Sequence[tuple[object, ...]]", encoded)
    for bound in _bound(dialect, table, tuple(same), end):
        rows = [row + bound for row in rows]
    _insert(connection, table, all_names, rows)


def _insert(
    connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    dialect = connection.dialect
    at_once = max(1, _VALUES_AT_ONCE // len(names)) if dialect.name == "sqlite" else 1
    in_groups = len(rows) - len(rows) % at_once if at_once > 1 else 0
    if in_groups:
        groups = [
            tuple(chain.from_iterable(rows[start : start + at_once]))
            for start in range(0, in_groups, at_once)
        ]
        connection.exec_driver_sql(_insert_sql(dialect, table, names, at_once), groups)
    if in_groups < len(rows):
        connection.exec_driver_sql(_insert_sql(dialect, table, names), list(rows[in_groups:]))


@lru_cache
def _insert_sql(dialect: Dialect, table: Table, names: tuple[str, ...], rows: int = 1) -> str:
    quote = dialect.identifier_preparer
    mark = {"qmark": "?", "format": "%s"}[dialect.paramstyle]
    columns = ", ".join(map(quote.quote, names))
    values = ", ".join([f"({', '.join([mark] * len(names))})"] * rows)
    return f"INSERT INTO {quote.format_table(table)} ({columns}) VALUES {values}"  # noqa: S608 - our own names


def update_rows(connection: Connection, table: Table, rows: Sequence[Row], **same: Any) -> None:
    """Set the columns of the rows that have the `id` of these; `same` has one value for all."""
    if rows:
        sql, names = _update_sql(connection.dialect, table, (*rows[0], *same))
        in_order = itemgetter(*names)
        values = [in_order({**row, **same}) for row in rows]
        connection.exec_driver_sql(sql, _bound(connection.dialect, table, names, values))


@lru_cache
def _update_sql(
    dialect: Dialect, table: Table, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """Return the SQL, and the names of its parameters in their order."""
    given: dict[str, Any] = {name: bindparam(name) for name in names if name != "id"}
    statement = update(table).where(table.c.id == bindparam("id")).values(given)
    compiled: Any = statement.compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup)


def _bound(
    dialect: Dialect, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> Sequence[tuple[Any, ...]]:
    """Return rows of the columns `names` as the driver takes them."""
    converters = _converters(dialect, table, names)
    if not any(converters):
        return rows
    columns = [
        values if convert is None else convert(values)
        for convert, values in zip(converters, zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))


@lru_cache
def _converters(
    dialect: Dialect, table: Table, names: tuple[str, ...]
) -> tuple[_ConvertColumn | None, ...]:
    return tuple(_converter(dialect, table.c[name].type) for name in names)


def _converter(dialect: Dialect, kind: TypeEngine[Any]) -> _ConvertColumn | None:
    """Return what converts the values of a column; None if the driver takes them as they are."""
    if isinstance(kind, UTCDateTime):
        return partial(times_as_stored, dialect)
    if isinstance(kind, JSON):
        return partial(map, _json_text)  # as SQLAlchemy does, in one step of its three
    convert = kind.dialect_impl(dialect).bind_processor(dialect)
    return None if convert is None else partial(map, convert)


def _json_text(value: Any) -> str | None:
    return None if value is None else to_json(value)


def _lines(
    dialect: Dialect, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> list[str]:
    """Return rows of the columns `names` as lines of COPY."""
    writers = _writers(dialect, table, names)
    columns = zip(*rows, strict=True)
    texts = [write(values) for write, values in zip(writers, columns, strict=True)]
    return list(map("\t".join, zip(*texts, strict=True)))


def _copy(connection: Connection, table: Table, names: Sequence[str], lines: Sequence[str]) -> None:
    """Insert by PostgreSQL's COPY, in its text format."""
    quote = connection.dialect.identifier_preparer
    columns = ", ".join(map(quote.quote, names))
    connection.exec_driver_sql(
        f"copy {quote.format_table(table)} ({columns}) from stdin",
        ("\n".join(lines),),
        execution_options={COPIES: True},
    )


@lru_cache
def _writers(dialect: Dialect, table: Table, names: tuple[str, ...]) -> tuple[_WriteColumn, ...]:
    return tuple(_writer(dialect, table.c[name].type) for name in names)


def _writer(dialect: Dialect, kind: TypeEngine[Any]) -> _WriteColumn:
    """Return what writes the values of a column for COPY."""
    convert = _converter(dialect, kind)
    if isinstance(kind, JSON | String):
        return partial(_escaped, convert)
    return partial(_plain, convert)


def _plain(convert: _ConvertColumn | None, values: Sequence[Any]) -> list[str]:
    """Return numbers and times as COPY takes them: nothing in them is to be escaped."""
    bound = values if convert is None else convert(values)
    return [_NULL if value is None else str(value) for value in bound]


def _escaped(convert: _ConvertColumn | None, values: Sequence[Any]) -> list[str]:
    texts = list(values if convert is None else convert(values))
    joined = "".join(filter(None, texts))
    if any(special in joined for special in _SPECIALS):
        return [_NULL if text is None else text.translate(_ESCAPES) for text in texts]
    return [_NULL if text is None else text for text in texts]
