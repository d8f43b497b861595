"""Writes rows as an Excel workbook."""

import logging
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

from snapshotter import temporary_files
from snapshotter.export.sheets import Sheet
from snapshotter.export.style import Column, Rows
from snapshotter.times import stamp

SHEET_ROWS = 2**20 - 1  # beside the header
_CELL_UNITS = 32_767  # of UTF-16
_EXACT = 10**15 - 1  # Excel keeps fifteen digits
_FIRST_YEAR = 1900  # of Excel's calendar

logger = logging.getLogger(__name__)


def write(file: BinaryIO, columns: list[Column], batches: Iterable[Rows], name: str) -> None:
    """Write a sheet of that name, and another whenever one is full. Long text is cut, with a note.

    Rows go to a temporary file as they come, so memory stays flat.
    """
    import xlsxwriter  # noqa: PLC0415 - of an extra

    beside = Path(tempfile.gettempdir()) / "xlsx"
    temporary_files.remove_dead(beside.parent)
    with temporary_files.new_folder(beside) as folder:
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": str(folder)})
        book.use_zip64()
        filled = _Workbook(book, name, columns)
        try:
            filled.add(row for batch in batches for row in batch)
        except BaseException:
            with suppress(Exception):  # its temporary files must be closed, whatever they hold
                book.close()
            raise
        try:
            book.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise error.args[0] from None
    if filled.cell.cut:
        logger.warning("%s texts are longer than an Excel cell, and were cut", filled.cell.cut)


class _Workbook:
    def __init__(self, book: Any, name: str, columns: list[Column]) -> None:
        self._book, self._name, self._columns = book, name, columns
        self._head = book.add_format({"bold": True})
        self.cell = _Cell(book)

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        sheet = self._sheet()
        for number, row in enumerate(rows):
            at = number % SHEET_ROWS
            if number and not at:
                sheet.finish()
                sheet = self._sheet()
            sheet.measure(row)
            for place, value in enumerate(row):
                self.cell.write(sheet.sheet, at + 1, place, value)
        sheet.finish()

    def _sheet(self) -> Sheet:
        return Sheet(self._book, self._name, self._columns, self._head)


class _Cell:
    """Writes a value by its type: text never becomes a formula, a link or a number."""

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
                # Excel rounds to milliseconds: rounded up past its last day, a time is invalid.
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
