"""Values as people read them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from snapshotter.trends.cells import cell, head, is_job_id


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("job_id", 1234567, "1234567"),
        ("runs", 1234567, "1,234,567"),
        ("since", datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC), "2026-01-05 01:02"),
        ("day", date(2026, 1, 5), "2026-01-05"),
        ("share", 0.123456, "0.123"),
        ("share", 1.0, "1"),
        ("stuck", None, ""),
        ("stuck", 1, "yes"),
        ("overdue", 0, "no"),
        ("age_seconds", 53_820, "14 h 57 min"),
        ("recent_p50", 1234.5, "20 min 34 s"),
        ("seconds", 0, "0 s"),
        ("since_seconds", 1_141_370, "13 days 5 h"),
        ("seconds_per_million", 4680.0931, "4,680.093"),
        ("records_p50", 100, "100"),
        ("mad_seconds", float("inf"), "inf"),
        ("seconds", "soon", "soon"),
        ("name", "a\nb\x1b", r"a\nb\x1b"),
    ],
)
def test_a_value_as_people_read_it(column: str, value: Any, shown: str) -> None:
    assert cell(column, value) == shown


def test_the_head_of_a_duration_has_no_unit() -> None:
    columns = ("age_seconds", "seconds", "recent_p50", "runs", "\x1b")
    assert [*map(head, columns)] == ["age", "duration", "recent_p50", "runs", r"\x1b"]


def test_the_columns_of_job_ids() -> None:
    assert all(map(is_job_id, ("job_id", "last_job_id")))
    assert not any(map(is_job_id, ("id", "package_id", "job_ids")))
