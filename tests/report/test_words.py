from datetime import UTC, date, datetime, timedelta, timezone

from snapshotter.report.words import cause, day, large, listed, minute, share, shortened


def test_shares() -> None:
    assert [share(value) for value in (0.0, 0.054, 0.2, 1.0)] == ["0 %", "5.4 %", "20 %", "100 %"]


def test_days() -> None:
    assert [day(date(2026, 1, 7)), day(None)] == ["7 January 2026", "an unknown day"]


def test_minutes_are_in_utc() -> None:
    assert minute(datetime(2026, 1, 7, 9, 5, tzinfo=UTC)) == "7 January 2026, 09:05 UTC"
    east = timezone(timedelta(hours=10))
    assert minute(datetime(2026, 1, 7, 9, 5, tzinfo=east)) == "6 January 2026, 23:05 UTC"


def test_large_numbers_are_in_millions() -> None:
    assert [large(9_999_999), large(12_400_000)] == ["9,999,999", "12 M"]


def test_a_long_text_is_cut() -> None:
    assert shortened("two\n lines") == "two lines"
    assert shortened("a" * 60) == "a" * 60
    assert shortened("a" * 61) == "a" * 59 + "…"
    assert shortened(None) == ""


def test_lists_name_three_at_most() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", None]) == "a and one without a name"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_a_cause_is_a_reason_and_a_summary_or_either() -> None:
    assert cause("Failed.", "Disk full.") == "Failed (Disk full)"
    assert (
        cause("Failed.", "Failed") == cause("Failed.", None) == cause(None, "Failed.") == "Failed"
    )
    assert cause(None, None) == cause("", " ") == ""
    assert len(cause("a" * 999, "b" * 999)) == 60 + 60 + 3
