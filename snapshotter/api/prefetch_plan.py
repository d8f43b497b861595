"""Plans which pages of a list to request before the reader comes there, and wastes few requests.

A page is certain if the list is known to go on so far, else it is a guess: the list may end before
it. At most `MOST_WASTED` guesses are in flight or have found nothing, so no listing wastes more.
Guesses are a few pages apart and far ahead. Each that finds jobs makes the pages before it certain,
and those are requested side by side.

What is requested depends on the list alone and not on which answer comes first: the answer of a
guess counts when the reader has come to what was the last certain page as it was sent.
"""

from bisect import insort
from collections import deque
from collections.abc import Iterator
from itertools import groupby
from typing import Generic, Protocol

from snapshotter.api.paging import Cursor, ItemT, Listed

MOST_WASTED = 4  # requests of a listing, past the end of the list
AHEAD = 8  # pages that are requested, or have arrived, before the reader comes there
APART = 4  # pages from one guess to the next; the first ones are less far apart
FURTHEST = 2 * AHEAD + APART  # pages; a guess has its answer before the certain pages run out
ROOM_TO_GUESS = 50  # requests that the run's limits must still allow

_PAGES_KEPT = 8
_MOST = 0.9  # of the jobs of a page


class Prefetch(Protocol[ItemT]):
    """Requests what the list has from an offset (a `number`) on, before it is needed."""

    def room(self) -> float:
        """Return how many more requests may be started."""

    def start(self, number: int) -> None:
        """Send the request, without waiting."""

    def has(self, number: int) -> bool:
        """Return whether the answer has arrived, and is good."""

    def wait(self, number: int) -> Listed[ItemT] | None:
        """Return the answer, and keep it; None if the request failed."""

    def take(self, number: int) -> Listed[ItemT]:
        """Return the answer and forget it, or raise what the request has raised."""

    def drop(self, number: int) -> None:
        """Forget the request."""


class PrefetchPlan(Generic[ItemT]):
    """What is requested early of one listing, for `paging.Plan`.

    `alone`: how many pages are read before more than the next one is requested. The offsets of the
    pages further ahead follow from how many jobs of one moment the last pages had. If one is too
    far on, because more of them are at a page's end, its page waits until the reader is there.
    """

    def __init__(self, prefetch: Prefetch[ItemT], alone: int = 1) -> None:
        self._prefetch, self._alone = prefetch, alone
        self._started: list[int] = []  # in order
        # Offsets at which no job is known, and until which page each is left unanswered.
        self._guesses: dict[int, int] = {}
        self._filled = 0  # there has been a job at each offset before this one
        self._empty: int | None = None  # and none from this one on
        self._furthest_guess = 0
        self._pages_to_guess = 1
        self._steps: deque[int] = deque(maxlen=_PAGES_KEPT)  # from a page to the next
        self._likely: deque[int] = deque(maxlen=_PAGES_KEPT)
        self._pages = 0

    def follow(self, asked: Cursor, listed: Listed[ItemT], cursor: Cursor) -> None:
        self._pages += 1
        self._steps.append(cursor.offset - asked.offset)
        self._likely.append(_likely_step(listed))
        self._learn(asked.offset, listed)
        for offset in [o for o, until in self._guesses.items() if until <= asked.offset]:
            if offset in self._started and offset in self._guesses:
                self._learn(offset, self._prefetch.wait(offset) or Listed((), None))
        if cursor.edge is not None:
            last = self._start_certain(cursor.offset)
            # If the server sends no hint of it, a second page shows that the list goes on.
            if self._pages >= self._alone and (listed.more or self._pages > 1):
                self._guess(cursor.offset, last)

    def _learn(self, offset: int, listed: Listed[ItemT]) -> None:
        """Note how far the list goes, by an answer."""
        end = offset + len(listed.records)
        if not listed.records or listed.more is False:
            self._filled = min(self._filled, end)
            self._empty = end if self._empty is None else min(self._empty, end)
        if listed.records:
            self._filled = max(self._filled, end + (listed.more is True))
        if self._empty is not None and self._empty < self._filled:
            self._empty = None  # it has grown, or the request had failed
        guesses = self._guesses.items()
        self._guesses = {at: until for at, until in guesses if at >= self._filled}

    def _start_certain(self, offset: int) -> int:
        """Request the next pages that are certain; return the offset of the last one.

        Once the end has been met, also some of the few pages before it that are not certain.
        """
        last = offset
        for number, at in enumerate(self._next_pages(offset)):
            is_certain = number == 0 or at < self._filled
            is_before_the_end = self._empty is not None and at < self._empty
            if not is_certain and not (is_before_the_end and self._may_guess()):
                break
            if at not in self._started:
                if self._prefetch.room() < 1:
                    break
                if not is_certain:
                    self._guesses[at] = last
                self._start(at)
            last = at if is_certain else last
            if self._pages < self._alone:
                break
        return last

    def _next_pages(self, offset: int) -> Iterator[int]:
        """Yield the offsets of the next pages: of started ones, if a page may lead there."""
        step = self._step()
        at = max((one for one in self._started if one <= offset), default=offset)
        yield at
        for _ in range(AHEAD - 1):
            within = (one for one in self._started if at < one <= at + max(self._steps))
            at = max(within, default=at + step)
            yield at

    def _step(self) -> int:
        return sorted(self._likely)[len(self._likely) // 2]

    def _guess(self, offset: int, last_certain: int) -> None:
        """Request pages far ahead, of which it is not known whether the list goes on so far."""
        step = self._step()
        at = max(self._furthest_guess, offset)
        while self._empty is None and self._may_guess():
            at += self._pages_to_guess * step
            if at > offset + FURTHEST * step:
                break
            self._pages_to_guess = min(APART, 2 * self._pages_to_guess)
            self._furthest_guess = at
            if at >= self._filled and at not in self._started:
                self._guesses[at] = last_certain
                self._start(at)

    def _may_guess(self) -> bool:
        return len(self._guesses) < MOST_WASTED and self._prefetch.room() >= ROOM_TO_GUESS

    def _start(self, offset: int) -> None:
        insort(self._started, offset)
        self._prefetch.start(offset)

    def offset_for(self, cursor: Cursor) -> int | None:
        offset = None
        while self._started and self._started[0] <= cursor.offset:
            if offset is not None:
                self._prefetch.drop(offset)
            offset = self._started.pop(0)
        return offset

    def has(self, cursor: Cursor) -> bool:
        offsets = [offset for offset in self._started if offset <= cursor.offset]
        return bool(offsets) and self._prefetch.has(offsets[-1])

    def take(self, offset: int) -> Listed[ItemT]:
        return self._prefetch.take(offset)

    def drop(self) -> None:
        for offset in self._started:
            self._prefetch.drop(offset)
        self._started.clear()
        self._furthest_guess = 0


def _likely_step(listed: Listed[ItemT]) -> int:
    """Return how far such a page leads at least, if its last job is like most of its jobs.

    The step is shorter, the more jobs have the time of the last one.
    """
    moments = groupby(record.created_at for record in listed.records)
    sizes = [len(list(jobs)) for _, jobs in moments]
    of_each_job = sorted(size for size in sizes for _ in range(size))
    group = of_each_job[int(len(of_each_job) * _MOST)]
    return max(1, len(of_each_job) - 1 - group)
