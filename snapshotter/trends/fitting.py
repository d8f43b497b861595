"""Fits columns into the width of a terminal: breaks heads, leaves columns out, cuts texts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rich.cells import cell_len

from snapshotter.trends.layout import Rank

GAP = 2  # between columns
_PREFERRED, _SHORT, _SHORTEST = 24, 16, 10  # of a text that is cut or wrapped


@dataclass(frozen=True)
class Column:
    """A column of a table, at `index` in the trend's rows. Its cells are lines of text.

    `widest` is the width of the widest cell. `is_text`: they can be cut or wrapped. A number never
    is: a part of one is a wrong number.
    """

    index: int
    name: str
    head: str
    widest: int
    rank: Rank
    is_text: bool
    width: int = 0

    @property
    def head_width(self) -> int:
        return max(map(cell_len, self.head.split("\n")))

    @property
    def whole_width(self) -> int:
        return max(self.head_width, self.widest)

    def least_width(self, shortest: int) -> int:
        if not self.is_text:
            return self.whole_width
        return min(self.whole_width, max(self.head_width, shortest))


def fitted(columns: list[Column], room: int) -> list[Column]:
    """Return the columns that fit, each with its width. Names and verdicts are left out last.

    Helpers are left out before a text gets short, facts before it gets shorter.
    """
    whole = [column.whole_width for column in columns]
    if total(whole) <= room:
        return [replace(each, width=width) for each, width in zip(columns, whole, strict=True)]
    kept = [replace(column, head=column.head.replace("_", "\n")) for column in columns]
    kept = _without(Rank.HELPER, kept, room, _PREFERRED)
    kept = _without(Rank.FACT, kept, room, _SHORT)
    kept = _without(Rank.VERDICT, kept, room, _SHORTEST)
    kept = _without(Rank.NAME, kept, room, _SHORTEST)
    return _cut(kept, room)


def _without(rank: Rank, columns: list[Column], room: int, shortest: int) -> list[Column]:
    """Leave columns of a rank out, the last first, until the others fit; one always stays."""
    kept = list(columns)
    for column in reversed(columns):
        if total(each.least_width(shortest) for each in kept) <= room or len(kept) == 1:
            break
        if column.rank == rank:
            kept.remove(column)
    return kept


def _cut(columns: list[Column], room: int) -> list[Column]:
    """Make the widest texts narrower until all columns fit."""
    widths = [column.whole_width for column in columns]
    texts = [place for place, column in enumerate(columns) if column.is_text]
    while total(widths) > room:
        place = max(texts, key=widths.__getitem__, default=0)
        if not texts or widths[place] <= columns[place].least_width(_SHORTEST):
            break
        widths[place] -= 1
    return [replace(each, width=width) for each, width in zip(columns, widths, strict=True)]


def total(widths: Iterable[int]) -> int:
    """Return the width of a table whose columns have these widths, with the gaps between them."""
    each = list(widths)
    return sum(each) + GAP * (len(each) - 1)
