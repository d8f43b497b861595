"""Writes rows in a format, a batch at a time: CSV and JSON here, the others in their modules.

`style` chooses the format, by `--format` or the file's ending.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TextIO, cast

import msgspec

from snapshotter.export import excel, parquet
from snapshotter.export.sink import Sink
from snapshotter.export.style import Column, Rows, Style

# What a spreadsheet may run, as OWASP lists it: the full-width signs, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write(
    file: BinaryIO | TextIO, style: Style, columns: list[Column], batches: Iterable[Rows]
) -> int:
    """Write the batches, if any, and return the number of rows.

    Times are text if the style is text. A text file is accepted for a text style only.
    """
    counted = _Counted(batches)
    if style.is_text:
        with _text(file, style) as lines:
            if style.format == "csv":
                _csv(lines, columns, counted, raw=style.raw)
            else:
                _json(lines, columns, counted)
    else:
        sink: Any = Sink(cast("BinaryIO", file))
        (parquet if style.format == "parquet" else excel).write(sink, columns, counted)
    return counted.rows


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


def _csv(file: TextIO, columns: list[Column], batches: Iterable[Rows], *, raw: bool) -> None:
    import pandas as pd  # noqa: PLC0415 - it is slow, and not all formats need it

    names = [column.name for column in columns]
    header = names if raw else _disarmed(names)
    pd.DataFrame(columns=header).to_csv(file, index=False, lineterminator="\n")
    may_be_text = [column.kind in ("text", None) for column in columns]
    for batch in batches:
        cells: list[Any] = list(zip(*batch, strict=True))
        has_return = False
        for place, values in enumerate(cells):
            if may_be_text[place]:
                has_return = has_return or "\r" in "".join(v for v in values if type(v) is str)
                cells[place] = values if raw else _disarmed(values)
        # As objects: in a column of numbers pandas would make 10.0 of a 10 beside a null.
        frame = pd.DataFrame(dict(enumerate(cells)), dtype=object)
        frame.to_csv(
            file,
            header=False,
            index=False,
            lineterminator="\n",
            # Before Python 3.13 the csv module does not quote a carriage return, which ends a row.
            quoting=csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL,
        )


def _disarmed(values: Iterable[Any]) -> list[Any]:
    """Put an apostrophe before text that a spreadsheet would run as a formula."""
    return ["'" + v if type(v) is str and v.startswith(_FORMULA) else v for v in values]


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
