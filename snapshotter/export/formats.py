"""Writes rows in a format, a batch at a time: CSV and JSON here, the others in their modules.

`style` chooses the format, by `--format` or the file's ending.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, BinaryIO, TextIO, cast

import msgspec

from snapshotter.export import excel, parquet
from snapshotter.export.formulas import disarmed, has_formula
from snapshotter.export.sink import Sink
from snapshotter.export.spreadsheet import BOM
from snapshotter.export.style import Column, Rows, Style
from snapshotter.times import stamp


def write(
    file: BinaryIO | TextIO, style: Style, columns: list[Column], batches: Iterable[Rows]
) -> int:
    """Write the batches, if any, and return the number of rows.

    Times are text if the style has `text_times`. A text file is accepted for a text style only.
    """
    counted = _Counted(batches)
    if style.is_text:
        with _text(file, style) as lines:
            if style.format == "csv":
                _csv(lines, columns, counted, style)
            else:
                _json(lines, columns, counted)
    else:
        sink: Any = Sink(cast("BinaryIO", file))
        if style.format == "parquet":
            parquet.write(sink, columns, counted)
        else:
            excel.write(sink, columns, counted, style.sheet)
    return counted.rows


def write_rows(columns: list[str], batches: Iterable[Rows], file: Any, style: Style) -> int:
    """Write batches of a trend's rows, and return the number of rows."""
    if style.text_times:
        batches = map(with_text_times, batches)
    return write(file, style, [Column(name) for name in columns], batches)


def with_text_times(rows: Rows) -> Rows:
    """Return the rows with times as text, like `2026-01-31T23:59:59Z`."""
    return [tuple(stamp(v) if isinstance(v, datetime) else v for v in row) for row in rows]


class _Counted:
    def __init__(self, batches: Iterable[Rows]) -> None:
        self.batches = batches
        self.rows = 0

    def __iter__(self) -> Iterator[Rows]:
        for batch in self.batches:
            self.rows += len(batch)
            yield batch


@contextmanager
def _text(file: BinaryIO | TextIO, style: Style) -> Iterator[TextIO]:
    """Open a binary file as text in UTF-8, compressed if asked; equal rows give equal bytes."""
    if isinstance(file, io.TextIOBase):
        yield cast("TextIO", file)
        return
    sink: Any = Sink(cast("BinaryIO", file))
    zipped = gzip.GzipFile("", "wb", 6, sink, mtime=0) if style.gzip else sink
    text = io.TextIOWrapper(zipped, encoding="utf-8", newline="")
    try:
        yield text
        text.close()
    except BaseException:
        sink.abandon()
        with suppress(OSError, ValueError):
            text.close()
        raise


def _csv(file: TextIO, columns: list[Column], batches: Iterable[Rows], style: Style) -> None:
    local = style.spreadsheet
    dialect: dict[str, Any] = {"lineterminator": "\n"}
    if local is not None:
        file.write(BOM)
        dialect = {"lineterminator": "\r\n", "delimiter": local.separator}
    plain = csv.writer(file, **dialect)
    # Before Python 3.13 the csv module does not quote a carriage return, which ends a row.
    quoted = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, **dialect)
    names = [column.name for column in columns]
    plain.writerow(names if style.raw else disarmed(names))
    for batch in batches:
        rows, has_return = _as_cells(batch, columns, style)
        (quoted if has_return else plain).writerows(rows)


def _as_cells(
    batch: Rows, columns: list[Column], style: Style
) -> tuple[Iterable[tuple[Any, ...]], bool]:
    """Return the rows of a batch as CSV has them, and whether one has a carriage return.

    Text is looked at a column at a time, and rows are made anew only if a value changes.
    """
    cells: list[Any] = list(zip(*batch, strict=True))
    has_return = has_changed = False
    for place, column in enumerate(columns if batch else ()):
        if column.kind in ("text", None):
            texts = [value for value in cells[place] if type(value) is str]
            has_return = has_return or "\r" in "".join(texts)
            if not style.raw and has_formula(texts):
                cells[place] = disarmed(cells[place])
                has_changed = True
        if style.spreadsheet is not None:
            cells[place] = [*map(style.spreadsheet.local, cells[place])]
            has_changed = True
    return (zip(*cells, strict=True) if has_changed else batch), has_return


def _json(file: TextIO, columns: list[Column], batches: Iterable[Rows]) -> None:
    """Write one array, an object a line."""
    names = [column.name for column in columns]
    documents = [place for place, column in enumerate(columns) if column.kind == "document"]
    before = "[\n"
    for batch in batches:
        lines = []
        for row in batch:
            values = list(row)
            for place in documents:
                if values[place] is not None:
                    values[place] = msgspec.Raw(values[place].encode())
            lines.append(msgspec.json.encode(dict(zip(names, values, strict=True))).decode())
        if lines:
            file.write(before + ",\n".join(lines))
            before = ",\n"
    file.write("[]\n" if before == "[\n" else "\n]\n")
