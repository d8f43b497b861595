import re
from datetime import date

import pytest

from snapshotter.report.svg import (
    BOTTOM,
    LEFT,
    MAX_POINTS,
    RIGHT,
    TOP,
    WIDTH,
    Frame,
    cells,
    diamonds,
    frame,
    legend,
    line,
    short,
    stacks,
    thinned,
    ticks,
)

FIRST = date(2026, 1, 1)
MONTH = Frame(FIRST, 31, 10)


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 1), (1, 1), (4.5, 5), (9, 10), (11, 15), (24, 25), (26, 30), (99, 100), (0.03, 0.03)],
)
def test_the_top_is_round_and_not_far_above_the_highest(highest: float, top: float) -> None:
    assert frame(FIRST, 31, [highest]).top == pytest.approx(top)


@pytest.mark.parametrize("days", [1, 7, 30, 90, 365, 3_650])
def test_the_newest_day_is_labelled_within_the_drawing(days: int) -> None:
    _, texts = Frame(FIRST, days, 10).axes("runs")
    labels = [text for text in texts if text.y > BOTTOM + 10]
    newest = max(labels, key=lambda text: text.x)
    last = date.fromordinal(FIRST.toordinal() + days - 1)
    assert newest.text.startswith(f"{last.day} {last:%b}")
    half = {"middle": 0.5, "end": 0}
    assert all(LEFT <= text.x + half[text.anchor] * 6 * len(text.text) <= WIDTH for text in labels)
    assert 1 <= len(labels) <= 11


def test_a_bar_of_a_week_is_labelled_with_its_monday() -> None:
    monday = date(2026, 1, 5)
    labels = [text.text for text in Frame(monday, 28, 10, width=7).labels("hours")]
    assert labels == ["hours", "26 Jan", "19 Jan", "12 Jan", "5 Jan"]


def test_values_have_a_grid_with_labels() -> None:
    marks, texts = Frame(FIRST, 31, 20).axes("runs")
    assert [text.text for text in texts if text.anchor == "end" and text.y < BOTTOM + 10] == [
        "0",
        "5",
        "10",
        "15",
        "20",
    ]
    assert marks[0].d.startswith(f"M{LEFT} {BOTTOM}H{RIGHT}")
    assert marks[0].d.endswith(f"M{LEFT} {TOP}H{RIGHT}")
    assert "runs" in [text.text for text in texts]


def test_large_numbers_are_short() -> None:
    values = (0, 0.5, 9_000, 20_000, 2_500_000, 3e9)
    assert [short(value) for value in values] == ["0", "0.5", "9000", "20,000", "2.5 M", "3 bn"]


def test_a_day_without_a_value_ends_a_line_unless_it_is_joined() -> None:
    points = [(0, 1.0), (1, 2.0), (5, 3.0)]
    path, dots = line(MONTH, points, joined=False)
    assert re.sub(r"[\d. ]", "", path) == "MLM"
    assert re.sub(r"[\d. ]", "", line(MONTH, points, joined=True)[0]) == "MLL"
    assert dots.count("h0") == 3


def test_a_long_line_has_dots_only_where_it_would_not_show() -> None:
    points = [(day, 1.0) for day in range(100)] + [(150, 2.0)]
    _, dots = line(Frame(FIRST, 200, 10), points, joined=False)
    assert dots.count("h0") == 1


def test_places_are_between_the_axes() -> None:
    path, _ = line(MONTH, [(0, 0.0), (30, 10.0), (15, 99.0)], joined=True)
    places = [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", path)]
    assert all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in places)
    assert [y for _, y in places] == [BOTTOM, TOP, TOP]


def test_a_line_is_thinned_to_what_can_be_seen() -> None:
    days = 10 * MAX_POINTS
    points = [(day, float(day % 10)) for day in range(days)]
    found, width = thinned(points, days)
    assert (len(found), width) == (MAX_POINTS, 10)
    assert set(found[:2]) == {(9, 4.5), (19, 4.5)}
    assert thinned(points[:MAX_POINTS], MAX_POINTS) == (points[:MAX_POINTS], 1)


def test_bars_stand_on_each_other() -> None:
    lower, upper = stacks(Frame(FIRST, 2, 10), [[4, 0], [6, 10]])
    assert lower.count("M") == 1
    assert upper.count("M") == 2
    middle, top = BOTTOM - 0.4 * (BOTTOM - TOP), TOP
    assert re.findall(r"V([\d.]+)", lower) == [f"{middle:g}"]
    assert re.findall(r"M[\d.]+ ([\d.]+)", upper) == [f"{middle:g}", str(BOTTOM)]
    assert re.findall(r"V([\d.]+)", upper) == [str(top)] * 2


def test_equal_cells_side_by_side_are_one() -> None:
    found = cells(Frame(FIRST, 4, 24), [[1, 1, None, 10], [5, 0, 0, 0]])
    assert [path.count("M") for path in found] == [1, 0, 1, 0, 1]
    assert f"h{(RIGHT - LEFT) / 2:g}" in found[0]


def test_marks_of_days() -> None:
    assert ticks(MONTH, [0, 5]).count("M") == 2
    assert diamonds(MONTH, [(3, 5.0)]).count("z") == 1


def test_a_legend_wraps() -> None:
    names = [("line s1", "a" * 32), ("fill s2", "b" * 32), ("line s3", "c" * 32)]
    marks, texts, height = legend(names)
    assert [mark.style for mark in marks] == ["line s1", "fill s2", "line s3"]
    assert [text.text for text in texts] == [name for _, name in names]
    assert texts[2].y > texts[0].y == texts[1].y
    assert height > texts[2].y
