"""Many rows into a table at once, about as fast as the driver takes them.

SQLAlchemy says, once for each statement, what its SQL is and how the database keeps a value; the
values go column by column through that, and as plain tuples to the driver. All happens in the
caller's transaction, and what the database refuses is raised as SQLAlchemy raises it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    Insert,
    String,
    Table,
    Update,
    bindparam,
    insert,
    update,
)
from sqlalchemy.types import TypeEngine

from snapshotter.database import COPIES, to_json

Row = Mapping[str, Any]

# On a row of three values SQLite spends less than on the step from one row to the next, so that
# many rows are put into one statement; before 3.32 it took no more than 999 values.
_NARROW = 3
_ROWS_AT_ONCE = 999 // _NARROW


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row], **same: Any) -> None:
    """Insert rows that all have the same names; `same` has one value for every row."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, _columns(rows, same))
        return
    statement = _insert_statement(connection.dialect, table, (*rows[0], *same))
    connection.exec_driver_sql(statement.sql, statement.parameters(rows, same))


def insert_tuples(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows that are tuples of all columns, with values that the driver takes as they are."""
    if not rows:
        return
    names = tuple(table.columns.keys())
    if connection.dialect.name == "postgresql":
        _copy(connection, table, dict(zip(names, zip(*rows, strict=True), strict=True)))
        return
    sql = _insert_statement(connection.dialect, table, names).sql
    if connection.dialect.name == "sqlite" and len(names) <= _NARROW:
        at_once = len(rows) - len(rows) % _ROWS_AT_ONCE
        _insert_at_once(connection, sql, rows[:at_once])
        rows = rows[at_once:]
    if rows:
        connection.exec_driver_sql(sql, list(rows))


def _insert_at_once(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    starts = range(0, len(rows), _ROWS_AT_ONCE)
    groups = [tuple(chain.from_iterable(rows[i : i + _ROWS_AT_ONCE])) for i in starts]
    if groups:
        head, values = sql.split(" VALUES ")
        many = ", ".join([values] * _ROWS_AT_ONCE)
        connection.exec_driver_sql(f"{head} VALUES {many}", groups)


def update_rows(connection: Connection, table: Table, rows: Sequence[Row], **same: Any) -> None:
    """Set the columns of the rows that have the `id` of these; else as `insert_rows`."""
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
def _insert_statement(dialect: Dialect, table: Table, names: tuple[str, ...]) -> _Statement:
    given: dict[str, Any] = {name: bindparam(name) for name in names}
    # `inline`: the new keys need not be told.
    return _compiled(dialect, table, insert(table).values(given).inline())


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


def _compiled(dialect: Dialect, table: Table, statement: Insert | Update) -> _Statement:
    compiled: Any = statement.compile(dialect=dialect)
    converts = {name: _convert(dialect, table.c[name].type) for name in compiled.positiontup}
    return _Statement(str(compiled), converts)


def _copy(connection: Connection, table: Table, columns: Mapping[str, Iterable[Any]]) -> None:
    """Insert by PostgreSQL's COPY, in its text format."""
    dialect, quote = connection.dialect, connection.dialect.identifier_preparer
    texts = [_copied(dialect, table.c[name].type, values) for name, values in columns.items()]
    lines = "\n".join(map("\t".join, zip(*texts, strict=True)))
    names = ", ".join(map(quote.quote, columns))
    connection.exec_driver_sql(
        f"copy {quote.format_table(table)} ({names}) from stdin",
        (lines,),
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
