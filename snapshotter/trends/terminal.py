"""Shows a trend to people: a table that fits the terminal, and its sparklines."""

from typing import TextIO

from rich import box
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from snapshotter.printable import printable, web_page
from snapshotter.trends.cells import cell, head, is_job_id, is_number
from snapshotter.trends.fitting import Column, fitted
from snapshotter.trends.layout import WRAPPED, Place, arranged
from snapshotter.trends.sparklines import sparklines
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
    console.print(_table(kept, view))
    shown = {each.index for each in kept}
    left_out = [each.name for each in columns if each.index not in shown]
    if left_out:
        names = ", ".join(map(printable, left_out))
        console.print(Text(f"too narrow for {names}; --format csv has all"))
    for line in sparklines(result, console.width):
        console.print(Text(line), no_wrap=True, overflow="crop")


def _column(place: Place, result: Result) -> Column:
    name = result.columns[place.index]
    values = [row[place.index] for row in result.rows]
    is_text = any(type(value) is str for value in values)
    cells = [cell(name, value) for value in values]
    if is_text and name in WRAPPED:
        cells = [_shortened(str(value or "")) for value in values]
    elif name == "package_name" and "package_id" in result.columns:
        ids = [row[result.columns.index("package_id")] for row in result.rows]
        cells = [
            f"package {package_id}" if value is None and package_id is not None else shown
            for value, package_id, shown in zip(values, ids, cells, strict=True)
        ]
    return Column(place.index, name, head(name), cells, place.rank, is_text)


def _shortened(words: str) -> str:
    text = printable(" ".join(words.split()))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _table(columns: list[Column], view: View) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column in columns:
        wraps = column.is_text and column.name in WRAPPED
        values = [row[column.index] for row in view.result.rows]
        is_right = all(value is None or is_number(value) for value in values)
        table.add_column(
            Text(column.head),
            justify="right" if is_right else "left",
            width=column.width,
            overflow="fold" if wraps else "ellipsis",
            no_wrap=not wraps,
            vertical="top",
        )
    cells = [_linked(column, view) for column in columns]
    for row in zip(*cells, strict=True):
        table.add_row(*row)
    return table


def _linked(column: Column, view: View) -> list[Text]:
    """Return a column's cells; ids of jobs are links to their pages, if those are known."""
    if not is_job_id(column.name) or not view.links:
        return [Text(shown) for shown in column.cells]
    urls = [web_page(view.links.get(row[column.index])) for row in view.result.rows]
    return [
        Text(shown, Style(link=url) if url else "")
        for shown, url in zip(column.cells, urls, strict=True)
    ]
