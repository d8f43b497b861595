"""The types of the values of options: what is read, and what is refused in which words."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click

from snapshotter.texts import cleaned


class Integer(click.IntRange):
    name = "integer"  # as messages and `--help` call it; click's own is "integer range"


class Number(click.FloatRange):
    name = "number"


ID = Integer(1, 2**63 - 1)


class Moment(click.ParamType[datetime]):
    """A day or a time, ISO 8601; without a zone it is UTC."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(value)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is not a time; expected something like 2026-01-31 or "
                "2026-01-31T23:59:59Z",
                param,
                ctx,
            )


class Day(click.ParamType[date]):
    name = "day"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; expected something like 2026-01-31", param, ctx)


class Duration(click.ParamType[timedelta]):
    """A number of seconds, or of the unit that its letter names."""

    name = "duration"
    expected = "90s, 30m, 2h or 7d"
    seconds = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}  # noqa: RUF012 - a constant

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)([smhdw]?)", value, re.ASCII)
        if found is None or not float(found[1]):
            self.fail(
                f"{value!r} is not a length of time; expected something like {self.expected}",
                param,
                ctx,
            )
        try:
            return timedelta(seconds=float(found[1]) * self.seconds[found[2]])
        except OverflowError:
            self.fail(f"{value!r} is too long", param, ctx)


class Days(Duration):
    """A number of days or weeks."""

    name = "days"
    expected = "30d or 12w"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, str) and re.fullmatch(r"[0-9.]+", value):
            self.fail(f"{value!r} has no unit; did you mean {value}d?", param, ctx)
        if isinstance(value, str) and re.fullmatch(r"[0-9.]+[smh]", value):
            self.fail(
                f"{value!r} is not in days or weeks; expected something like {self.expected}",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


class Mode(click.Choice[str]):
    """A choice whose wrong value is not quoted: it may be a key in the wrong variable."""

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if value not in self.choices:
            self.fail(f"it is not one of {', '.join(self.choices)}", param, ctx)
        return str(value)


class OwnSetting(click.Option):
    """An option that means something else than those of its name in other commands.

    The top level of a configuration file does not set it.
    """


class Setting(click.Option):
    """An option that a variable may set: white space around it is dropped, empty means not set."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        return cleaned(super().resolve_envvar_value(ctx) or "") or None

    def consume_value(self, ctx: click.Context, opts: Any) -> Any:
        value, source = super().consume_value(ctx, opts)
        return (cleaned(value) if isinstance(value, str) else value), source
