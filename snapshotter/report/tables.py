"""The tables of the report: their rows as cells of text, which templates escape."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from snapshotter.report.answers import TRENDS, Answers
from snapshotter.report.links import job_page, package_page
from snapshotter.report.packages import accounts_of, shown_names
from snapshotter.report.rows import Key, Row, key_of
from snapshotter.report.sections import Column, Kind, TableOf
from snapshotter.report.words import share
from snapshotter.times import duration

MAX_ROWS = 200  # of one table: the file has to fit into a mail
MAX_OPEN_ROWS = 12  # a longer table is folded at first
_CLASSES: Mapping[Kind, str] = {"words": "words", "yes": "yes", "day": "at", "time": "at"}


@dataclass(frozen=True)
class Cell:
    """`text` is for people; `value`, if that differs, and `at`, of a time, are exact."""

    text: str
    value: float | None = None
    at: str | None = None
    url: str | None = None
    style: str = "number"


@dataclass(frozen=True)
class TableRow:
    """`package` and `account` are what the page's filters compare, None if they do not apply."""

    cells: list[Cell]
    package: str | None
    account: str | None
    head: Cell | None
    flag: bool


@dataclass(frozen=True)
class Table:
    of: TableOf
    rows: list[TableRow]
    heads: list[tuple[str, str]]  # text and style
    note: str

    @property
    def is_open(self) -> bool:
        return len(self.rows) <= MAX_OPEN_ROWS


class Tables:
    """Makes tables of answers. Rows have an account's column if there is more than one account."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._names = shown_names(answers.trends)
        self._has_accounts = len(accounts_of(answers.trends)) > 1

    def table(self, of: TableOf) -> Table:
        rows = _ordered(of, list(self._answers.trends.get(of.trend, ())))
        shown = rows[:MAX_ROWS]
        columns = list(self._columns(of, rows))
        heads = [("Package", "")] if of.by_package else []
        heads += [(column.head, style(column.kind)) for column in columns]
        made = [self._row(of, columns, row) for row in shown]
        return Table(of, made, heads, _note(of, len(shown), len(rows)))

    def _columns(self, of: TableOf, rows: Sequence[Row]) -> Iterator[Column]:
        if self._has_accounts and all(column.name != "account_id" for column in of.columns):
            yield Column("account_id", "Account", "words")
        for column in of.columns:
            if column.if_any and all(row.get(column.name) is None for row in rows):
                continue
            if column.name != "account_id" or self._has_accounts:
                yield column

    def _row(self, of: TableOf, columns: Sequence[Column], row: Row) -> TableRow:
        cells = [self._cell(column.kind, row.get(column.name)) for column in columns]
        account = row.get("account_id") if self._has_accounts else None
        flag = bool(of.flag and row[of.flag])
        if not of.by_package:
            return TableRow(cells, None, account, None, flag)
        key = key_of(row)
        head = Cell(self._names[key], url=package_page(self._answers, key))
        return TableRow(cells, _package(key), account, head, flag)

    def _cell(self, kind: Kind, value: Any) -> Cell:
        if kind == "job" and value is not None:
            return Cell(str(value), url=job_page(self._answers, value))
        return cell(kind, value)


def _package(key: Key) -> str:
    return "none" if key[1] is None else str(key[1])


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


def _when(row: Row) -> tuple[bool, str, int]:
    for name in ("day", "week", "changed_at", "started_at"):
        if name in row:
            at = row[name]
            return at is not None, "" if at is None else at.isoformat(), row.get("hour") or 0
    return False, "", 0


def style(kind: Kind) -> str:
    return _CLASSES.get(kind, "number")


def cell(kind: Kind, value: Any) -> Cell:  # noqa: PLR0911 - a line a kind
    """Return a value as people read it, with the exact one if that differs."""
    if value is None:
        return Cell("\N{EN DASH}", style=style(kind))
    match kind:
        case "words":
            return Cell(str(value), style=style(kind))
        case "yes":
            return Cell("yes" if value else "no", style=style(kind))
        case "id" | "job":
            return Cell(str(value))
        case "day":
            return _dated(value, "%Y-%m-%d")
        case "time":
            return _dated(value, "%Y-%m-%d %H:%M")
        case _:
            return Cell(_number(kind, value), value=value)


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


def _dated(at: date | datetime, form: str) -> Cell:
    return Cell(at.strftime(form), at=at.isoformat(), style="at")
