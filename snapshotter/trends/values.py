"""The values of a trend's rows, the same on every engine."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

# SQLite keeps times and days as text: they are known by the columns that hold them.
TIME = re.compile(r"\w+_at|\w*since|\w+_seen")
DAY = re.compile(r"day|week|month")
# What orders rows in time: the first of these columns that a trend has.
MOMENTS = ("day", "week", "month", "changed_at", "started_at")
_WITHIN_A_MOMENT = ("hour", "snapshot_id", "job_id")
_TIME_TEXT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.(?:\d{3}|\d{6})")
_DAY_TEXT = re.compile(r"\d{4}-\d\d-\d\d")


Rows = list[tuple[Any, ...]]


class Result(NamedTuple):
    """A trend's columns and rows; each row is `normalized`."""

    columns: list[str]
    rows: Rows


def oldest_first(result: Result) -> Result:
    """Return the rows from the oldest to the newest; those without a time are last.

    Without a column of `MOMENTS` the order stays.
    """
    columns = result.columns
    moment = next((columns.index(name) for name in MOMENTS if name in columns), None)
    if moment is None:
        return result
    within = [columns.index(name) for name in _WITHIN_A_MOMENT if name in columns]

    def order(row: tuple[Any, ...]) -> tuple[Any, ...]:
        at = row[moment]
        return (
            at is None,
            "" if at is None else str(at),
            *(_number(row[place]) for place in within),
        )

    return Result(columns, sorted(result.rows, key=order))


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else 0


def normalized(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Rows:
    """Return a trend's rows with the same values on every engine.

    They are int, float, str, `date`, aware `datetime` in UTC, or None.
    """
    by_column = zip(*rows, strict=True)
    return [*zip(*map(_normalized_column, columns, by_column), strict=True)]


def _normalized_column(column: str, values: tuple[Any, ...]) -> Sequence[Any]:
    """Return the values of a column, of which most need no change, or are few different texts."""
    types = {*map(type, values)} - {type(None)}
    if types <= {int} or (types <= {int, str} and not _holds_times(column)):
        return values
    if types == {str}:
        known = {value: _normalized(column, value) for value in {*values}}
        return [known[value] for value in values]
    return [_normalized(column, value) for value in values]


def _holds_times(column: str) -> bool:
    return bool(TIME.fullmatch(column) or DAY.fullmatch(column))


def _normalized(column: str, value: Any) -> Any:
    if isinstance(value, Decimal):  # a sum of integers has no decimal places, a quotient has
        exponent = value.as_tuple().exponent
        return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value) + 0.0
    if isinstance(value, float):
        return value + 0.0  # a value that is rounded to zero is -0.0 on some engines
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, str):
        with suppress(ValueError):  # text of a user's own trend may only look like a time
            if TIME.fullmatch(column) and _TIME_TEXT.fullmatch(value):
                return datetime.fromisoformat(value).replace(tzinfo=UTC)
            # A slowdown is known to the day: `since` has days in one trend, and times in others.
            if _DAY_TEXT.fullmatch(value) and _holds_times(column):
                return date.fromisoformat(value)
    return value
