"""The options, each declared once if several commands have it."""

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from snapshotter import logs
from snapshotter.api.limits import LEAST_REQUESTS
from snapshotter.cli import candidates
from snapshotter.cli.configuration import Configured, current, outranked, sources
from snapshotter.cli.connections import ApiOptions
from snapshotter.cli.parameters import ID, Day, Days, Duration, Integer, Mode, Number, Setting
from snapshotter.errors import UsageError
from snapshotter.settings import (
    ACCOUNT_VARIABLE,
    CONFIG_VARIABLE,
    DATABASE_URL_VARIABLE,
    DEFAULT_DATABASE_URL,
    DEFAULT_TIMEOUT,
    MODES,
    VARIABLES_VARIABLE,
    setting,
)


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
package_id_option = click.option("--package-id", type=ID, help="Only this package, by its id.")


def _as_account_id(_ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
    """Return the ids of accounts of which some may be named as in the configuration file."""
    if isinstance(value, tuple):
        return tuple(map(current().account_id, value))
    return None if value is None else current().account_id(value)


account_option = click.option(
    "--account",
    shell_complete=candidates.accounts,
    metavar="ID",
    callback=_as_account_id,
    help="Only this account.",
)
accounts_option = click.option(
    "--account",
    "account_ids",
    shell_complete=candidates.accounts,
    multiple=True,
    metavar="ID",
    callback=_as_account_id,
    help="Only this account; may be repeated.",
)
status_option = click.option(
    "--status", shell_complete=candidates.statuses, help="Only the jobs with this status."
)


last_option = click.option(
    "--last",
    type=Days(),
    help="Only the last days, e.g. 30d or 12w, ending with the newest day stored, or before "
    "--until.",
)
_FILTER_OPTIONS = (
    last_option,
    since_option,
    until_option,
    package_option,
    package_id_option,
    account_option,
)


def takes_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add the filters of a command that shows runs; the command gets them as `window`."""

    @functools.wraps(command)
    def with_filters(**values: Any) -> None:
        from snapshotter.trends.filters import Window

        own = {field.name: values.pop(field.name) for field in fields(Window)}
        command(window=Window(**own), **values)

    return _with_options(with_filters, _FILTER_OPTIONS)


_FILE_OPTIONS = (
    click.option(
        "--raw", is_flag=True, help="In CSV, leave text that looks like a formula unchanged."
    ),
    click.option(
        "--excel",
        is_flag=True,
        help="CSV for Excel: its separator, decimal sign and dates are those of --locale, in UTC. "
        "Needs the extra `excel`.",
    ),
    click.option(
        "--locale",
        metavar="NAME",
        help="For --excel, like de_DE.  [default: LC_ALL, LC_NUMERIC or LANG, else en_US]",
    ),
)


def takes_file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of CSV to a command with a `--format`; it gets all of them as `asked`."""

    @functools.wraps(command)
    def with_file_options(**values: Any) -> None:
        from snapshotter.export.style import Asked

        own = {field.name: values.pop(field.name) for field in fields(Asked)}
        command(asked=Asked(**own), **values)

    return _with_options(with_file_options, _FILE_OPTIONS)


def output_option(help: str, **named: Any) -> Callable[[Any], Any]:  # noqa: A002 - as in click
    """Return the option that names the file to write."""
    return click.option(
        "-o", "--output", metavar="FILE", shell_complete=candidates.files, help=help, **named
    )


def _with_options(
    command: Callable[..., None], options: Iterable[Callable[[Any], Any]]
) -> Callable[..., None]:
    for option in reversed([*options]):  # click lists the last one applied first
        command = option(command)
    return command


def required(output: str | None) -> str:
    """Return the value of `--output`. Raises `UsageError` if there is none."""
    if not output:
        raise UsageError("no output given: add -o FILE (or -o - for standard output)")
    return output


api_key_file_option = click.option(
    "--api-key-file",
    type=click.Path(path_type=Path),
    help="Read the key from this file.  [default: XPLENTY_API_KEY]",
)
reserve_credits_option = click.option(
    "--reserve-credits",
    type=Integer(0, 2**31 - 1),
    help="Credits of each hour to leave unspent.  "
    "[default: 500, or 10% of the hourly budget if that is at most 500]",
)
variables_option = click.option(
    "--variables",
    cls=Setting,
    type=Mode(MODES),
    default="mask",
    show_default=True,
    envvar=VARIABLES_VARIABLE,
    help="How to store values whose names look secret: as ***, as an HMAC with "
    "SNAPSHOTTER_HASH_KEY, as they are, or without any variables.  "
    f"[env: {VARIABLES_VARIABLE}]",
)
_API_OPTIONS = (
    click.option(
        "--account",
        shell_complete=candidates.accounts,
        multiple=True,
        metavar="NAME",
        help="Only this account, by its name in the configuration file or its id; may be repeated.",
    ),
    api_key_file_option,
    click.option(
        "--timeout",
        type=Number(0.1, 3600),
        default=DEFAULT_TIMEOUT,
        show_default=True,
        metavar="SECONDS",
        help="How long a request may take in total.",
    ),
    reserve_credits_option,
    click.option(
        "--max-requests",
        type=Integer(LEAST_REQUESTS),
        help="Stop after N requests, counting retries and the free credit check.",
        metavar="N",
    ),
    click.option("--max-time", type=Duration(), help="Stop after this time, e.g. 90s, 30m or 2h."),
    variables_option,
)


def takes_api_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that asks the API; the command gets them as `api_options`."""

    @functools.wraps(command)
    def with_options(**values: Any) -> None:
        logs.ABOUT.is_stamped = True
        own = {field.name: values.pop(field.name) for field in fields(ApiOptions)}
        command(api_options=ApiOptions(**{**own, **_not_of_file()}), **values)

    return _with_options(with_options, _API_OPTIONS)


def _not_of_file() -> dict[str, Any]:
    """Return the values that take the place of those of the file: the environment comes before it.

    The file's key is for the accounts without a source; `current` has it. The file's choice of
    accounts comes after `XPLENTY_ACCOUNT_ID`.
    """
    source = click.get_current_context().get_parameter_source
    others: dict[str, Any] = {}
    if source("api_key_file") is ParameterSource.DEFAULT_MAP:
        others["api_key_file"] = None
    if source("account") is ParameterSource.DEFAULT_MAP and setting(os.environ, ACCOUNT_VARIABLE):
        others["account"] = ()
    return others


def _louder(ctx: click.Context, param: click.Parameter, times: int) -> None:
    """Log more. Flags of the group and of the command add up; else the strongest source decides."""
    if not times or outranked(ctx, param):
        return
    own, *outer = sources(ctx, param)
    adds = own is ParameterSource.COMMANDLINE and own in outer
    logs.configure(louder=times if adds or not outer else times - logs.ABOUT.verbosity)


def _format(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None and not outranked(ctx, param):
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
        click.Option(
            ["--config"], metavar="FILE", expose_value=False, envvar=CONFIG_VARIABLE,
            help=f"The configuration file.  [env: {CONFIG_VARIABLE}]",
        ),
    ]  # fmt: skip


class Command(Configured, click.Command):
    """A command with the options of the log and the configuration, which the group has, too."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.params += _log_options()


class LenientCommand(Command):
    """A command that works also with a configuration file that cannot be used."""

    is_lenient = True


class Group(Configured, click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.params += _log_options()
