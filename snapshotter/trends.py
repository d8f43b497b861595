"""Finds, describes and runs the trends: one file of `sql/` each."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, CursorResult, Date, bindparam, text

from snapshotter.database import resource_folder
from snapshotter.errors import UsageError

# What is a fraction by its nature; whatever else a trend counts is a whole number.
_FRACTION = re.compile(r"p\d+_\w+|share|\w+_rate")


@dataclass(frozen=True)
class Filters:
    """Days are UTC dates of the runs: `since` is in, `until` is out. None lets all through."""

    since: date | None = None
    until: date | None = None
    package_id: int | None = None

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise UsageError(
                f"--until {self.until} is not after --since {self.since}: no day lies between"
            )


def names() -> list[str]:
    return sorted(path.stem for path in resource_folder("sql").glob("*.sql"))


def question(name: str) -> str:
    """Give what a trend answers: the first line of its file."""
    return _path(name).read_text(encoding="utf-8").splitlines()[0].removeprefix("--").strip()


def _path(name: str) -> Path:
    if name not in names():
        raise UsageError(f"no trend {name!r}; there are {', '.join(names())}")
    return resource_folder("sql") / f"{name}.sql"


@contextmanager
def run(connection: Connection, name: str, filters: Filters) -> Iterator[CursorResult[Any]]:
    """Run a trend. Raises `UsageError` when there is none of that name."""
    source = _path(name).read_text(encoding="utf-8")
    statement = re.sub(r"^--.*\n", "", source, flags=re.MULTILINE).strip().removesuffix(";")
    bound = text(statement).bindparams(
        bindparam("since", filters.since, Date),
        bindparam("until", filters.until, Date),
        bindparam("package_id", filters.package_id, BigInteger),
    )
    with connection.execute(bound) as result:
        yield result


def plain(columns: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give a trend's row with the same numbers on every engine: some count in decimals."""
    return tuple(
        value
        if not isinstance(value, Decimal)
        else float(value)
        if _FRACTION.fullmatch(column)
        else int(value)
        for column, value in zip(columns, row, strict=True)
    )
