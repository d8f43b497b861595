"""Sparklines go from the oldest value to the newest, whatever the order of the rows."""

from datetime import date

from snapshotter.trends.sparklines import sparkline, sparklines
from snapshotter.trends.values import Result


def test_a_sparkline_fits_its_room() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 7, 7], 2) == "▁█"
    assert sparkline([0, 0], 8) == "▁▁"
    (_, title, line) = sparklines(Result(["day", "peak"], [(n, n) for n in range(500)]), 40)
    assert title == "peak by day:"
    assert len(line) <= 40


def test_the_newest_value_is_last() -> None:
    rows = [(date(2026, 1, 7), 3.0), (date(2026, 1, 6), None), (date(2026, 1, 5), 60.0)]
    (_, title, line) = sparklines(Result(["day", "p50_seconds"], rows), 80)
    assert (title, line) == ("p50 by day:", "█▁  1 min to 3 s")


def test_hours_of_a_day_are_in_order() -> None:
    day = date(2026, 1, 5)
    rows = [(day, 10, 1), (day, 9, 2), (day, 8, 4)]
    assert sparklines(Result(["day", "hour", "peak"], rows), 80)[-1] == "█▅▃  4 to 1"


def test_many_series_are_cut_short() -> None:
    rows = [(n, f"p{n}", day, 1) for n in range(20) for day in (1, 2)]
    lines = sparklines(Result(["package_id", "package_name", "week", "records"], rows), 80)
    assert len(lines) == 2 + 12 + 1
    assert lines[2].startswith("p0 ")
    assert lines[-1] == "and 8 more series; --package shows one"


def test_packages_of_two_accounts_are_two_series() -> None:
    columns = ["account_id", "package_id", "package_name", "day", "records"]
    rows = [(a, 1, "one", day, day) for a in ("acme", "beta") for day in (2, 1)]
    lines = sparklines(Result(columns, rows), 80)
    assert [line.split()[0] for line in lines[2:]] == ["acme/one", "beta/one"]
    assert sparklines(Result(columns, rows[:2]), 80)[2].split()[0] == "one"


def test_a_label_does_not_control_the_terminal() -> None:
    rows = [("\x1b[2J\u202e", day, 1) for day in (2, 1)]
    label = sparklines(Result(["package_name", "day", "records"], rows), 80)[2].split()[0]
    assert label == r"\x1b[2J\u202e"
    unnamed = [(7, None, day, 1) for day in (2, 1)]
    lines = sparklines(Result(["package_id", "package_name", "day", "records"], unnamed), 80)
    assert lines[2].startswith("package 7 ")
