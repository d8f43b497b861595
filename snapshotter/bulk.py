"""Many rows into a table at once, about as fast as the driver takes them.

SQLAlchemy says, once for each statement, what its SQL is and how the database keeps a value; the
values go column by column through that, and as plain tuples to the driver. All happens in the
caller's transaction, and what the database refuses is raised as SQLAlchemy raises it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    String,
    Table,
    Update,
    bindparam,
    update,
)
from sqlalchemy.types import TypeEngine

from snapshotter.database import COPIES, to_json

Row = Mapping[str, Any]

# SQLite spends less on a row of three values than on the step from one row to the next, and lets no
# other thread run in between: so many values go into one statement. Before 3.32 it took 999.
_VALUES_AT_ONCE = 10_000 if sqlite3.sqlite_version_info >= (3, 32) else 999

Encoded = Any  # a row as it is sent: a line of COPY for PostgreSQL, else a tuple for the driver


def encode(
    dialect: Dialect, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> list[Encoded]:
    """Make rows, which are tuples of the columns `names`, ready to be inserted. Any thread may."""
    if not rows:
        return []
    columns = zip(names, zip(*rows, strict=True), strict=True)
    if dialect.name == "postgresql":
        texts = [_copied(dialect, table.c[name].type, values) for name, values in columns]
        return list(map("\t".join, zip(*texts, strict=True)))
    converted = [
        values if (convert := _converter(dialect, table, name)) is None else map(convert, values)
        for name, values in columns
    ]
    return list(zip(*converted, strict=True))


def insert_encoded(
    connection: Connection,
    table: Table,
    names: tuple[str, ...],
    encoded: Sequence[Encoded],
    **same: Any,
) -> None:
    """Insert what `encode` has given; `same` has one value of a column for every row."""
    if not encoded:
        return
    dialect, all_names = connection.dialect, (*names, *same)
    if same:
        (end,) = encode(dialect, table, tuple(same), [tuple(same.values())])
        end = f"\t{end}" if dialect.name == "postgresql" else end
        encoded = [row + end for row in encoded]
    if dialect.name == "postgresql":
        _copy(connection, table, all_names, encoded)
        return
    at_once = max(1, _VALUES_AT_ONCE // len(all_names)) if dialect.name == "sqlite" else 1
    in_groups = len(encoded) - len(encoded) % at_once if at_once > 1 else 0
    if in_groups:
        groups = [
            tuple(chain.from_iterable(encoded[start : start + at_once]))
            for start in range(0, in_groups, at_once)
        ]
        connection.exec_driver_sql(_insert_sql(dialect, table, all_names, at_once), groups)
    if in_groups < len(encoded):
        sql = _insert_sql(dialect, table, all_names)
        connection.exec_driver_sql(sql, list(encoded[in_groups:]))


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
        statement = _update_statement(connection.dialect, table, (*rows[0], *same))
        connection.exec_driver_sql(statement.sql, statement.parameters(rows, same))


_Convert = Callable[[Any], Any]


class _Statement(NamedTuple):
    """SQL of a driver; its parameters in their order, with what a value of each goes through."""

    sql: str
    converts: dict[str, _Convert | None]

    def parameters(self, rows: Sequence[Row], same: Row) -> list[tuple[Any, ...]]:
        columns = _columns(rows, same)
        for name, convert in self.converts.items():
            if convert is not None and name in same:
                columns[name] = repeat(convert(same[name]), len(rows))
            elif convert is not None:
                columns[name] = map(convert, columns[name])
        return list(zip(*(columns[name] for name in self.converts), strict=True))


def _columns(rows: Sequence[Row], same: Row) -> dict[str, Iterable[Any]]:
    names = tuple(rows[0])
    values = zip(*map(itemgetter(*names), rows), strict=True)
    columns: dict[str, Iterable[Any]] = dict(zip(names, values, strict=True))
    return columns | {name: repeat(value, len(rows)) for name, value in same.items()}


@lru_cache
def _update_statement(dialect: Dialect, table: Table, names: tuple[str, ...]) -> _Statement:
    given: dict[str, Any] = {name: bindparam(name) for name in names if name != "id"}
    return _compiled(
        dialect, table, update(table).where(table.c.id == bindparam("id")).values(given)
    )


def _convert(dialect: Dialect, kind: TypeEngine[Any]) -> _Convert | None:
    if isinstance(kind, JSON) and dialect.name != "postgresql":
        # As SQLAlchemy does, in one step of its three.
        return _json_text
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _json_text(value: Any) -> str | None:
    return None if value is None else to_json(value)


@lru_cache
def _converter(dialect: Dialect, table: Table, name: str) -> _Convert | None:
    return _convert(dialect, table.c[name].type)


def _compiled(dialect: Dialect, table: Table, statement: Update) -> _Statement:
    compiled: Any = statement.compile(dialect=dialect)
    converts = {name: _convert(dialect, table.c[name].type) for name in compiled.positiontup}
    return _Statement(str(compiled), converts)


def _copy(connection: Connection, table: Table, names: Sequence[str], lines: Sequence[str]) -> None:
    """Insert by PostgreSQL's COPY, in its text format."""
    quote = connection.dialect.identifier_preparer
    columns = ", ".join(map(quote.quote, names))
    connection.exec_driver_sql(
        f"copy {quote.format_table(table)} ({columns}) from stdin",
        ("\n".join(lines),),
        execution_options={COPIES: True},
    )


_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _copied(dialect: Dialect, kind: TypeEngine[Any], values: Iterable[Any]) -> list[str]:
    if isinstance(kind, JSON):
        texts = list(map(_json_text, values))
    elif isinstance(kind, String):
        texts = list(values)
    else:  # numbers and times: nothing in them is to be escaped
        convert = _convert(dialect, kind)
        bound = values if convert is None else map(convert, values)
        return [_NULL if value is None else str(value) for value in bound]
    said = "".join(filter(None, texts))
    if any(chr(special) in said for special in _ESCAPES):
        return [_NULL if text is None else text.translate(_ESCAPES) for text in texts]
    return [_NULL if text is None else text for text in texts]
