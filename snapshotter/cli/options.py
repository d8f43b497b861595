"""The options, each declared once if several commands have it, and the types of their values."""

import functools
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from snapshotter import logs
from snapshotter.api.limits import LEAST_REQUESTS
from snapshotter.cli.connections import ApiOptions
from snapshotter.errors import UsageError
from snapshotter.settings import (
    DATABASE_URL_VARIABLE,
    DEFAULT_DATABASE_URL,
    DEFAULT_TIMEOUT,
    MODES,
    VARIABLES_VARIABLE,
)
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


class Setting(click.Option):
    """An option that a variable may set: white space around it is dropped, empty means not set."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        return cleaned(super().resolve_envvar_value(ctx) or "") or None

    def consume_value(self, ctx: click.Context, opts: Any) -> Any:
        value, source = super().consume_value(ctx, opts)
        return (cleaned(value) if isinstance(value, str) else value), source


def _note_database(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    logs.ABOUT.database = value
    return value


database_option = click.option(
    "--database",
    "database_url",
    cls=Setting,
    envvar=DATABASE_URL_VARIABLE,
    default=DEFAULT_DATABASE_URL,
    show_default=True,
    metavar="URL",
    callback=_note_database,
    help=f"The database, as a SQLAlchemy URL.  [env: {DATABASE_URL_VARIABLE}]",
)


since_option = click.option("--since", type=Day(), help="Only from this day on (UTC).")
until_option = click.option("--until", type=Day(), help="Only before this day (UTC).")
package_option = click.option("--package", metavar="NAME_OR_ID", help="Only this package.")
account_option = click.option("--account", metavar="ID", help="Only this account.")
package_id_option = click.option("--package-id", type=ID, help="Only this package, by its id.")


def last_option(default: str | None = None) -> Callable[[Any], Any]:
    """Return the option for the last days; a command may have a default for it."""
    return click.option(
        "--last",
        type=Days(),
        default=default,
        show_default=default is not None,
        help="Only the last days, e.g. 30d or 12w, ending with the newest day stored.",
    )


def required(output: str | None) -> str:
    """Return the value of `--output`. Raises `UsageError` if there is none."""
    if not output:
        raise UsageError("no output given: add -o FILE (or -o - for standard output)")
    return output


_API_OPTIONS = (
    click.option(
        "--api-key-file",
        type=click.Path(path_type=Path),
        help="Read the key from this file.  [default: XPLENTY_API_KEY]",
    ),
    click.option(
        "--timeout",
        type=Number(0.1, 3600),
        default=DEFAULT_TIMEOUT,
        show_default=True,
        metavar="SECONDS",
        help="How long a request may take in total.",
    ),
    click.option(
        "--reserve-credits",
        type=Integer(0, 2**31 - 1),
        help="Credits of each hour to leave unspent.  "
        "[default: 500, or 10% of the hourly budget if that is at most 500]",
    ),
    click.option(
        "--max-requests",
        type=Integer(LEAST_REQUESTS),
        help="Stop after N requests, counting retries and the free credit check.",
        metavar="N",
    ),
    click.option("--max-time", type=Duration(), help="Stop after this time, e.g. 90s, 30m or 2h."),
    click.option(
        "--variables",
        cls=Setting,
        type=Mode(MODES),
        default="mask",
        show_default=True,
        envvar=VARIABLES_VARIABLE,
        help="How to store values whose names look secret: as ***, as an HMAC with "
        "SNAPSHOTTER_HASH_KEY, as they are, or without any variables.  "
        f"[env: {VARIABLES_VARIABLE}]",
    ),
)


def takes_api_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that asks the API; the command gets them as `api_options`."""

    @functools.wraps(command)
    def with_options(**values: Any) -> None:
        logs.ABOUT.is_stamped = True
        own = {field.name: values.pop(field.name) for field in fields(ApiOptions)}
        command(api_options=ApiOptions(**own), **values)

    wrapped: Callable[..., None] = with_options
    for option in reversed(_API_OPTIONS):  # click lists the last one applied first
        wrapped = option(wrapped)
    return wrapped


def _louder(_ctx: click.Context, _param: click.Parameter, times: int) -> None:
    if times:
        logs.configure(louder=times)


def _format(_ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        logs.configure(is_json=value == "json")


def _log_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["-v", "--verbose"], count=True, expose_value=False, callback=_louder,
            help="Log each step; twice, each request.",
        ),
        click.Option(
            ["--log-format"], type=click.Choice(["text", "json"]), expose_value=False,
            callback=_format, help="Write standard error as lines of text or as JSON objects.  "
            "[default: text]",
        ),
    ]  # fmt: skip


class Command(click.Command):
    """A command with the options of the log, which the group has, too."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.params += _log_options()


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.params += _log_options()
