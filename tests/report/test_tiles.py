from datetime import date
from typing import Any

import pytest

from snapshotter.report.answers import Answers
from snapshotter.report.tiles import Tile, change, tiles
from snapshotter.report.totals import SUMMED

JANUARY = (date(2026, 1, 1), date(2026, 1, 31))
ORDERS = {"account_id": "acme", "package_id": 434, "package_name": "orders"}
LINES = {"account_id": "acme", "package_id": 435, "package_name": "lines"}


def made(before: dict[str, float | None] | None = None, **trends: Any) -> dict[str, Tile]:
    rows = {key: [] for key in SUMMED} | trends
    answers = Answers([("acme", None)], JANUARY, None, rows, before=before or {})
    return {tile.key: tile for tile in tiles(answers)}


def texts(**trends: Any) -> dict[str, tuple[str, str]]:
    return {key: (tile.label, tile.value) for key, tile in made(**trends).items()}


def test_they_are_sums_of_the_trends() -> None:
    assert texts(
        failures_by_day=[
            {**ORDERS, "runs": 1_500, "failed": 300, "stopped": 200},
            {**LINES, "runs": 500, "failed": 0, "stopped": 300},
        ],
        slowest_packages=[
            {**ORDERS, "total_seconds": 7_200_000},
            {**LINES, "total_seconds": None},
        ],
        records_by_day=[{**ORDERS, "records": 12_400_000}],
        node_hours_by_week=[{**ORDERS, "node_hours": 40.4}, {**ORDERS, "node_hours": 2.2}],
    ) == {
        "runs": ("Runs that ended", "2,000"),
        "failed": ("Failed", "300 (20 %)"),
        "hours": ("Hours of completed runs", "2,000"),
        "records": ("Records written", "12 M"),
        "nodes": ("Node hours", "43"),
        "packages": ("Packages", "2"),
    }


def test_nouns_agree_with_counts() -> None:
    assert texts(
        failures_by_day=[{**ORDERS, "runs": 1, "failed": 0, "stopped": 0}],
        slowest_packages=[{**ORDERS, "total_seconds": 3_600}],
        records_by_day=[{**ORDERS, "records": 1}],
        node_hours_by_week=[{**ORDERS, "node_hours": 1.01}],
    ) == {
        "runs": ("Run that ended", "1"),
        "failed": ("Failed", "0"),
        "hours": ("Hour of completed runs", "1"),
        "records": ("Record written", "1"),
        "nodes": ("Node hour", "1"),
        "packages": ("Package", "1"),
    }


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, ("Minutes of completed runs", "0")),
        (61, ("Minute of completed runs", "1")),
        (3_569, ("Minutes of completed runs", "59")),
        (3_571, ("Hour of completed runs", "1")),
        (5_500, ("Hours of completed runs", "2")),
    ],
)
def test_less_than_an_hour_is_in_minutes(seconds: float, expected: tuple[str, str]) -> None:
    assert texts(slowest_packages=[{**ORDERS, "total_seconds": seconds}])["hours"] == expected


def test_stopped_runs_are_not_counted_in_the_rate() -> None:
    stopped = {**ORDERS, "runs": 5, "failed": 0, "stopped": 5}
    assert texts(failures_by_day=[stopped])["failed"] == ("Failed", "0")
    half = {**ORDERS, "runs": 5, "failed": 1, "stopped": 3}
    assert texts(failures_by_day=[half])["failed"] == ("Failed", "1 (50 %)")


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (112, 100, "+12 % against PERIOD"),
        (88, 100, "\N{MINUS SIGN}12 % against PERIOD"),
        (0, 100, "\N{MINUS SIGN}100 % against PERIOD"),
        (1_001, 1_000, "as in PERIOD"),
        (299, 100, "+199 % against PERIOD"),
        (300, 100, "3 times PERIOD"),
        (5, 0, "none in PERIOD"),
        (0, 0, ""),
        (5, None, ""),
    ],
)
def test_the_change_since_the_period_before(now: float, before: float | None, text: str) -> None:
    assert change(now, before, "PERIOD") == text


def test_each_tile_has_its_own_change() -> None:
    failed = [{**ORDERS, "runs": 50, "failed": 1, "stopped": 0}]
    found = made({"runs": 100, "failed": None}, failures_by_day=failed)
    assert found["runs"].change == "\N{MINUS SIGN}50 % against the 31 days before"
    assert {found[key].change for key in ("failed", "hours", "packages")} == {""}


def test_without_days_there_are_none() -> None:
    assert tiles(Answers([], None, None, {})) == []
