"""Shows a trend to people: as a table with sparklines, or as Markdown."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from math import isfinite
from types import NoneType
from typing import Any, Literal, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from snapshotter.printable import printable
from snapshotter.times import stamp
from snapshotter.trends.values import Result

NO_ROWS = "no rows: nothing of that kind has happened, or nothing has been synced yet"
WIDTH = 110  # columns, without a terminal
_SHORTEST = 12  # characters that are left of a text when it is cut
_BARS = "▁▂▃▄▅▆▇█"
# What the sparkline of a series shows: the first of these columns that a trend has.
_MEASURES = (
    *("p50_seconds", "failure_rate", "records", "seconds_per_million", "node_hours", "peak"),
    "jobs_seen",
)
_MOMENTS = ("day", "week", "started_at")
_SERIES = ("package_name", "output_name", "cluster_name")
_KEYS = ("package_id", "cluster_id")
_SHOWN = 12  # series


def show(result: Result, file: TextIO, width: int | None = None) -> None:
    """Print a table that fits the width (by default the terminal's), and its sparklines."""
    console = Console(file=file, width=width, highlight=False, emoji=False)
    if not console.is_terminal and width is None:
        console = Console(file=file, width=WIDTH, highlight=False, emoji=False)
    if not result.rows:
        console.print(NO_ROWS)
        return
    cells = [
        [_cell(*each) for each in zip(result.columns, row, strict=True)] for row in result.rows
    ]
    kinds = [
        {type(value) for value in values} - {NoneType} for values in zip(*result.rows, strict=True)
    ]
    heads, widths = _fitted([*map(printable, result.columns)], cells, kinds, console.width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for head, width_, kind in zip(heads, widths, kinds, strict=False):
        justify: Literal["left", "right"] = "right" if kind <= {int, float} else "left"
        table.add_column(
            Text(head), justify=justify, width=width_, overflow="ellipsis", no_wrap=True,
            vertical="bottom",
        )  # fmt: skip
    for row in cells:
        table.add_row(*map(Text, row[: len(heads)]))
    console.print(table)
    left_out = [*map(printable, result.columns[len(heads) :])]
    if left_out:
        console.print(Text(f"too narrow for {', '.join(left_out)}; --format csv has all"))
    for line in sparklines(result, console.width):
        console.print(Text(line), no_wrap=True, overflow="crop")


def _fitted(
    columns: list[str], cells: list[list[str]], kinds: list[set[type]], room: int
) -> tuple[list[str], list[int]]:
    """Return the heads and widths of the first columns, as many as fit.

    If there is little room, heads are broken, then texts are cut; numbers never are, as a part of
    one would be a wrong number.
    """
    heads = list(columns)
    texts = [max(map(len, column)) for column in zip(*cells, strict=True)]

    widths = [max(_width(head), text) for head, text in zip(heads, texts, strict=True)]
    if _total(widths) > room:
        heads = [head.replace("_", "\n") for head in heads]
        widths = [max(_width(head), text) for head, text in zip(heads, texts, strict=True)]
    cut = [i for i, kind in enumerate(kinds) if kind == {str}]
    while _total(widths) > room:
        widest = max(cut, key=widths.__getitem__, default=0)
        if not cut or widths[widest] <= max(_SHORTEST, _width(heads[widest])):
            break
        widths[widest] -= 1
    while _total(widths) > room and len(widths) > 1:
        heads.pop()
        widths.pop()
    return heads, widths


def _width(head: str) -> int:
    return max(map(len, head.split("\n")))


def _total(widths: list[int]) -> int:
    """Return the width of a table whose columns have these widths, with the gaps between them."""
    return sum(widths) + 3 * (len(widths) - 1)


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, int) and not column.endswith("id"):
        return f"{value:,}"
    return printable(str(value))


def sparklines(result: Result, width: int) -> list[str]:
    """Return a line for each series over time: its name, its sparkline, first and last value."""
    columns = result.columns
    measure = next((name for name in _MEASURES if name in columns), None)
    moment = next((name for name in _MOMENTS if name in columns), None)
    if measure is None or moment is None:
        return []
    named = [columns.index(name) for name in _SERIES if name in columns]
    keyed = [columns.index(name) for name in _KEYS if name in columns]
    series: dict[tuple[Any, ...], list[float]] = {}
    for row in result.rows:
        value = row[columns.index(measure)]
        if isinstance(value, int | float) and isfinite(value):
            series.setdefault(tuple(row[i] for i in (*keyed, *named)), []).append(value)
    long = [(key, values) for key, values in series.items() if len(values) > 1]
    if not long:
        return []
    labels = [
        printable("/".join(str(part) for part in key[len(keyed) :] if part is not None))[:32]
        for key, _ in long
    ]
    room = max(map(len, labels[:_SHOWN]))
    lines = ["", f"{measure} by {moment}:"]
    for label, (_, values) in zip(labels[:_SHOWN], long, strict=False):
        ends = f"{_cell(measure, values[0])} to {_cell(measure, values[-1])}"
        bars = sparkline(values, max(8, width - room - len(ends) - 4))
        lines.append(f"{label:{room}}  {bars}  {ends}".lstrip())
    if len(long) > _SHOWN:
        lines.append(f"and {len(long) - _SHOWN:,} more series; --package shows one")
    return lines


def sparkline(values: Sequence[float], width: int) -> str:
    """Return bars from zero to the greatest value; if there is little room, each is a mean."""
    if len(values) > width:
        edges = [i * len(values) // width for i in range(width + 1)]
        parts = [values[a:b] for a, b in pairwise(edges)]
        values = [sum(part) / len(part) for part in parts]
    top = max(values)
    last = len(_BARS) - 1
    return "".join(_BARS[round(last * max(0, v) / top) if top > 0 else 0] for v in values)


def write_markdown(result: Result, file: TextIO) -> None:
    """Write a table in Markdown, as GitHub and others show it."""
    file.write("| " + " | ".join(map(_escaped, result.columns)) + " |\n")
    file.write("|" + " --- |" * len(result.columns) + "\n")
    for row in result.rows:
        cells = ["" if value is None else _escaped(_as_text(value)) for value in row]
        file.write("| " + " | ".join(cells) + " |\n")


def _as_text(value: Any) -> str:
    return stamp(value) if isinstance(value, datetime) else str(value)


def _escaped(words: str) -> str:
    shown = printable(" ".join(words.split()))
    for special in ("\\", "|", "`", "*", "<", "[", "]"):
        shown = shown.replace(special, "\\" + special)
    return shown
