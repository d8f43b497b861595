"""Sparklines: a line of bars for each series of a trend, from the oldest value to the newest."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import Any

from snapshotter.printable import printable
from snapshotter.trends.cells import cell, head, is_number
from snapshotter.trends.values import Result, oldest_first

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
_LONGEST = 32  # characters of a label

Key = tuple[Any, ...]


def sparklines(result: Result, width: int) -> list[str]:
    """Return a line for each series over time: its name, its sparkline, first and last value.

    Series come in the order of the rows.
    """
    columns = result.columns
    measure = next((name for name in _MEASURES if name in columns), None)
    moment = next((name for name in _MOMENTS if name in columns), None)
    if measure is None or moment is None:
        return []
    series = _series(result, measure)
    if not series:
        return []
    keys = [name for name in _KEYS if name in columns]
    labels = [label[:_LONGEST] for label in _labels(keys, list(series)[:_SHOWN])]
    room = max(map(len, labels))
    lines = ["", f"{head(measure)} by {moment}:"]
    for label, values in zip(labels, series.values(), strict=False):
        ends = f"{cell(measure, values[0])} to {cell(measure, values[-1])}"
        bars = sparkline(values, max(8, width - room - len(ends) - 4))
        lines.append(f"{label:{room}}  {bars}  {ends}".lstrip())
    if len(series) > _SHOWN:
        lines.append(f"and {len(series) - _SHOWN:,} more series; --package shows one")
    return lines


def _series(result: Result, measure: str) -> dict[Key, list[float]]:
    """Return the values of each series of more than one, the oldest first."""
    columns = result.columns
    keyed = [columns.index(name) for name in _KEYS if name in columns]
    measured = columns.index(measure)
    series: dict[Key, list[float]] = {tuple(row[i] for i in keyed): [] for row in result.rows}
    for row in oldest_first(result).rows:
        value = row[measured]
        if is_number(value) and isfinite(value):
            series[tuple(row[i] for i in keyed)].append(value)
    return {key: values for key, values in series.items() if len(values) > 1}


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
