"""What several commands share: kinds of values, options, and how the API is to be asked."""

import functools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snapshotter import logs
from snapshotter.settings import (
    DATABASE_URL_VARIABLE,
    DEFAULT_DATABASE_URL,
    DEFAULT_TIMEOUT,
    VARIABLES_VARIABLE,
    WAYS,
    Service,
    privacy,
    service,
)
from snapshotter.texts import cleaned

if TYPE_CHECKING:
    from snapshotter.api.client import Client
    from snapshotter.redact import Redaction

ID = click.IntRange(1, 2**63 - 1)


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
    """A number of seconds, or of what its letter says."""

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
            self.fail(f"{value!r} is not days or weeks, like {self.expected}", param, ctx)
        return super().convert(value, param, ctx)


class Way(click.Choice[str]):
    """A choice whose wrong value is not quoted: it may be a key in the wrong variable."""

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if value not in self.choices:
            self.fail(f"it is not one of {', '.join(self.choices)}", param, ctx)
        return str(value)


class Setting(click.Option):
    """An option that a variable may set: what strays around it is dropped, empty is not set."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        return cleaned(super().resolve_envvar_value(ctx) or "") or None

    def consume_value(self, ctx: click.Context, opts: Any) -> Any:
        value, source = super().consume_value(ctx, opts)
        return (cleaned(value) if isinstance(value, str) else value), source


def _note_database(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    logs.about(database=value)
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


@dataclass(frozen=True)
class Asking:
    """How a command is to ask the API."""

    api_key_file: Path | None
    timeout: float
    reserve_credits: int | None
    max_requests: int | None
    max_time: timedelta | None
    variables: str

    @contextmanager
    def session(self) -> Iterator[tuple["Client", Service, "Redaction"]]:
        """Give the client and what goes with it; a signal stops it after the page under way."""
        from snapshotter.api.client import Client, Limits
        from snapshotter.interrupt import Interruptible
        from snapshotter.redact import Redaction

        xplenty = service(os.environ, self.api_key_file, self.timeout)
        logs.about(account=xplenty.account_id)
        logs.learn(xplenty.key.secret)
        kept = privacy(os.environ, self.variables)
        hash_key = None if kept.hash_key is None else kept.hash_key.secret
        redact = Redaction(kept.variables, kept.secret_names, hash_key)
        seconds = None if self.max_time is None else self.max_time.total_seconds()
        limits = Limits(self.reserve_credits, self.max_requests, seconds)
        with Interruptible() as clock, Client(xplenty, limits, clock=clock) as client:
            yield client, xplenty, redact


def shown(database_url: str) -> str:
    """Return a database's URL without password and options, which may be secret too."""
    from snapshotter.errors import UsageError
    from snapshotter.store import urls

    try:
        return urls.shown(*urls.parse(database_url))
    except UsageError:
        return "a database whose URL cannot be read"


@contextmanager
def reading(database_url: str) -> Iterator[Any]:
    """Open a database that is at head, to read."""
    from snapshotter.store.engine import connect, named_errors
    from snapshotter.store.revisions import require_head

    engine = connect(database_url, read_only=True)
    require_head(engine)
    with named_errors():
        yield engine
    engine.dispose()


_ASKING = (
    click.option(
        "--api-key-file",
        type=click.Path(path_type=Path),
        help="Read the key from this file.  [default: XPLENTY_API_KEY]",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0.1, 3600),
        default=DEFAULT_TIMEOUT,
        show_default=True,
        metavar="SECONDS",
        help="How long a whole request may take.",
    ),
    click.option(
        "--reserve-credits",
        type=click.IntRange(0, 2**31 - 1),
        help="Credits of the hour that are never spent.  "
        "[default: 500, or 10% of the hourly budget if that is at most 500]",
    ),
    click.option(
        "--max-requests",
        type=click.IntRange(1),
        help="Stop after N requests, counting retries and the free credit check.",
        metavar="N",
    ),
    click.option("--max-time", type=Duration(), help="Stop after so long, like 90s, 30m or 2h."),
    click.option(
        "--variables",
        cls=Setting,
        type=Way(WAYS),
        default="mask",
        show_default=True,
        envvar=VARIABLES_VARIABLE,
        help="What is stored of values whose names look secret: ***, an HMAC by "
        "SNAPSHOTTER_HASH_KEY, the value, or no variables at all.  "
        f"[env: {VARIABLES_VARIABLE}]",
    ),
)


def asks_the_api(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that asks the API; it takes them as `asking`."""

    @functools.wraps(command)
    def asking_command(**words: Any) -> None:
        logs.about(is_stamped=True)
        own = {name: words.pop(name) for name in Asking.__dataclass_fields__}
        command(asking=Asking(**own), **words)

    return functools.reduce(lambda wrapped, option: option(wrapped), _ASKING[::-1], asking_command)


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
            help="Say what is done, step by step; twice, every request.",
        ),
        click.Option(
            ["--log-format"], type=click.Choice(["text", "json"]), expose_value=False,
            callback=_format, help="How standard error is written: lines, or objects.  "
            "[default: text]",
        ),
    ]  # fmt: skip


class Command(click.Command):
    """A command that takes the options of the log, as the group before it does."""

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
