"""What the list has by the time of its jobs' last updates."""

from collections.abc import Mapping
from datetime import datetime

from snapshotter.api.lists import ListReaders
from snapshotter.api.narrowing import PAGE_SIZE, Places
from snapshotter.api.records import Record, Reject, time_in
from snapshotter.errors import RequestRefused

MOST_PAGES_OF_A_SECOND = 20


def touched_at(
    readers: ListReaders, moment: datetime, since: Mapping[str, str]
) -> tuple[list[Record | Reject], bool]:
    """Return the jobs updated in the second of `moment`, as lists have them, and some later.

    Also whether they are certainly all: a list that moves between two pages may hide one. `since`
    is the moment as a filter of lists.
    """
    list_ = readers.reader({"sort": "updated", "direction": "asc", "limit": "", **since}, Places())
    found: list[Record | Reject] = []
    for number in range(MOST_PAGES_OF_A_SECOND):
        listed = list_(len(found), PAGE_SIZE)
        found += listed.records
        times = map(_updated_at, listed.records)
        past = max((at for at in times if at is not None), default=moment) > moment
        if past or not listed.records or listed.more is False:
            return found, number == 0
    return found, False


def newest(readers: ListReaders) -> datetime | None:
    """Return the latest `updated_at` of all jobs; None for an account without jobs."""
    list_ = readers.reader({"sort": "updated", "direction": "desc", "limit": ""}, Places())
    times: list[datetime] = []
    for limit in (1, PAGE_SIZE):
        try:
            records = list_(0, limit).records
        except RequestRefused:
            if limit == PAGE_SIZE:
                raise
            continue  # perhaps for this record alone
        times = [at for at in map(_updated_at, records) if at is not None]
        if times or not records:
            break
    return max(times, default=None)


def _updated_at(record: Record | Reject) -> datetime | None:
    if isinstance(record, Record):
        return record.job.updated_at
    return time_in(record.payload, "updated_at")
