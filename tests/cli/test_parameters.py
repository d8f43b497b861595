"""The values of options: what is read, and what is refused in which words."""

from datetime import UTC, date, datetime, timedelta

import click
import pytest
from command_line import Run, assert_one_line

from snapshotter.cli.parameters import Day, Days, Duration, Moment


def test_a_variable_with_a_key_in_it_is_not_quoted(run: Run, acme: dict[str, str]) -> None:
    done = run("sync", **{**acme, "SNAPSHOTTER_VARIABLES": "hunter2"})
    assert_one_line(done, 2, "'--variables': it is not one of mask, hash, keep, drop")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T23:59:59Z", datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-01-31T23:59:59+02:00", datetime(2026, 1, 31, 21, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_in_utc(given: str, expected: datetime) -> None:
    found = Moment().convert(given, None, None)
    assert (found, found.tzinfo) == (expected, UTC)


@pytest.mark.parametrize("given", ["yesterday", "2026-02-30", "", "0001-01-01T00:00:00+01:00"])
def test_what_is_not_a_time_is_refused(given: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time; expected something like 2026-"):
        Moment().convert(given, None, None)


def test_a_day_is_a_date() -> None:
    assert Day().convert("2026-01-31", None, None) == date(2026, 1, 31)
    for given in ("2026-01-31T00:00:00Z", "2026-02-30", "today"):
        with pytest.raises(click.BadParameter, match=r"is not a day; .* 2026-01-31"):
            Day().convert(given, None, None)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("7d", 604_800), ("2w", 1_209_600)],
)
def test_a_length_of_time(given: str, seconds: int) -> None:
    assert Duration().convert(given, None, None) == timedelta(seconds=seconds)


@pytest.mark.parametrize("given", ["", "0", "0s", "-5s", "5 s", "5y", "h", "1e3", "1.s", "\u0665s"])
def test_what_is_not_a_length_of_time_is_refused(given: str) -> None:
    with pytest.raises(click.BadParameter, match="expected something like 90s, 30m, 2h or 7d"):
        Duration().convert(given, None, None)


def test_a_length_of_time_past_all_times_is_too_long() -> None:
    with pytest.raises(click.BadParameter, match="'999999999w' is too long"):
        Duration().convert("999999999w", None, None)


def test_days_have_their_unit() -> None:
    assert Days().convert("30d", None, None) == timedelta(days=30)
    assert Days().convert("12w", None, None) == timedelta(weeks=12)
    for given, said in (
        ("7", "'7' has no unit; did you mean 7d"),
        ("1h", "'1h' is not in days or weeks; expected something like 30d or 12w"),
        ("x", "'x' is not a length of time; expected something like 30d or 12w"),
    ):
        with pytest.raises(click.BadParameter, match=said):
            Days().convert(given, None, None)
