from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from snapshotter.report.sections import Column, Kind, Section, TableOf
from snapshotter.report.tables import MAX_ROWS, cell, section

ORDERS = {"package_id": 434, "package_name": "orders"}


def html(table: TableOf, *rows: dict[str, Any]) -> str:
    """Return a section that has only this table."""
    of = Section(anchor="slower", title="T", short="S", lead="L", charts=(), tables=(table,))
    return "\n".join(section(of, {table.trend: rows}, {434: "a < b"}))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("words", "<b>", "&lt;b&gt;"),
        ("words", None, "\N{EN DASH}"),
        ("yes", 1, "yes"),
        ("yes", 0, "no"),
        ("id", 12345, "12345"),
        ("number", 12345, '<data value="12345">12,345</data>'),
        ("decimal", 1.25, '<data value="1.25">1.2</data>'),
        ("times", 2.0, '<data value="2.0">2.00 \N{MULTIPLICATION SIGN}</data>'),
        ("share", 0.054, '<data value="0.054">5.4 %</data>'),
        ("seconds", 61, '<data value="61">1 min 1 s</data>'),
        ("day", date(2026, 1, 7), '<time datetime="2026-01-07">2026-01-07</time>'),
        (
            "time",
            datetime(2026, 1, 7, 3, tzinfo=UTC),
            '<time datetime="2026-01-07T03:00:00+00:00">2026-01-07 03:00</time>',
        ),
    ],
)
def test_a_value_by_its_kind(kind: Kind, value: Any, expected: str) -> None:
    assert cell(kind, value) == expected


def test_names_are_escaped_and_the_flagged_rows_come_first() -> None:
    table = TableOf("recovery", "Runs", (Column("runs", "Runs"),), flag="bad")
    found = html(table, {**ORDERS, "runs": 1, "bad": 0}, {**ORDERS, "runs": 2, "bad": 1})
    assert found.index('value="2"') < found.index('value="1"')
    assert found.count('<tr data-package="434" class="flag">') == 1
    assert found.count('<th scope="row">a &lt; b</th>') == 2


def test_no_rows() -> None:
    assert '<p class="empty">Runs: none in these days.</p>' in html(TableOf("recovery", "Runs", ()))


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("runtime_by_day", "the newest 200 of 201 rows; all: snapshotter export runtime_by_day -o"),
        ("reasons", "the newest 200 of 201 rows</small>"),  # not a trend: it cannot be exported
    ],
)
def test_a_long_table_has_its_newest_rows(name: str, note: str) -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(MAX_ROWS + 1)]
    table = TableOf(name, "Days", (Column("day", "Day", "day"),), newest=True)
    found = html(table, *({**ORDERS, "day": each} for each in days))
    assert note in found
    assert "2026-01-01" not in found
    assert found.index("2026-07-20") < found.index("2026-01-02")
