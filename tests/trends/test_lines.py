"""The lines of a table are those that rich prints, whichever prints them."""

import io
from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from snapshotter.printable import printable
from snapshotter.trends.lines import Shown, print_table

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12).map(printable)


def shown(place: int, width: int, **of: Any) -> Shown:
    given_ = {"head": "head", "is_right": False, "wraps": False, **of}
    return Shown(width=width, cell=lambda row: str(row[place]), **given_)


def printed(columns: list[Shown], rows: list[tuple[str, ...]]) -> str:
    file = io.StringIO()
    print_table(Console(file=file, width=40, highlight=False, emoji=False), columns, rows)
    return file.getvalue()


@settings(deadline=None)  # the first example loads rich's tables
@example([("a     ", "b ", "c "), ("abcdef  ", " d", "cccccc  ")])  # space at the end
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=5))
def test_rows_are_as_rich_prints_them(rows: list[tuple[str, ...]]) -> None:
    columns = [shown(0, 6), shown(1, 12, is_right=True), shown(2, 7, wraps=True)]
    by_rich = [replace(column, link=lambda _: None) for column in columns]
    assert printed(columns, rows) == printed(by_rich, rows)


def test_rich_prints_only_the_rows_that_need_it() -> None:
    made: list[int] = []

    def cell(row: tuple[str, ...]) -> str:
        made.append(1)
        return row[0]

    column = Shown("head", 5, is_right=False, wraps=True, cell=cell)
    assert printed([column], [("a",), ("b c d e",), ("f",)]).split() == [
        *("head", "─────", "a", "b", "c", "d", "e", "f"),
    ]
    assert len(made) == 4  # the long one twice


def test_a_table_that_is_wider_than_the_terminal_and_one_with_links() -> None:
    wide = shown(0, 50)
    assert len(printed([wide], [("x" * 50,)]).splitlines()[-1]) == 40
    linked = shown(0, 5, link=lambda row: f"https://example.org/{row[0]}")
    assert printed([linked], [("7",)]).splitlines()[-1].rstrip() == "7"
