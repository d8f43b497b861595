"""The values of a trend's rows, the same on every engine."""

import re
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


def normalized(columns: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a trend's row with the same values on every engine.

    They are int, float, str, `date`, aware `datetime` in UTC, or None.
    """
    return tuple(_normalized(column, value) for column, value in zip(columns, row, strict=True))


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
            if _DAY_TEXT.fullmatch(value) and (DAY.fullmatch(column) or TIME.fullmatch(column)):
                return date.fromisoformat(value)
    return value
