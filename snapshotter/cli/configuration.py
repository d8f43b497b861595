"""The configuration of the command that runs: its options, by variables and by the file.

A flag comes before a variable, a variable before the file. The file is read when the first option
that neither a flag nor a variable sets is looked up: so `--help` does not read it.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from snapshotter import logs
from snapshotter.cli.option_names import Words, levels, setting_name, settings, unknown
from snapshotter.cli.parameters import OwnSetting
from snapshotter.errors import UsageError

if TYPE_CHECKING:
    from snapshotter.configuration import Configuration

_STRENGTH = (  # the strongest first
    ParameterSource.PROMPT,
    ParameterSource.COMMANDLINE,
    ParameterSource.ENVIRONMENT,
    ParameterSource.DEFAULT_MAP,
    ParameterSource.DEFAULT,
)
_KEY, _WORDS = "snapshotter.configuration", "snapshotter.words"


def current() -> "Configuration":
    """Return the configuration of the running command; an empty one outside a command."""
    from snapshotter.configuration import Configuration

    context = click.get_current_context(silent=True)
    if context is None:
        return Configuration()
    if isinstance(context.default_map, _OfFile):
        context.default_map.read()
    found = context.meta.get(_KEY)
    return found if isinstance(found, Configuration) else Configuration()


def given(context: click.Context | None = None) -> Path | None:
    """Return the file that `--config` names, of the running command if none is passed."""
    context = context or click.get_current_context(silent=True)
    return None if context is None else _given(context)


def words_of(context: click.Context) -> Words:
    """Return the words that call the running command, without the program's name."""
    words: list[str] = []
    at: click.Context | None = context
    while at is not None and at.parent is not None:
        words.insert(0, at.info_name or "")
        at = at.parent
    return tuple(words)


def require_known(found: "Configuration", root: click.Group) -> None:
    """Raise `UsageError` for a name in a file that is not a command or a setting."""
    from snapshotter.configuration import WITHOUT_OPTION

    if why := unknown(found.options, root, tuple(WITHOUT_OPTION)):
        raise UsageError(f"{found.path}: {why}")


def of_file(found: "Configuration", words: Words, option: click.Option) -> tuple[str, Any] | None:
    """Return the place and the value of an option of a command in a file; None if it is not set.

    The place is the name of the setting, like `sync.reserve_credits`. Raises `UsageError` for a
    value of a wrong type, without quoting it.
    """
    from snapshotter.cli.file_values import WrongValueError, converted

    name = setting_name(option)
    for table, values in levels(found.options, words):
        # A table is of a command that is called like an option: [status], and sync's --status.
        if name not in values or isinstance(values[name], Mapping):
            continue
        if not table and isinstance(option, OwnSetting):
            continue
        place = f"{table}.{name}" if table else name
        try:
            return place, converted(option, values[name], found.path or Path())
        except WrongValueError as error:
            raise UsageError(f"{found.path}: {place}: {error}") from None
    return None


class _OfFile(dict[str, Any]):
    """The values of a command's options in the file; it is read at the first look-up."""

    def __init__(self, context: click.Context, *, is_lenient: bool) -> None:
        super().__init__()
        self._context, self._is_lenient, self._is_read = context, is_lenient, False
        self.places: dict[str, str] = {}

    def __contains__(self, name: object) -> bool:
        self.read()
        return super().__contains__(name)

    def read(self) -> None:
        """Read the file unless it has been read. Raises `UsageError`, unless lenient."""
        if self._is_read:
            return
        self._is_read = True
        try:
            self._fill()
        except UsageError:
            if not self._is_lenient:
                raise

    def _fill(self) -> None:
        root = self._context.find_root().command
        if not isinstance(root, click.Group):
            return
        from snapshotter import configuration

        found = configuration.load(os.environ, _given(self._context))
        self._context.meta[_KEY] = found
        options = settings(self._context.command)
        self._set(found, options.pop("log_format"))  # first, for the errors that follow
        require_known(found, root)
        for option in options.values():
            self._set(found, option)

    def _set(self, found: "Configuration", option: click.Option) -> None:
        set_to = of_file(found, words_of(self._context), option)
        if set_to is None or option.name is None:
            return
        self.places[option.name], self[option.name] = set_to
        if option.name == "api_key_file":  # it comes after an account's own source
            self._context.meta[_KEY] = replace(found, key_file=Path(set_to[1]))


class Configured(click.Command):
    """A command whose options can be set by variables and by the configuration file.

    `is_lenient`: the command works also with a file that cannot be used.
    """

    is_lenient = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.parent is None:
            ctx.meta[_WORDS] = [*args]
        of_file = None
        if self._takes_file(ctx, args):
            ctx.default_map = of_file = _OfFile(ctx, is_lenient=self.is_lenient)
        try:
            rest = super().parse_args(ctx, args)
            if of_file is not None:
                of_file.read()
        except (click.UsageError, UsageError) as error:
            _set_log_format(ctx)
            raise _named(error, ctx) from None
        return rest

    def _takes_file(self, ctx: click.Context, args: list[str]) -> bool:
        """Whether options are set here, and not only by the command that follows a group."""
        if ctx.resilient_parsing or not isinstance(self, click.Group):
            return not ctx.resilient_parsing
        return self.invoke_without_command and not {*ctx.help_option_names} & {*args}

    def get_help(self, ctx: click.Context) -> str:
        ctx.default_map = None  # the defaults that it shows are those without a file
        return super().get_help(ctx)


def _given(context: click.Context) -> Path | None:
    """Return the file that `--config` names, before or after the command: the last one counts."""
    found = None
    words = context.meta.get(_WORDS, [])
    for word, following in pairwise([*words, ""]):
        if word == "--":
            break
        if word == "--config" or word.startswith("--config="):
            found = Path(word.partition("=")[2] if "=" in word else following)
    return found


def sources(context: click.Context, option: click.Parameter) -> list[ParameterSource]:
    """Return what set an option of the command and of the groups around it, the nearest first."""
    found, at = [], context
    while True:
        source = at.get_parameter_source(str(option.name))
        if source is not None:
            found.append(source)
        if at.parent is None:
            return found
        at = at.parent


def outranked(context: click.Context, option: click.Parameter) -> bool:
    """Whether an option of a group, which the command has too, was set by a stronger source."""
    own, *outer = sources(context, option)
    if own is not ParameterSource.COMMANDLINE and _is_flagged(context, option):
        return True
    return any(_STRENGTH.index(each) < _STRENGTH.index(own) for each in outer)


def _is_flagged(context: click.Context, option: click.Parameter) -> bool:
    """Whether a word, before or after the command, is the long name of the option."""
    long = max(option.opts, key=len)
    return any(word.partition("=")[0] == long for word in context.meta.get(_WORDS, []))


def _set_log_format(context: click.Context) -> None:
    """Write an error of the options in the format that a variable or the file asks for."""
    if isinstance(context.default_map, _OfFile):
        with suppress(UsageError):  # the format is known if the file could be parsed
            context.default_map.read()
    for option in context.command.params:
        # A flag was looked for before click read the words.
        if option.name == "log_format" and not _is_flagged(context, option):
            value, _ = option.consume_value(context, {})
            if value == "json" and not logs.ABOUT.is_json:
                logs.configure(is_json=True)


def _named(error: click.UsageError | UsageError, context: click.Context) -> Exception:
    """Return the error of a value with the variable or the setting that it came from.

    The value is not quoted then: it may be a key in the wrong place.
    """
    if not isinstance(error, click.BadParameter) or not isinstance(error.param, click.Option):
        return error
    option, name = error.param, str(error.param.name)
    source = context.get_parameter_source(name)
    if source is ParameterSource.ENVIRONMENT:
        variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
        named = next((each for each in variables if os.environ.get(each)), "")
        message = unquoted(error.message, option, os.environ.get(named, ""))
        return click.BadParameter(f"{message} (in the variable {named})", context, option)
    if source is ParameterSource.DEFAULT_MAP and isinstance(context.default_map, _OfFile):
        place = context.default_map.places[name]
        message = unquoted(error.message, option, context.default_map[name])
        where = "" if "." in place else "; a table of a command sets it for this command only"
        file = context.meta[_KEY].path
        return UsageError(f"{file}: {place}: {message.removesuffix('.')}{where}")
    return error


def unquoted(message: str, option: click.Option, value: Any) -> str:
    """Return click's message about a value without the value."""
    if isinstance(option.type, click.Path | click.File):
        return message
    for text in map(str, value if isinstance(value, list) else [value]):
        message = message.replace(repr(text), "it")
        if len(text) > 1 and not re.fullmatch(r"-?[\d.]+", text):
            message = message.replace(text, "…")
    return message
