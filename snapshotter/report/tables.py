"""The sections of the report as HTML. Each text that comes from elsewhere is escaped."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from html import escape
from typing import Any

from snapshotter.report.answers import TRENDS
from snapshotter.report.rows import Names, Row, Trends
from snapshotter.report.sections import Column, Kind, Section, TableOf
from snapshotter.report.words import share
from snapshotter.times import duration

MAX_ROWS = 200  # of one table: the file has to fit into a mail


def section(of: Section, trends: Trends, names: Names) -> Iterator[str]:
    """Yield a section as HTML: its text, its charts and its tables."""
    yield f'<section id="{of.anchor}" aria-labelledby="h-{of.anchor}">'
    yield f'<h2 id="h-{of.anchor}">{escape(of.title)}</h2><p class="lead">{escape(of.lead)}</p>'
    for chart in of.charts:
        yield (
            f"<figure><figcaption>{escape(chart.title)} <small>{escape(chart.hint)}</small>"
            f'</figcaption><div class="plot" data-chart="{chart.key}" role="img" '
            f'aria-label="{escape(chart.title)}; the numbers are in the tables below">'
            "</div></figure>"
        )
    for table in of.tables:
        yield from _table(table, list(trends.get(table.trend, ())), names)
    yield "</section>"


def _table(of: TableOf, rows: Sequence[Row], names: Names) -> Iterator[str]:
    if not rows:
        yield f'<p class="empty">{escape(of.caption)}: none in these days.</p>'
        return
    rows = _ordered(of, rows)
    shown = rows[:MAX_ROWS]
    name = f"t-{of.trend}"
    series = f' data-series="{of.series}"' if of.series else ""
    note = _note(of, len(shown), len(rows))
    yield f'<details open data-rows="{len(shown)}"><summary>{escape(of.caption)}</summary>'
    yield f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{name}"><table{series}>'
    yield f'<caption id="{name}"><span>{escape(of.caption)}</span> <small>{escape(note)}</small>'
    yield "</caption><thead><tr>"
    if of.by_package:
        yield '<th scope="col">Package</th>'
    for column in of.columns:
        yield f'<th scope="col"{_class(column)}>{escape(column.head)}</th>'
    yield "</tr></thead><tbody>"
    for row in shown:
        yield from _row(of, row, names)
    width = len(of.columns) + of.by_package
    yield f'</tbody><tfoot><tr><td colspan="{width}">'
    yield f"… on paper, the first 40 of {len(shown)} rows</td></tr></tfoot>"
    yield "</table></div></details>"


def _ordered(of: TableOf, rows: Sequence[Row]) -> Sequence[Row]:
    if of.newest:
        rows = sorted(rows, key=_when, reverse=True)
    if of.flag:
        rows = sorted(rows, key=lambda row: not row[of.flag or ""])
    return rows


def _note(of: TableOf, shown: int, rows: int) -> str:
    if shown == rows:
        return ""
    which = "newest" if of.newest else "first"
    note = f"the {which} {shown:,} of {rows:,} rows"
    return f"{note}; all: snapshotter export {of.trend} -o FILE" if of.trend in TRENDS else note


def _row(of: TableOf, row: Row, names: Names) -> Iterator[str]:
    flag = ' class="flag"' if of.flag and row[of.flag] else ""
    if of.by_package:
        package = row["package_id"]
        yield (
            f'<tr data-package="{"none" if package is None else package}"{flag}>'
            f'<th scope="row">{escape(names[package])}</th>'
        )
    else:
        yield f"<tr{flag}>"
    yield "".join(f"<td{_class(c)}>{cell(c.kind, row[c.name])}</td>" for c in of.columns)
    yield "</tr>"


def _when(row: Row) -> tuple[bool, str, int]:
    for name in ("day", "week", "changed_at", "started_at"):
        if name in row:
            at = row[name]
            return at is not None, "" if at is None else at.isoformat(), row.get("hour") or 0
    return False, "", 0


def _class(column: Column) -> str:
    classes = {"words": "words", "yes": "yes", "day": "at", "time": "at"}
    return f' class="{classes.get(column.kind, "number")}"'


def cell(kind: Kind, value: Any) -> str:  # noqa: PLR0911 - a line a kind
    """Return a value as people read it, with the exact value in an attribute if it differs."""
    if value is None:
        return "\N{EN DASH}"
    match kind:
        case "words":
            return escape(str(value))
        case "yes":
            return "yes" if value else "no"
        case "id":
            return str(value)
        case "day":
            return _dated(value, "%Y-%m-%d")
        case "time":
            return _dated(value, "%Y-%m-%d %H:%M")
        case _:
            return f'<data value="{value}">{_number(kind, value)}</data>'


def _number(kind: Kind, value: float) -> str:
    match kind:
        case "seconds":
            return duration(value)
        case "share":
            return share(value)
        case "times":
            return f"{value:.2f} \N{MULTIPLICATION SIGN}"
        case "decimal":
            return f"{value:,.1f}"
        case _:
            return f"{value:,}"


def _dated(at: date | datetime, form: str) -> str:
    return f'<time datetime="{at.isoformat()}">{at.strftime(form)}</time>'
