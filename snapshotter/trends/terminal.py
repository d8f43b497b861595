"""Shows a trend to people: a table that fits the terminal, and its sparklines."""

from collections.abc import Callable
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from snapshotter.printable import printable, web_page
from snapshotter.trends.cells import cell, head, is_job_id, is_number
from snapshotter.trends.fitting import Column, fitted
from snapshotter.trends.layout import WRAPPED, Place, arranged
from snapshotter.trends.lines import Shown, print_table
from snapshotter.trends.sparklines import Series
from snapshotter.trends.values import Result
from snapshotter.trends.view import NO_ROWS, View

WIDTH = 110  # columns, without a terminal
_LONGEST = 300  # characters of a text that is wrapped


def show(view: View, file: TextIO, width: int | None = None) -> None:
    """Print a table that fits the width (by default the terminal's), and its sparklines."""
    console = Console(file=file, width=width, highlight=False, emoji=False)
    if not console.is_terminal and width is None:
        console = Console(file=file, width=WIDTH, highlight=False, emoji=False)
    result = view.result
    if not result.rows:
        console.print(NO_ROWS)
        return
    places = arranged(view.trend, result, several_accounts=view.several_accounts)
    columns = [_column(place, result) for place in places]
    kept = fitted(columns, console.width)
    print_table(console, [_shown(column, view) for column in kept], result.rows)
    shown = {each.index for each in kept}
    left_out = [each.name for each in columns if each.index not in shown]
    if left_out:
        names = ", ".join(map(printable, left_out))
        console.print(Text(f"too narrow for {names}; --format csv has all"))
    if view.more:
        console.print(Text(f"… {view.more:,} more rows; --limit 0 shows all"))
    series = view.series or Series(result.columns)
    if view.series is None:
        series.add(result.rows)
    for line in series.lines(console.width):
        console.print(Text(line), no_wrap=True, overflow="crop")


def _column(place: Place, result: Result) -> Column:
    name = result.columns[place.index]
    is_text = any(type(row[place.index]) is str for row in result.rows)
    text = _cells(place.index, result.columns, wraps=is_text and name in WRAPPED)
    widest = max(cell_len(text(row)) for row in result.rows)
    return Column(place.index, name, head(name), widest, place.rank, is_text)


def _cells(index: int, columns: list[str], *, wraps: bool) -> Callable[[tuple[Any, ...]], str]:
    """Return what makes the cell of a row."""
    name = columns[index]
    if wraps:
        return lambda row: _shortened(str(row[index] or ""))
    if name == "package_name" and "package_id" in columns:
        package = columns.index("package_id")
        return lambda row: (
            f"package {row[package]}"
            if row[index] is None and row[package] is not None
            else cell(name, row[index])
        )
    return lambda row: cell(name, row[index])


def _shortened(words: str) -> str:
    text = printable(" ".join(words.split()))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _shown(column: Column, view: View) -> Shown:
    values = (row[column.index] for row in view.result.rows)
    wraps = column.is_text and column.name in WRAPPED
    return Shown(
        head=column.head,
        width=column.width,
        is_right=all(value is None or is_number(value) for value in values),
        wraps=wraps,
        cell=_cells(column.index, view.result.columns, wraps=wraps),
        link=_link(column, view),
    )


def _link(column: Column, view: View) -> Callable[[tuple[Any, ...]], str | None] | None:
    """Return what finds the page of a row's job, if these pages are known."""
    if not is_job_id(column.name) or not view.links:
        return None
    return lambda row: web_page(view.links.get(row[column.index]))
