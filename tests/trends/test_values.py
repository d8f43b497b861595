"""The values of a trend's rows, the same on every engine."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from snapshotter.trends.values import Result, normalized, oldest_first


def test_no_zero_has_a_sign() -> None:
    assert normalized(["x", "y"], [(-0.0, 1.5)]) == [(0.0, 1.5)]
    assert str(normalized(["x"], [(-0.0,)])[0][0]) == "0.0"


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("runs", Decimal(7), 7),
        ("share", Decimal("0.50"), 0.5),
        ("started_at", "2026-01-05 01:02:03.000000", datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)),
        ("reason", "2026-01-05 01:02:03.000000", "2026-01-05 01:02:03.000000"),
        ("day", "2026-01-05", date(2026, 1, 5)),
        ("day", "2026-02-30", "2026-02-30"),
        ("since", datetime(2026, 1, 5), datetime(2026, 1, 5, tzinfo=UTC)),  # noqa: DTZ001 - as drivers do
        (
            "since",
            datetime(2026, 1, 5, 2, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 1, 5, tzinfo=UTC),
        ),
        ("anything", None, None),
    ],
)
def test_a_value_has_one_type_on_every_engine(column: str, value: Any, expected: Any) -> None:
    ((found,),) = normalized([column], [(value,)])
    assert (type(found), found) == (type(expected), expected)


def test_values_of_several_types_in_a_column_stay_apart() -> None:
    """Also those that are equal."""
    column = [1, 1.0, Decimal(1), Decimal("1.0"), True, "1", None, -0.0, "2026-01-05"]
    found = [row[0] for row in normalized(["day"], [(value,) for value in column])]
    expected = [1, 1.0, 1, 1.0, True, "1", None, 0.0, date(2026, 1, 5)]
    assert [*map(repr, found)] == [*map(repr, expected)]


def test_rows_stay_rows_whatever_their_columns_hold() -> None:
    rows = [(1, "a", "2026-01-05"), (None, None, None), (2, "2026-01-05", "2026-01-05")]
    day = date(2026, 1, 5)
    expected = [(1, "a", day), (None, None, None), (2, "2026-01-05", day)]
    assert normalized(["runs", "name", "day"], rows) == expected
    assert normalized(["runs"], []) == []


def test_rows_from_the_oldest_to_the_newest() -> None:
    newest_first = Result(
        ["day", "hour", "peak"],
        [
            (date(2026, 1, 6), 0, 1),
            (date(2026, 1, 5), 23, 2),
            (date(2026, 1, 5), 9, 3),
            (None, 0, 4),
        ],
    )
    assert [row[2] for row in oldest_first(newest_first).rows] == [3, 2, 1, 4]
    worst_first = Result(["package_id", "failing_runs"], [(2, 9), (1, 1)])
    assert oldest_first(worst_first) == worst_first
    of_a_user = Result(["week", "hour"], [("b", "late"), (1, 2), ("a", None)])
    assert [row[0] for row in oldest_first(of_a_user).rows] == [1, "a", "b"]
