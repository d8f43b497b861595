from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from snapshotter.report.slowdowns import slowdowns

FIRST = date(2026, 1, 1)


def days(seconds: Sequence[float | None], package_id: int | None = 434) -> list[dict[str, Any]]:
    return [
        {
            "account_id": "acme",
            "package_id": package_id,
            "package_name": "orders",
            "day": FIRST + timedelta(days=index),
            "p50_seconds": value,
        }
        for index, value in enumerate(seconds)
    ]


def test_package_is_slower_since_its_run_time_doubled() -> None:
    usual = [600.0, 610.0, 590.0, 605.0, 595.0, 4000.0, 600.0, 610.0, 590.0, 600.0]
    assert slowdowns(days([*usual, *[1200.0, 1210.0, 1190.0, 1205.0, 1195.0]])) == [
        {
            "account_id": "acme",
            "package_id": 434,
            "package_name": "orders",
            "since": date(2026, 1, 11),
            "ratio": 2.0,
            "p50_seconds": 1200.0,
            "before_seconds": 600.0,
            "days": 5,
            "before_days": 10,
        }
    ]


def test_no_slowdown() -> None:
    assert slowdowns([]) == []
    assert slowdowns(days([600.0])) == []
    assert slowdowns(days([600.0] * 30)) == []
    assert slowdowns(days([1200.0] * 10 + [600.0] * 10)) == []  # faster
    assert slowdowns(days([100.0, 900.0] * 5 + [500.0, 1200.0] * 5)) == []  # its usual scatter
    assert slowdowns(days([0.0] * 10 + [600.0] * 10)) == []  # no ratio
    assert slowdowns(days([None] * 10 + [600.0] * 9)) == []
    assert slowdowns(days([600.0] * 10 + [1200.0] * 10, package_id=None)) == []
