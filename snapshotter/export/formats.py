"""How rows become a file, a batch at a time: CSV through pandas, JSON, Parquet, Excel."""

import csv
import gzip
import importlib
import io
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fcntl import F_GETFL, fcntl
from math import isfinite
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Literal, TextIO, cast, get_args

import msgspec

from snapshotter import parts
from snapshotter.errors import UsageError
from snapshotter.times import stamp

Format = Literal["csv", "parquet", "xlsx", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
Kind = Literal["integer", "number", "truth", "day", "time", "text", "document"]
Rows = list[tuple[Any, ...]]

LIBRARIES = {"parquet": "pyarrow", "xlsx": "xlsxwriter"}  # each the extra of the format's name
# What a spreadsheet may run, as OWASP lists it: the full-width signs, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_ROW_GROUP_BYTES = 8 * 2**20
SHEET_ROWS = 2**20 - 1  # beside the header
_CELL_UNITS = 32_767  # of UTF-16
_EXACT = 10**15 - 1  # Excel keeps fifteen digits
_FIRST_YEAR = 1900  # of Excel's calendar

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Column:
    """`kind` is None where only the values tell."""

    name: str
    kind: Kind | None = None


@dataclass(frozen=True)
class Style:
    """`raw` leaves text that a spreadsheet would take for a formula as it is."""

    format: Format = "csv"
    gzip: bool = False
    raw: bool = False

    @property
    def is_text(self) -> bool:
        return self.format in ("csv", "json")


def style(asked: str | None, file_name: str, *, raw: bool = False) -> Style:
    """Give the style that was asked for, else the one that the file's name ends in, else CSV.

    Raises `UsageError` for what cannot be written so, and where the format's library is missing.
    """
    name = file_name.lower()
    zipped = name.endswith(".gz")
    ending = PurePath(name.removesuffix(".gz")).suffix.removeprefix(".")
    format_: Format = next((each for each in FORMATS if each == (asked or ending)), "csv")
    chosen = Style(format_, zipped, raw)
    if raw and format_ != "csv":
        raise UsageError(f"--raw is for CSV: {format_} keeps all text as it is; leave --raw out")
    if not chosen.is_text and zipped:
        raise UsageError(
            f"{file_name!r}: {format_} is compressed by itself; leave .gz out of its name"
        )
    if not chosen.is_text and file_name == "-":
        raise UsageError(f"{format_} is nothing for standard output; name a file with -o")
    library = LIBRARIES.get(format_)
    if library is not None:
        try:
            importlib.import_module(library)
        except ImportError:
            raise UsageError(
                f"{format_} needs {library}, which is not installed; "
                f"pip install 'xplenty-snapshotter[{format_}]'"
            ) from None
    return chosen


def write(
    file: BinaryIO | TextIO, style: Style, columns: list[Column], batches: Iterable[Rows]
) -> int:
    """Write the batches, none of them or more, and give the number of rows.

    Times are text where the style is text. A text file is taken for a text style only.
    """
    counted = _Counted(batches)
    if style.is_text:
        with _text(file, style) as lines:
            if style.format == "csv":
                _csv(lines, columns, counted, raw=style.raw)
            else:
                _json(lines, columns, counted)
    else:
        sink: Any = _Sink(cast("BinaryIO", file))
        (_parquet if style.format == "parquet" else _xlsx)(sink, columns, counted)
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
    """Lay UTF-8, and gzip where it is asked for, over a binary file; the same in, the same out."""
    if isinstance(file, io.TextIOBase):
        yield cast("TextIO", file)
        return
    sink: Any = _Sink(cast("BinaryIO", file))
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
    import pandas as pd  # noqa: PLC0415 - as above

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
        # Objects as they are: a frame of numbers would make 10.0 of the 10 beside a null.
        frame = pd.DataFrame(dict(enumerate(cells)), dtype=object)
        frame.to_csv(
            file,
            header=False,
            index=False,
            lineterminator="\n",
            # By itself the csv module of before Python 3.13 leaves a return bare, which ends a row.
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


def _parquet(file: BinaryIO, columns: list[Column], batches: Iterable[Rows]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - of an extra
    import pyarrow.parquet as pq  # noqa: PLC0415

    pa.set_memory_pool(pa.system_memory_pool())  # the others keep some 30 MB more for themselves
    types = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
        "day": pa.date32(),
        "time": pa.timestamp("us", "UTC"),
    }
    schema = pa.schema([(c.name, types.get(c.kind or "text", pa.string())) for c in columns])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        group: list[Any] = []
        size = 0
        for batch in batches:
            arrays = [
                pa.array(values, field.type)
                for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            group.append(pa.Table.from_arrays(arrays, schema=schema))
            size += group[-1].nbytes
            if size >= _ROW_GROUP_BYTES:
                writer.write_table(pa.concat_tables(group))
                group, size = [], 0
        if group:
            writer.write_table(pa.concat_tables(group))


def _xlsx(file: BinaryIO, columns: list[Column], batches: Iterable[Rows]) -> None:
    """Write a sheet, and another wherever one is full. Long text is cut, and says so."""
    import xlsxwriter  # noqa: PLC0415 - of an extra

    beside = Path(tempfile.gettempdir()) / "xlsx"
    parts.remove_dead(beside.parent)
    with parts.new_folder(beside) as folder:
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": str(folder)})
        book.use_zip64()
        cell = _Cell(book)
        try:
            sheet = None
            for number, row in enumerate(row for batch in batches for row in batch):
                if number % SHEET_ROWS == 0:
                    sheet = _sheet(book, columns)
                for place, value in enumerate(row):
                    cell.write(sheet, number % SHEET_ROWS + 1, place, value)
            if sheet is None:
                _sheet(book, columns)
        except BaseException:
            with suppress(Exception):  # its files are to be closed, whatever they hold
                book.close()
            raise
        try:
            book.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise error.args[0] from None
    if cell.cut:
        logger.warning("%s texts are longer than a cell of Excel, and were cut", cell.cut)


def _sheet(book: Any, columns: list[Column]) -> Any:
    sheet = book.add_worksheet(
        f"rows {len(book.worksheets()) + 1}" if book.worksheets() else "rows"
    )
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.name)
    return sheet


class _Cell:
    """Writes a value as what it is: text never becomes a formula, a link or a number."""

    def __init__(self, book: Any) -> None:
        self.cut = 0
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})

    def write(self, sheet: Any, row: int, place: int, value: Any) -> None:
        match value:
            case None:
                pass
            case bool():
                sheet.write_boolean(row, place, value)
            case int() if abs(value) > _EXACT:
                sheet.write_string(row, place, str(value))
            case float() if not isfinite(value):
                sheet.write_string(row, place, str(value))
            case int() | float():
                sheet.write_number(row, place, value)
            case datetime() if value.year < _FIRST_YEAR:
                sheet.write_string(row, place, stamp(value))
            case date() if value.year < _FIRST_YEAR:
                sheet.write_string(row, place, value.isoformat())
            case datetime():
                at = value.astimezone(UTC).replace(tzinfo=None)
                # Excel rounds to milliseconds: up, and past its last day, it is no time any more.
                at = at.replace(microsecond=at.microsecond // 1000 * 1000)
                sheet.write_datetime(row, place, at, self._time)
            case date():
                sheet.write_datetime(row, place, value, self._day)
            case _:
                sheet.write_string(row, place, self._fitting(str(value)))

    def _fitting(self, text: str) -> str:
        if len(text) <= _CELL_UNITS // 2 or len(text.encode("utf-16-le")) // 2 <= _CELL_UNITS:
            return text
        self.cut += 1
        note = f"… (cut: {len(text):,} characters)"
        kept = text.encode("utf-16-le")[: 2 * (_CELL_UNITS - len(note))]
        return kept.decode("utf-16-le", "ignore") + note


class _Sink:
    """Ignores writes that a library makes while it is collected after a failure.

    A pipe or a device goes forward only, whatever it says, and so does a file that others write to.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failed = False
        is_whole = stat.S_ISREG(os.fstat(file.fileno()).st_mode) and not file.tell()
        self._goes_back = is_whole and not fcntl(file, F_GETFL) & os.O_APPEND
        self._written = 0

    def abandon(self) -> None:
        """Write nothing any more."""
        self._failed = True

    @property
    def closed(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._do(self._file.write, data)
        self._written += size
        return size

    def flush(self) -> None:
        self._do(self._file.flush)

    def tell(self) -> int:
        # After a failure a place before one that was told would make a library fail once more.
        is_known = self._goes_back and not self._failed
        return int(self._do(self._file.tell) or 0) if is_known else self._written

    def seek(self, place: int, whence: int = 0) -> int:
        if not self._goes_back:
            raise io.UnsupportedOperation
        return int(self._do(self._file.seek, place, whence) or 0)

    def seekable(self) -> bool:
        return self._goes_back

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def _do(self, what: Callable[..., Any], *given: Any) -> Any:
        if self._failed:
            return None
        try:
            return what(*given)
        except OSError:
            self._failed = True
            raise
