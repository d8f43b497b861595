from datetime import date

from snapshotter.report.words import day, large, listed, share, shortened


def test_shares() -> None:
    assert [share(value) for value in (0.0, 0.054, 0.2, 1.0)] == ["0 %", "5.4 %", "20 %", "100 %"]


def test_days() -> None:
    assert [day(date(2026, 1, 7)), day(None)] == ["7 January 2026", "an unknown day"]


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
