"""Times and durations as text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from snapshotter.times import duration, epoch, stamp


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.25, "0.2 s"),
        (9, "9 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (1231, "20 min 31 s"),
        (3600, "1 h"),
        (86_580, "1 day"),
        (90_061, "1 day 1 h"),
        (93_784, "1 day 2 h"),
        (273_600, "3 days 4 h"),
        (60_480_000, "700 days"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_time_is_written_in_utc_with_four_digits_of_the_year() -> None:
    at = datetime(2026, 1, 31, 23, 59, 59, 999_999, timezone(timedelta(hours=2)))
    assert stamp(at) == "2026-01-31T21:59:59Z"
    assert stamp(datetime(7, 1, 1, tzinfo=UTC)) == "0007-01-01T00:00:00Z"


@pytest.mark.parametrize(("second", "expected"), [(0, 0), (-1, -1), (1_769_903_999, 1_769_903_999)])
def test_whole_seconds_since_1970(second: int, expected: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second, microseconds=999_999)
    assert epoch(at) == expected


def test_none_has_no_seconds() -> None:
    assert epoch(None) is None
