"""A set of ids that grows with the account and takes little memory."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import chain

FRESH = 10_000  # ids that are kept as a plain set, which takes some 60 bytes for each


class Ids(AbstractSet[int]):
    """Whole numbers of 64 bits, in 8 bytes each.

    Ids that are added together should be close to each other.
    """

    def __init__(self) -> None:
        self._fresh: set[int] = set()
        self._settled: list[array[int]] = []  # each in order; no id is in two of them

    def update(self, ids: Iterable[int]) -> None:
        news = set(ids) - self._fresh
        low, high = min(news, default=0), max(news, default=0)
        for settled in self._settled:
            if settled[0] <= high and low <= settled[-1]:
                news = {each for each in news if not _has(settled, each)}
        self._fresh |= news
        if len(self._fresh) > FRESH:
            self._settled.append(array("q", sorted(self._fresh)))
            self._fresh = set()

    def __contains__(self, item: object) -> bool:
        if not isinstance(item, int):
            return False
        return item in self._fresh or any(_has(settled, item) for settled in self._settled)

    def __iter__(self) -> Iterator[int]:
        return chain(*self._settled, self._fresh)

    def __len__(self) -> int:
        return sum(map(len, self._settled)) + len(self._fresh)


def _has(settled: "array[int]", item: int) -> bool:
    place = bisect_left(settled, item)
    return place < len(settled) and settled[place] == item
