"""The sheets of a workbook: their names, their heads, and the widths of their columns."""

import re
from datetime import date, datetime
from typing import Any

from snapshotter.export.style import Column
from snapshotter.printable import printable

_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_LONGEST_NAME = 31  # UTF-16 units
_MEASURED = 1_000  # rows of a sheet, by which its widths are chosen
_NARROWEST, _WIDEST = 8, 60  # characters
_WIDTHS = {bool: 7, datetime: 20, date: 11}
_BUTTON = 3  # characters that the button of a filter takes of a head


def sheet_name(name: str, number: int) -> str:
    """Return a name that Excel accepts, for the sheet of that number, from 1."""
    allowed = _FORBIDDEN.sub("_", printable(name)).strip("' ")
    if not allowed or allowed.casefold() == "history":  # Excel has a sheet of that name
        allowed = f"{allowed}_rows".removeprefix("_")
    more = "" if number == 1 else f" {number}"
    units = allowed.encode("utf-16-le")[: 2 * (_LONGEST_NAME - len(more))]
    return units.decode("utf-16-le", "ignore") + more


class Sheet:
    """A sheet that is being written, with a bold head that stays in view."""

    def __init__(self, book: Any, name: str, columns: list[Column], head: Any) -> None:
        self.sheet = book.add_worksheet(sheet_name(name, len(book.worksheets()) + 1))
        self.sheet.freeze_panes(1, 0)
        self._widths = [max(_NARROWEST, len(each.name) + _BUTTON) for each in columns]
        self._rows = 0
        for place, column in enumerate(columns):
            self.sheet.write_string(0, place, column.name, head)

    def measure(self, row: tuple[Any, ...]) -> None:
        """Note how wide a row is, if it is among the first."""
        self._rows += 1
        if self._rows > _MEASURED:
            return
        for place, value in enumerate(row):
            if value is not None:
                width = _WIDTHS.get(type(value)) or len(str(value)) + 1
                self._widths[place] = max(self._widths[place], min(width, _WIDEST))

    def finish(self) -> None:
        """Set the widths and the filter, which are written at the end."""
        if not self._widths:
            return
        for place, width in enumerate(self._widths):
            self.sheet.set_column(place, place, width)
        self.sheet.autofilter(0, 0, max(1, self._rows), len(self._widths) - 1)
