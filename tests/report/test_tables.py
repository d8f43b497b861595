from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from snapshotter.report.answers import Answers
from snapshotter.report.rendering import render
from snapshotter.report.sections import Column, Kind, TableOf
from snapshotter.report.tables import MAX_OPEN_ROWS, MAX_ROWS, Cell, Tables, cell

ORDERS = {"account_id": "acme", "package_id": 434, "package_name": "a < b"}


def html(table: TableOf, *rows: dict[str, Any], **given: Any) -> str:
    """Return the table as a page has it."""
    trends = {table.trend: list(rows)}
    answers = Answers([], (date(2026, 1, 1), date(2026, 1, 31)), None, trends, **given)
    return render("table.html.j2", of=table, table=Tables(answers).table(table))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("words", "<b>", Cell("<b>", style="words")),
        ("words", None, Cell("\N{EN DASH}", style="words")),
        ("yes", 1, Cell("yes", style="yes")),
        ("yes", 0, Cell("no", style="yes")),
        ("id", 12345, Cell("12345")),
        ("number", 12345, Cell("12,345", value=12345)),
        ("decimal", 1.25, Cell("1.2", value=1.25)),
        ("times", 2.0, Cell("2.00 \N{MULTIPLICATION SIGN}", value=2.0)),
        ("share", 0.054, Cell("5.4 %", value=0.054)),
        ("seconds", 61, Cell("1 min 1 s", value=61)),
        ("day", date(2026, 1, 7), Cell("2026-01-07", at="2026-01-07", style="at")),
        (
            "time",
            datetime(2026, 1, 7, 3, tzinfo=UTC),
            Cell("2026-01-07 03:00", at="2026-01-07T03:00:00+00:00", style="at"),
        ),
    ],
)
def test_a_value_by_its_kind(kind: Kind, value: Any, expected: Cell) -> None:
    assert cell(kind, value) == expected


def test_exact_values_are_in_attributes() -> None:
    columns = (Column("at", "At", "day"), Column("runs", "Runs"), Column("name", "Name", "words"))
    table = TableOf("recovery", "Runs", columns, by_package=False)
    found = html(table, {"at": date(2026, 1, 7), "runs": 1_234, "name": "<i>"})
    assert '<td class="at"><time datetime="2026-01-07">2026-01-07</time></td>' in found
    assert '<td class="number"><data value="1234">1,234</data></td>' in found
    assert '<td class="words">&lt;i&gt;</td>' in found


def test_names_are_escaped_and_the_flagged_rows_come_first() -> None:
    table = TableOf("recovery", "Runs", (Column("runs", "Runs"),), flag="bad")
    found = html(table, {**ORDERS, "runs": 1, "bad": 0}, {**ORDERS, "runs": 2, "bad": 1})
    assert found.index('value="2"') < found.index('value="1"')
    assert found.count('<tr data-package="434" class="flag">') == 1
    assert found.count('<th scope="row">a &lt; b</th>') == 2


def test_a_column_that_no_row_has_a_value_of_may_be_left_out() -> None:
    columns = (Column("runs", "Runs"), Column("summary", "In short", "words", if_any=True))
    table = TableOf("recovery", "Runs", columns, by_package=False)
    assert "In short" not in html(table, {"runs": 1, "summary": None}, {"runs": 2})
    found = html(table, {"runs": 1, "summary": None}, {"runs": 2, "summary": "<b>"})
    assert "In short" in found
    assert '<td class="words">&lt;b&gt;</td>' in found


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


JOBS = TableOf("open_jobs", "Jobs", (Column("job_id", "Job", "job"),))


def test_jobs_and_packages_link_to_their_pages() -> None:
    pages = {
        "urls": {7: "https://example.org/7?a=1&b"},
        "package_urls": {("acme", 434): "https://p"},
    }
    found = html(JOBS, {**ORDERS, "job_id": 7}, {**ORDERS, "job_id": 8}, **pages)
    page = 'href="https://example.org/7?a=1&amp;b" rel="noopener noreferrer"'
    assert f'<td class="number"><a {page}>7</a></td>' in found
    assert '<td class="number">8</td>' in found
    head = '<th scope="row"><a href="https://p" rel="noopener noreferrer">a &lt; b</a></th>'
    assert found.count(head) == 2


def test_rows_of_several_accounts_name_them() -> None:
    """Packages of the same name can be told apart, and the page's filter finds the rows."""
    beta = {**ORDERS, "account_id": "b<c", "package_id": 435}
    found = html(JOBS, {**ORDERS, "job_id": 7}, {**beta, "job_id": 8})
    assert '<tr data-package="434" data-account="acme">' in found
    assert '<th scope="row">a &lt; b (acme)</th><td class="words">acme</td>' in found
    assert '<tr data-package="435" data-account="b&lt;c">' in found
    assert '<th scope="row">a &lt; b (b&lt;c)</th><td class="words">b&lt;c</td>' in found
    assert '<th scope="col" class="words">Account</th>' in found
    alone = html(JOBS, {**ORDERS, "job_id": 7})
    assert "Account" not in alone
    assert "data-account" not in alone


@pytest.mark.parametrize("rows", [MAX_OPEN_ROWS, MAX_OPEN_ROWS + 1])
def test_a_long_table_is_folded(rows: int) -> None:
    found = html(JOBS, *({**ORDERS, "job_id": number} for number in range(rows)))
    assert ("<details open>" in found) == (rows == MAX_OPEN_ROWS)


def test_words_that_need_it_are_explained() -> None:
    explained = replace(JOBS, help="A job is a <run>.")
    assert '<p class="help">A job is a &lt;run&gt;.</p>' in html(explained, {**ORDERS, "job_id": 7})
    assert 'class="help"' not in html(JOBS, {**ORDERS, "job_id": 7})
