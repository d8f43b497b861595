"""A set of ids that grows with the account and takes little memory."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from typing import Self

FRESH = 2_000  # ids that are kept as a plain set, which takes some 60 bytes for each
_SIZES = (("H", 2**16), ("I", 2**32), ("Q", 2**64))  # of an array's items, and what does not fit


@dataclass(frozen=True)
class _Settled:
    """Ids in order, as distances from the first: mostly two or four bytes each."""

    first: int
    last: int
    distances: "array[int]"

    @classmethod
    def of(cls, ids: Iterable[int]) -> Self:
        in_order = sorted(ids)
        first, last = in_order[0], in_order[-1]
        code = next(code for code, end in _SIZES if last - first < end)
        return cls(first, last, array(code, [each - first for each in in_order]))

    def has(self, item: int) -> bool:
        if not self.first <= item <= self.last:
            return False
        place = bisect_left(self.distances, item - self.first)
        return self.distances[place] == item - self.first

    def __iter__(self) -> Iterator[int]:
        return (self.first + distance for distance in self.distances)


class Ids(AbstractSet[int]):
    """Whole numbers of 64 bits, in at most 8 bytes each.

    Ids that are added together should be close to each other.
    """

    def __init__(self) -> None:
        self._fresh: set[int] = set()
        self._settled: list[_Settled] = []  # no id is in two of them

    def update(self, ids: Iterable[int]) -> None:
        news = set(ids) - self._fresh
        low, high = min(news, default=0), max(news, default=0)
        for settled in self._settled:
            if settled.first <= high and low <= settled.last:
                news = {each for each in news if not settled.has(each)}
        self._fresh |= news
        if len(self._fresh) > FRESH:
            self._settled.append(_Settled.of(self._fresh))
            self._fresh = set()

    def __contains__(self, item: object) -> bool:
        if not isinstance(item, int):
            return False
        return item in self._fresh or any(settled.has(item) for settled in self._settled)

    def __iter__(self) -> Iterator[int]:
        return chain(*self._settled, self._fresh)

    def __len__(self) -> int:
        return sum(len(settled.distances) for settled in self._settled) + len(self._fresh)
