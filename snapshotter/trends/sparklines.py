"""Sparklines: a line of bars for each series of a trend, from the oldest value to the newest."""

from bisect import insort
from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import Any

from snapshotter.printable import printable
from snapshotter.trends.cells import cell, head, is_number
from snapshotter.trends.values import Result, Rows, oldest_first

_BARS = "▁▂▃▄▅▆▇█"
# What the sparkline of a series shows: the first of these columns that a trend has.
_MEASURES = (
    *("p50_seconds", "failure_rate", "records", "seconds_per_million", "node_hours", "peak"),
    "jobs_seen",
)
_MOMENTS = ("day", "week", "started_at")
_ACCOUNT = "account_id"
_SERIES = ("package_name", "output_name", "cluster_name")
_KEYS = (_ACCOUNT, "package_id", "cluster_id", *_SERIES)
_SHOWN = 12  # series
_LEAST = 2  # values of a series
_DROPPED: Rows = []  # in the place of the rows of a series that is not shown
_LONGEST = 32  # characters of a label

Key = tuple[Any, ...]


def sparklines(result: Result, width: int) -> list[str]:
    """Return the lines of `Series` for these rows."""
    series = Series(result.columns)
    series.add(result.rows)
    return series.lines(width)


class Series:
    """Collects the rows of the series that are shown, from rows that come in batches.

    These are the first that have more than one value; of the others only their keys are kept, so
    memory grows with the number of series and with the moments, not with the rows.
    """

    def __init__(self, columns: list[str]) -> None:
        self._columns = columns
        self._measure = next((name for name in _MEASURES if name in columns), None)
        self._moment = next((name for name in _MOMENTS if name in columns), None)
        self._keyed = [columns.index(name) for name in _KEYS if name in columns]
        self._places: dict[Key, int] = {}  # in the order of the rows
        self._rows: dict[int, Rows] = {}  # with a value, by place
        self._long: list[int] = []  # the places of those shown so far, in order
        self._count = 0  # of series with more than one value

    def add(self, rows: Rows) -> None:
        if self._measure is None or self._moment is None:
            return
        measured = self._columns.index(self._measure)
        for row in rows:
            key = tuple(row[place] for place in self._keyed)
            place = self._places.setdefault(key, len(self._places))
            value = row[measured]
            if not is_number(value) or not isfinite(value):
                continue
            known = self._rows.setdefault(place, [])
            if known is _DROPPED:
                continue
            known.append(row)
            if len(known) == _LEAST:
                self._note_long(place)

    def _note_long(self, place: int) -> None:
        self._count += 1
        insort(self._long, place)
        if len(self._long) > _SHOWN:
            self._rows[self._long.pop()] = _DROPPED

    def lines(self, width: int) -> list[str]:
        """Return a line for each series over time: its name, its sparkline, first and last value.

        Series come in the order of the rows.
        """
        if not self._long or self._measure is None:
            return []
        measure = self._measure
        keys = [name for name in _KEYS if name in self._columns]
        by_place = {place: key for key, place in self._places.items()}
        labels = _labels(keys, [by_place[place] for place in self._long])
        labels = [label[:_LONGEST] for label in labels]
        room = max(map(len, labels))
        lines = ["", f"{head(measure)} by {self._moment}:"]
        for label, place in zip(labels, self._long, strict=True):
            values = self._values(place, measure)
            ends = f"{cell(measure, values[0])} to {cell(measure, values[-1])}"
            bars = sparkline(values, max(8, width - room - len(ends) - 4))
            lines.append(f"{label:{room}}  {bars}  {ends}".lstrip())
        if self._count > _SHOWN:
            lines.append(f"and {self._count - _SHOWN:,} more series; --package shows one")
        return lines

    def _values(self, place: int, measure: str) -> list[float]:
        ordered = oldest_first(Result(self._columns, self._rows[place]))
        return [row[self._columns.index(measure)] for row in ordered.rows]


def _labels(keys: Sequence[str], series: Sequence[Key]) -> list[str]:
    """Return a name for each series: with its account, if there are several."""
    labels = []
    has_accounts = _ACCOUNT in keys and len({key[keys.index(_ACCOUNT)] for key in series}) > 1
    for key in series:
        known = dict(zip(keys, key, strict=True))
        if known.get("package_name") is None and known.get("package_id") is not None:
            known["package_name"] = f"package {known['package_id']}"
        named = (*([_ACCOUNT] if has_accounts else []), *_SERIES)
        parts = [str(known[name]) for name in named if known.get(name) is not None]
        labels.append(printable("/".join(parts)))
    return labels


def sparkline(values: Sequence[float], width: int) -> str:
    """Return bars from zero to the greatest value; if there is little room, each is a mean."""
    if len(values) > width:
        edges = [i * len(values) // width for i in range(width + 1)]
        parts = [values[a:b] for a, b in pairwise(edges)]
        values = [sum(part) / len(part) for part in parts]
    top = max(values)
    last = len(_BARS) - 1
    return "".join(_BARS[round(last * max(0, v) / top) if top > 0 else 0] for v in values)
