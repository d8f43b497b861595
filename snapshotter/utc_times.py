"""The type of the columns with times.

It is apart from the models, whose import takes as long as that of all else: what reads a few values
by plain SQL needs only the type.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import DateTime, Dialect, TypeDecorator
from sqlalchemy.types import TypeEngine

_WHOLE_SECONDS = 20  # characters


def _to_iso(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError(f"a time without a time zone: {at!r}")
    # A job has a dozen times, and msgspec takes a fifth of the time of `isoformat`.
    iso: str = msgspec.to_builtins(at if at.tzinfo is UTC else at.astimezone(UTC))
    return iso


def _to_text(at: datetime | None) -> str | None:
    """Return a time as SQLite stores it; MariaDB accepts the same text."""
    return None if at is None else _iso_to_text(_to_iso(at))


def _iso_to_text(iso: str) -> str:
    """Return a time in UTC as SQLite stores it.

    It has three decimals, which sqlite-jdbc reads as milliseconds whatever their number, and six
    only if three would lose some: so times still sort as text.
    """
    # Most times have whole seconds: `2026-01-05T03:04:05Z`.
    fraction = "000" if len(iso) == _WHOLE_SECONDS else iso[20:26].removesuffix("000")
    return f"{iso[:10]} {iso[11:19]}.{fraction}"


def times_as_stored(dialect: Dialect, times: Sequence[datetime | None]) -> list[str | None]:
    """Return times as `UTCDateTime` binds each of them; all in one step, which is much faster."""
    write = str if dialect.name == "postgresql" else _iso_to_text
    isos: list[str | None] = msgspec.to_builtins(list(times))
    return [
        None if iso is None else write(iso if iso[-1] == "Z" else _to_iso(at))  # type: ignore[arg-type]  # not None
        for iso, at in zip(isos, times, strict=True)
    ]


def _to_iso_or_none(at: datetime | None) -> str | None:
    return None if at is None else _to_iso(at)


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "+00:00")


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC and to the microsecond by every engine."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - see the module's docstring

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        return _to_iso_or_none if dialect.name == "postgresql" else _to_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        if dialect.name == "sqlite":
            return _from_text
        return super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's interface
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
