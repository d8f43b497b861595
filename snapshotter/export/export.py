"""Writes a table or a trend as a file, in batches of rows: memory stays flat at any size."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from types import NoneType
from typing import Any, TextIO

import msgspec
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
    func,
    select,
)

from snapshotter import files
from snapshotter.export import formats
from snapshotter.export import style as styles
from snapshotter.export.selection import TABLES, Selection, conditions
from snapshotter.export.spool import spool
from snapshotter.export.style import Kind, Rows, Style
from snapshotter.models import UTCDateTime
from snapshotter.store.engine import unmoving
from snapshotter.targets import database_file
from snapshotter.trends import trends
from snapshotter.trends.values import DAY, TIME

CHUNK_ROWS = trends.BATCH_ROWS
_CSV = Style()

# The kind of a column without values, by the column's name.
_TEXT = re.compile(r"(\w+_)?(name|status|type|kind|reason|summary|field|change|error)|account_id")
_FRACTION = re.compile(r"p\d+|share|ratio|rate|score|hours|usual|mad_|per_million")


def export(engine: Engine, selection: Selection, target: Path | TextIO, style: Style = _CSV) -> int:
    """Write the rows that are selected, and return their number.

    A file appears whole or not at all; in a folder that is not writable, an existing file is
    written in place. Raises `UsageError` if the target's folder is missing, `Failure` if the target
    cannot be written.
    """
    with (
        unmoving(engine).connect() as connection,
        files.opened(target, database_file(connection)) as file,
    ):
        return write(connection, selection, file, style)


def write(connection: Connection, selection: Selection, file: Any, style: Style) -> int:
    """Write the rows that `connection` sees into an open file, and return their number."""
    with open_rows(connection, selection, style) as (columns, batches):
        return formats.write(file, replace(style, sheet=selection.name), columns, batches)


OpenRows = tuple[list[styles.Column], Iterator[Rows]]


@contextmanager
def open_rows(connection: Connection, selection: Selection, style: Style) -> Iterator[OpenRows]:
    """Open the rows, which come in batches inside the `with`.

    Integers are int, days are dates, JSON is text as it is stored. Times are aware datetimes, or
    text like `2026-01-31T23:59:59Z` if the style has `text_times`.
    """
    connection = connection.execution_options(stream_results=True, max_row_buffer=CHUNK_ROWS)
    source = None if selection.folder is not None else TABLES.get(selection.name)
    if source is None:
        with _trend(connection, selection, style) as opened:
            yield opened
        return
    statement = _select(source, selection, connection.dialect if style.text_times else None)
    with connection.execute(statement) as result:
        columns = [styles.Column(column.name, _kind(column)) for column in source.columns]
        batches: Iterator[Rows] = (
            [tuple(row) for row in batch] for batch in result.partitions(CHUNK_ROWS)
        )
        if connection.dialect.name == "postgresql":
            batches = _without_blanks(columns, batches)
        yield columns, batches


def _without_blanks(columns: list[styles.Column], batches: Iterator[Rows]) -> Iterator[Rows]:
    """Yield the rows with JSON as the other engines return it; PostgreSQL's has blanks."""
    documents = {place for place, column in enumerate(columns) if column.kind == "document"}
    for batch in batches:
        yield (
            [
                tuple(
                    msgspec.json.format(value, indent=-1) if place in documents and value else value
                    for place, value in enumerate(row)
                )
                for row in batch
            ]
            if documents
            else batch
        )


def _select(source: Table, selection: Selection, as_text: Dialect | None) -> Select[Any]:
    columns = (_shown(column, as_text) for column in source.columns)
    statement = select(*columns).where(*conditions(source, selection))
    return statement.order_by(*source.primary_key.columns)


def _shown(column: Column[Any], as_text: Dialect | None) -> ColumnElement[Any]:
    """Have the database format times if the style is text: it is several times as fast."""
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
def _trend(connection: Connection, selection: Selection, style: Style) -> Iterator[OpenRows]:
    with (
        trends.run(connection, selection.name, selection.filters, selection.folder) as result,
        spool() as kept,
    ):
        names = list(result.keys())
        batches = trends.batches(result, selection.limit)
        if style.format == "parquet":  # needs the kinds before the first row
            yield kinds(names, kept.pass_on(batches)), iter(kept)
            return
        if style.text_times:
            batches = map(formats.with_text_times, batches)
        yield [styles.Column(name) for name in names], batches


def kinds(columns: list[str], batches: Iterable[Rows]) -> list[styles.Column]:
    """Return each column of a trend with its kind, by its values; if it has none, by its name."""
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
        styles.Column(
            name,
            of_types.get(frozenset(types - {NoneType}), "text")
            if types - {NoneType}
            else _kind_by_name(name),
        )
        for name, types in zip(columns, found, strict=True)
    ]


def is_fraction(name: str) -> bool:
    """Whether a column has numbers that may have decimals, by its name."""
    return _FRACTION.search(name) is not None


def _kind_by_name(name: str) -> Kind:
    if DAY.fullmatch(name):
        return "day"
    if TIME.fullmatch(name):
        return "time"
    if _TEXT.fullmatch(name):
        return "text"
    return "number" if is_fraction(name) else "integer"
