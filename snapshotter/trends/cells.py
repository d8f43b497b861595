"""A trend's values as people read them: durations in words, flags as yes and no."""

import re
from datetime import datetime
from math import isfinite
from typing import Any

from snapshotter.printable import printable
from snapshotter.times import duration

_DURATION = re.compile(r"(?:\w+_)?seconds|(?:recent|baseline)_p50")
_JOB_ID = re.compile(r"(?:\w+_)?job_id")
_FLAGS = ("stuck", "overdue", "edited")


def cell(column: str, value: Any) -> str:
    """Return a value as one line of text, which no terminal obeys."""
    if value is None:
        return ""
    if is_number(value):
        return _number(column, value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return printable(str(value))


def _number(column: str, value: float) -> str:
    if column in _FLAGS and value in (0, 1):
        return "yes" if value else "no"
    if is_duration(column) and isfinite(value):
        return duration(value)
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return str(value) if column.endswith("id") else f"{value:,}"


def head(column: str) -> str:
    """Return a column's name; without the unit if the values are in words."""
    shown = printable(column)
    if not is_duration(column):
        return shown
    return "duration" if shown == "seconds" else shown.removesuffix("_seconds")


def is_duration(column: str) -> bool:
    return _DURATION.fullmatch(column) is not None


def is_job_id(column: str) -> bool:
    return _JOB_ID.fullmatch(column) is not None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
