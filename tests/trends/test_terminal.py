"""A trend for people: fitted to the width, with sparklines; no text controls the terminal."""

import io
import tracemalloc
from datetime import UTC, date, datetime, timedelta

import pytest

from snapshotter.trends.terminal import show
from snapshotter.trends.values import Result
from snapshotter.trends.view import SHOWN_ROWS, View, first_rows

DAYS = Result(
    ["package_id", "package_name", "day", "runs", "p50_seconds"],
    [
        (1, "orders", date(2026, 1, 6), 2, 1234.5),
        (2, "a name longer than there is room for", date(2026, 1, 5), 1, None),
        (1, "orders", date(2026, 1, 5), 1200, 10.0),
    ],
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(result: Result, width: int = 100, trend: str = "") -> str:
    file = io.StringIO()
    show(View(result, trend), file, width)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def test_a_table_and_its_sparklines() -> None:
    assert shown(DAYS, trend="runtime_by_day") == (
        "day         package_name                                  p50   runs  package_id\n"
        "────────────────────────────────────────────────────────────────────────────────\n"
        "2026-01-06  orders                                20 min 34 s      2           1\n"
        "2026-01-05  a name longer than there is room for                   1           2\n"
        "2026-01-05  orders                                       10 s  1,200           1\n"
        "\n"
        "p50 by day:\n"
        "orders  ▁█  10 s to 20 min 34 s"
    )


def test_names_are_cut_if_there_is_little_room_and_numbers_are_not() -> None:
    assert shown(DAYS, 60, "runtime_by_day").splitlines()[:7] == [
        "            package",
        "day         name                                  p50   runs",
        "────────────────────────────────────────────────────────────",
        "2026-01-06  orders                        20 min 34 s      2",
        "2026-01-05  a name longer than there is…                   1",
        "2026-01-05  orders                               10 s  1,200",
        "too narrow for package_id; --format csv has all",
    ]


def test_a_users_own_trend_keeps_its_order() -> None:
    result = Result(["b", "runs", "a", "error"], [("x", 1, 2, "it broke")])
    assert shown(result).splitlines() == [
        "b  runs  a  error",
        "────────────────────",
        "x     1  2  it broke",
    ]
    assert "too narrow for a; --format" in " ".join(shown(result, 19).splitlines())


def test_no_rows_print_a_message() -> None:
    assert shown(Result(["a"], [])).startswith("no rows")


def test_a_column_twice_is_shown_twice() -> None:
    assert shown(Result(["a", "a"], [(1, 2)])).splitlines()[-1].split() == ["1", "2"]


def test_an_error_is_wrapped_and_not_cut() -> None:
    error = "GET https://api.xplenty.com/acme/api/jobs: no connection\n(refused)"
    at = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
    result = Result(["started_at", "status", "error"], [(at, "failed", error)])
    lines = shown(result, 60, "snapshot_log").split("─\n")[1].splitlines()
    assert len(lines) > 1
    assert "".join(line[26:] for line in lines).replace(" ", "") == "".join(error.split())
    lines = shown(Result(["error"], [("x" * 400,)]), 80).splitlines()[2:]
    assert "".join(lines) == "x" * 300 + "…"


def test_a_package_without_a_name_has_its_id() -> None:
    result = Result(["package_id", "package_name", "day"], [(7, None, None), (None, None, None)])
    lines = shown(result, 100, "runtime_by_day").splitlines()
    assert lines[2].split() == ["package", "7", "7"]


@pytest.mark.parametrize("words", ["\x1b[2J", "a\rb", "a\nb", "\x07", "\x9b31m", "\u202eb\u2028"])
@pytest.mark.parametrize("column", ["package_name", "error", "of a user"])
def test_text_does_not_control_the_terminal(words: str, column: str) -> None:
    text = shown(Result([column, words], [(words, 1)]))
    assert words not in text
    assert all(line.isprintable() for line in text.split("\n"))
    assert "[red]" in shown(Result([column], [("[red]x[/red]",)]))


def test_ids_of_jobs_are_links_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    result = Result(["last_job_id", "runs"], [(7, 7), (8, 1), (None, 1)])
    urls = {7: "https://dashboard.xplenty.com/jobs/7", 8: "https://x\x1b\\\x07"}

    def printed(file: io.StringIO, term: str) -> str:
        monkeypatch.setenv("TERM", term)
        show(View(result, links=urls), file)
        return file.getvalue()

    text = printed(Terminal(), "xterm-256color")
    assert text.count(";https://dashboard.xplenty.com/jobs/7\x1b\\") == 1
    assert "https://x" not in text
    assert "\x1b" not in printed(io.StringIO(), "xterm-256color")
    assert "dashboard" not in printed(Terminal(), "dumb")


def test_the_first_rows_are_shown_with_the_sparklines_of_all() -> None:
    days = [(date(2026, 1, 1) + timedelta(days=n), n) for n in range(250, -1, -1)]
    view = first_rows(["day", "peak"], [days[:90], days[90:180], days[180:]], "concurrency")
    file = io.StringIO()
    show(view, file, 80)
    lines = file.getvalue().splitlines()
    assert [line.split()[0] for line in lines[2:102]] == [f"{day}" for day, _ in days[:SHOWN_ROWS]]
    assert lines[102] == "… 151 more rows; --limit 0 shows all"
    assert lines[-1].endswith("  0 to 250")
    file = io.StringIO()
    show(first_rows(["day", "peak"], [days[:SHOWN_ROWS]], "concurrency"), file, 80)
    assert "more rows" not in file.getvalue()


def test_memory_does_not_grow_with_the_rows_that_are_not_shown() -> None:
    def peak(days: int) -> int:
        batches = (
            [(package, f"p{package}", date(2026, 1, 1), day / 7) for package in range(500)]
            for day in range(days)
        )
        columns = ["package_id", "package_name", "day", "p50_seconds"]
        tracemalloc.start()
        try:
            show(first_rows(columns, batches, "runtime_by_day"), io.StringIO(), 80)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    assert peak(40) < 3 * peak(4)
