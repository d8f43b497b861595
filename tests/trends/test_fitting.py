"""What is left out if there is little room, and in which order."""

from snapshotter.trends.fitting import Column, fitted, total
from snapshotter.trends.layout import Rank


def column(name: str, rank: Rank, width: int, *, is_text: bool = False) -> Column:
    return Column(0, name, name, width, rank, is_text)


NAME = column("name", Rank.NAME, 30, is_text=True)
VERDICT = column("stuck", Rank.VERDICT, 10)
FACT = column("runs", Rank.FACT, 10)
HELPER = column("id", Rank.HELPER, 10)
ALL = [NAME, VERDICT, FACT, HELPER]


def names_and_widths(room: int, columns: list[Column] = ALL) -> dict[str, int]:
    found = fitted(columns, room)
    assert total(each.width for each in found) <= room
    return {each.name: each.width for each in found}


def test_helpers_give_way_before_names_get_short_and_facts_before_verdicts() -> None:
    whole = {"name": 30, "stuck": 10, "runs": 10, "id": 10}
    assert names_and_widths(66) == whole
    assert names_and_widths(60) == {**whole, "name": 24}
    assert names_and_widths(59) == {"name": 30, "stuck": 10, "runs": 10}
    assert names_and_widths(40) == {"name": 16, "stuck": 10, "runs": 10}
    assert names_and_widths(39) == {"name": 27, "stuck": 10}
    assert names_and_widths(22) == {"name": 10, "stuck": 10}
    assert names_and_widths(21) == {"name": 21}


def test_heads_are_broken_before_anything_gives_way() -> None:
    long = column("a_long_head", Rank.FACT, 1)
    assert [each.head for each in fitted([VERDICT, long], 23)] == ["stuck", "a_long_head"]
    assert [each.head for each in fitted([VERDICT, long], 22)] == ["stuck", "a\nlong\nhead"]


def test_a_number_is_never_cut() -> None:
    (kept,) = fitted([column("runs", Rank.NAME, 50)], 20)
    assert kept.width == 50
