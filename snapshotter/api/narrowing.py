"""Reads a list of which some pages fail: by smaller pages, and around single records.

A page fails because it is too heavy, or because of one record that the server cannot give or that
cannot be read. So it is asked for again with half the limit, down to one record. What works is
used as a short page. A record that fails alone, while other places of the list work, is
returned at its place as a `Reject`, and the page goes on behind it.

Such a page is made of several answers, and the list may move between them. So the bad record is
asked for once more at the end: if its place is answered now, the page ends before it.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple

from snapshotter.api.paging import Listed
from snapshotter.api.records import Record, Reject
from snapshotter.api.retry import ATTEMPTS
from snapshotter.errors import AGAIN, BadAnswer, RequestFailed, RequestRefused, Stopped

ListedRecords = Listed[Record | Reject]
RequestError = RequestFailed | RequestRefused
REQUEST_ERRORS = (RequestFailed, RequestRefused)

PAGE_SIZE = 100  # the most that the API hands out

_FOR_A_PAGE, _FOR_A_RECORD = 2, 3
_ENOUGH = 12  # records that are worth a page of their own
_MOST_PROBES = 2
_MOST_BAD_IN_A_ROW = 5  # places, while no record of the list is seen
_MOST_RESTARTS = 3
_LONGEST_WAIT_TO_GROW = 32  # pages


class Width:
    """How many jobs to ask for at a time: half after a failure, twice after pages that worked.

    Each time that a larger page fails, it takes twice as many to try again. Threads share it.
    """

    def __init__(self) -> None:
        self.now = PAGE_SIZE
        self._lock = threading.Lock()
        self._worked, self._needed = 0, 1
        self._has_just_grown = False

    def narrow(self, limit: int) -> None:
        """Note that `limit` jobs work, and twice as many do not."""
        with self._lock:
            if self._has_just_grown:
                self._needed = min(_LONGEST_WAIT_TO_GROW, 2 * self._needed)
            self.now, self._worked, self._has_just_grown = max(1, limit), 0, False

    def widen(self, limit: int) -> None:
        """Note that `limit` jobs have worked."""
        if limit < self.now or self.now == PAGE_SIZE:
            return
        with self._lock:
            self._worked += 1
            if self._worked >= self._needed:
                self.now, self._worked = min(PAGE_SIZE, 2 * self.now), 0
                self._has_just_grown = True


class Places:
    """What is known of the offsets of one list. Threads share it."""

    def __init__(self) -> None:
        self.good: int | None = None  # where there was a record in the last answer
        self.bad: set[int] = set()
        self.bad_in_a_row = 0


class Wire(NamedTuple):
    """How to ask once, by offset and limit, and how to wait after an attempt.

    `ask` raises `RequestFailed` or `RequestRefused`. `wait` takes the number of the attempt; 0 is
    between two requests of a list that works elsewhere. `payload_of` returns the payload of a
    reject.
    """

    ask: Callable[[int, int], ListedRecords]
    wait: Callable[[int, RequestError], None]
    payload_of: Callable[[RequestError], str | None]


class Narrowing:
    """Reads pages of one list, in one thread: call it with an offset and a limit.

    Raises `RequestFailed` or `RequestRefused` if nothing of the list works.
    """

    def __init__(self, wire: Wire, width: Width, places: Places) -> None:
        self._wire, self._width, self._places = wire, width, places
        self._failed = 0  # attempts in a row
        self._last: RequestError | None = None
        self._is_alive = False  # the list has answered since the last failure

    def __call__(self, offset: int, limit: int) -> ListedRecords:
        """Return what the list has from an offset on: up to `limit` records, perhaps fewer."""
        self._is_alive = False
        for _ in range(_MOST_RESTARTS):
            size = min(limit, self._width.now)
            page_error: RequestError | None = None
            if self._known_bad(offset, size) is None:
                tries = {1: _FOR_A_RECORD, PAGE_SIZE: _FOR_A_PAGE}.get(size, 1)
                try:
                    return self._answer(offset, size, tries)
                except REQUEST_ERRORS as error:
                    page_error = error
            found = self._around(offset, size, page_error)
            if found is not None:
                return found
        raise Stopped(
            "the job list keeps changing around a record that cannot be read, at offset "
            f"{offset}{AGAIN}"
        )

    def _around(
        self, offset: int, limit: int, page_error: RequestError | None
    ) -> ListedRecords | None:
        """Read a page of which something fails part by part; None if the list moved meanwhile."""
        records: list[Record | Reject] = []
        bad_at_the_end = 0  # records that were asked for alone
        while True:
            place = offset + len(records)
            good, record_error = self._stretch(place, limit, page_error)
            if bad_at_the_end and (good.records or record_error is None):
                if self._has_moved(offset, records, bad_at_the_end):
                    del records[-bad_at_the_end:]
                    return Listed(records, more=True) if records else None
                bad_at_the_end = 0
            records += good.records
            if record_error is None:
                return Listed(records, good.more)
            bad = offset + len(records)
            self._places.bad.add(bad)
            if good.records and len(records) >= _ENOUGH:
                return Listed(records, more=True)
            records.append(self._reject(bad, record_error))
            bad_at_the_end += 1
            page_error = None

    def _stretch(
        self, place: int, limit: int, page_error: RequestError | None
    ) -> tuple[ListedRecords, RequestError | None]:
        """Return what works from a place on, and what the record behind it fails with, if it does.

        `page_error`: what asking for the whole has failed with already.
        """
        if page_error is None:
            known = self._known_bad(place, limit)
            size = limit if known is None else known - place
            try:
                good = self._answer(place, size) if size else Listed((), None)
            except REQUEST_ERRORS as error:
                limit, page_error = size, error
            else:
                if known is None or len(good.records) < size:
                    return good, None
                record_error = self._record_error(known, 1, None)
                if record_error is not None:
                    return good, record_error
                self._places.bad.discard(known)
                return (good, None) if good.records else self._stretch(place, limit, None)
        return self._longest(place, limit, page_error)

    def _longest(
        self, place: int, limit: int, page_error: RequestError
    ) -> tuple[ListedRecords, RequestError | None]:
        """Halve the limit until something works, and then find how far it does."""
        found = self._alone(place, limit, page_error)
        if not isinstance(found, Listed):
            return Listed((), None), found
        low, good, high = 1, found, limit
        while good.records and high - low > 1:
            middle = high // 2 if high // 2 > low else (low + high) // 2
            try:
                found = self._answer(place, middle)
            except REQUEST_ERRORS:
                high = middle
                continue
            if len(found.records) < middle or middle >= _ENOUGH:
                self._width.narrow(middle)
                return found, None
            low, good = middle, found
        if not good.records or limit == 1:
            return good, None
        record_error = self._record_error(place + low, limit, page_error)
        if record_error is None:
            self._width.narrow(low)  # it is the weight of all together
        return good, record_error

    def _record_error(
        self, place: int, limit: int, page_error: RequestError | None
    ) -> RequestError | None:
        found = self._alone(place, limit, page_error)
        return None if isinstance(found, Listed) else found

    def _alone(
        self, place: int, limit: int, page_error: RequestError | None
    ) -> ListedRecords | RequestError:
        """Ask for one record. Return the answer, or what it fails with though the list works.

        Raises `page_error`, or what the record fails with, when the list does not work.
        """
        if limit == 1 and page_error is not None:
            if isinstance(page_error, RequestRefused) and self._places.good is None:
                raise page_error  # the question is refused, like that for a new status
            record_error, tries = page_error, 0
        else:
            try:
                return self._answer(place, 1)
            except REQUEST_ERRORS as error:
                record_error, tries = error, 0 if place in self._places.bad else _FOR_A_RECORD - 1
        self._refuse_if_down(place, limit, page_error or record_error)
        if tries:
            try:
                return self._answer(place, 1, tries)
            except REQUEST_ERRORS as error:
                record_error = error
        self._places.bad_in_a_row += 1
        self._is_alive, self._failed = False, 0  # that has to be seen again
        return record_error

    def _refuse_if_down(self, place: int, limit: int, error: RequestError) -> None:
        """Raise `error` unless some other place of the list is answered."""
        may_be_the_record = _is_of_the_record(error) or (
            self._places.bad_in_a_row < _MOST_BAD_IN_A_ROW
        )
        if self._is_alive and may_be_the_record:
            return
        others = (self._places.good, place + limit, place + limit // 2, place + PAGE_SIZE, 0)
        probes = dict.fromkeys(other for other in others if other not in (None, place))
        for probe in list(probes)[:_MOST_PROBES]:
            try:
                found = self._answer(probe, 1)
            except REQUEST_ERRORS:
                continue
            if found.records or may_be_the_record:
                return
        raise error

    def _has_moved(self, offset: int, records: list[Record | Reject], bad: int) -> bool:
        """Whether the records are not where they were: the last `bad` ones, and the one before."""
        *_, before = [None, *records[: len(records) - bad]]
        last = self._again(offset + len(records) - 1)
        if last is not None or before is None or before.created_at is None:
            return last is not None
        first = self._again(offset + len(records) - bad - 1)
        return first is None or first.created_at != before.created_at

    def _again(self, place: int) -> Record | Reject | None:
        """Return the record at a place where one has been asked for; None if it cannot be had."""
        try:
            records = self._answer(place, 1).records
        except REQUEST_ERRORS:
            self._failed, self._last = 0, None  # as was to be expected
            return None
        return records[0] if records else Reject(None, None, "behind the end", None)

    def _answer(self, place: int, limit: int, tries: int = 1) -> ListedRecords:
        for left in reversed(range(tries)):
            if self._last is not None and not isinstance(self._last, RequestRefused):
                self._wire.wait(0 if self._is_alive else self._failed, self._last)
            try:
                listed = self._wire.ask(place, limit)
            except REQUEST_ERRORS as error:
                self._failed, self._last = min(self._failed + 1, ATTEMPTS - 1), error
                if not left or isinstance(error, RequestRefused):
                    raise
            else:
                break
        self._failed, self._last, self._is_alive = 0, None, True
        if listed.records:
            self._places.good, self._places.bad_in_a_row = place, 0
            self._width.widen(limit)
        return listed

    def _known_bad(self, offset: int, limit: int) -> int | None:
        bad = list(self._places.bad)  # other threads add to it
        return min((place for place in bad if offset <= place < offset + limit), default=None)

    def _reject(self, place: int, error: RequestError) -> Reject:
        reason = f"the record at offset {place} of the job list, asked for alone: {error}"
        return Reject(None, None, reason.removesuffix(AGAIN), self._wire.payload_of(error))


def _is_of_the_record(error: RequestError) -> bool:
    """Return whether an answer came that looks like records, but cannot be read."""
    return isinstance(error, BadAnswer) and error.body.lstrip().startswith(b"[")
