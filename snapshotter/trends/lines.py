"""Prints the lines of a table whose columns have their widths."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from snapshotter.trends.fitting import GAP, total

Row = tuple[Any, ...]
_AT_ONCE = 500  # rows that are written at once


@dataclass(frozen=True)
class Shown:
    """A column as it is printed; `cell` makes the text of a row, `link` finds what it links to."""

    head: str
    width: int
    is_right: bool
    wraps: bool
    cell: Callable[[Row], str]
    link: Callable[[Row], str | None] | None = None

    def text(self, row: Row) -> str:
        """Return a row's cell without space at its end, of which rich keeps some."""
        return self.cell(row).rstrip()


def print_table(console: Console, columns: Sequence[Shown], rows: Iterable[Row]) -> None:
    """Print the heads and the rows.

    Rich lays a row out in a third of a millisecond, longer than most queries take for it. So it
    prints the heads and the rows that need it: with links, text on several lines, or too wide.
    """
    needs_rich = total(column.width for column in columns) > console.width or any(
        column.link for column in columns
    )
    if needs_rich:
        console.print(_table(columns, rows))
        return
    console.print(_table(columns, ()))
    lines: list[str] = []
    for row in rows:
        line = _line(columns, row)
        if line is None:
            _write(console, lines)
            console.print(_table(columns, [row], show_header=False))
            continue
        lines.append(line)
        if len(lines) >= _AT_ONCE:
            _write(console, lines)
    _write(console, lines)


def _write(console: Console, lines: list[str]) -> None:
    console.file.write("".join(lines))
    lines.clear()


def _line(columns: Sequence[Shown], row: Row) -> str | None:
    """Return a row's line; None if it needs more than one."""
    cells = []
    for column in columns:
        text, width = column.text(row), column.width
        space = width - (len(text) if text.isascii() else cell_len(text))
        if space < 0:
            if column.wraps:
                return None
            text, space = set_cell_size(text, width - 1) + "…", 0
        cells.append(" " * space + text if column.is_right else text + " " * space)
    return (" " * GAP).join(cells) + "\n"


def _table(columns: Sequence[Shown], rows: Iterable[Row], *, show_header: bool = True) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
        show_header=show_header,
    )
    for column in columns:
        table.add_column(
            Text(column.head),
            justify="right" if column.is_right else "left",
            width=column.width,
            overflow="fold" if column.wraps else "ellipsis",
            no_wrap=not column.wraps,
            vertical="top",
        )
    for row in rows:
        table.add_row(*(_text(column, row) for column in columns))
    return table


def _text(column: Shown, row: Row) -> Text:
    url = column.link(row) if column.link else None
    return Text(column.text(row), Style(link=url) if url else "")
