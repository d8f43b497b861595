"""A trend for people: fitted to the width, with sparklines; no text controls the terminal."""

import io
from datetime import UTC, date, datetime

import pytest

from snapshotter.printable import printable
from snapshotter.trends.terminal import show, sparkline, sparklines, write_markdown
from snapshotter.trends.values import Result

DAYS = Result(
    ["package_id", "package_name", "day", "runs", "p50_seconds"],
    [
        (1, "orders", date(2026, 1, 5), 1200, 10.0),
        (1, "orders", date(2026, 1, 6), 2, 1234.5),
        (2, "a name longer than there is room for", date(2026, 1, 5), 1, None),
    ],
)


def shown(answer: Result, width: int = 100) -> str:
    file = io.StringIO()
    show(answer, file, width)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def test_a_table_and_its_sparklines() -> None:
    assert shown(DAYS) == (
        "package_id   package_name                           day           runs   p50_seconds\n"
        "────────────────────────────────────────────────────────────────────────────────────\n"
        "         1   orders                                 2026-01-05   1,200            10\n"
        "         1   orders                                 2026-01-06       2       1,234.5\n"
        "         2   a name longer than there is room for   2026-01-05       1\n"
        "\n"
        "p50_seconds by day:\n"
        "orders  ▁█  10 to 1,234.5"
    )


def test_names_are_cut_if_there_is_little_room_and_numbers_are_not() -> None:
    assert shown(DAYS, 60).splitlines()[:6] == [
        "package   package                                        p50",
        "     id   name                  day           runs   seconds",
        "────────────────────────────────────────────────────────────",
        "      1   orders                2026-01-05   1,200        10",
        "      1   orders                2026-01-06       2   1,234.5",
        "      2   a name longer than…   2026-01-05       1",
    ]


def test_no_rows_print_a_message() -> None:
    assert shown(Result(["a"], [])).startswith("no rows")


def test_times_and_ids_and_fractions() -> None:
    at = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
    answer = Result(["job_id", "since", "share", "stuck"], [(1234567, at, 0.123456, None)])
    assert shown(answer).splitlines()[-1].split() == ["1234567", "2026-01-05", "01:02", "0.123"]


@pytest.mark.parametrize("words", ["\x1b[2J", "a\rb", "a\nb", "\x07", "\x9b31m"])
def test_text_does_not_control_the_terminal(words: str) -> None:
    assert printable(words).isprintable()
    assert words not in shown(Result(["package_name"], [(words,)]))
    assert "[red]" in shown(Result(["package_name"], [("[red]x[/red]",)]))


def test_a_sparkline_fits_its_room() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 7, 7], 2) == "▁█"
    assert sparkline([0, 0], 8) == "▁▁"
    (_, title, line) = sparklines(Result(["day", "peak"], [(n, n) for n in range(500)]), 40)
    assert title == "peak by day:"
    assert len(line) <= 40


def test_many_series_are_cut_short() -> None:
    rows = [(n, f"p{n}", day, 1) for n in range(20) for day in (1, 2)]
    lines = sparklines(Result(["package_id", "package_name", "week", "records"], rows), 80)
    assert len(lines) == 2 + 12 + 1
    assert lines[-1] == "and 8 more series; --package shows one"


def test_markdown_stays_a_table() -> None:
    file = io.StringIO()
    write_markdown(Result(["reason", "day"], [("a|b\n`c`", date(2026, 1, 5)), (None, None)]), file)
    assert file.getvalue() == (
        "| reason | day |\n| --- | --- |\n| a\\|b \\`c\\` | 2026-01-05 |\n|  |  |\n"
    )
