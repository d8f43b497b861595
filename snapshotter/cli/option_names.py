"""How the options of all commands are called in the environment and in the configuration file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from snapshotter.texts import nearest

PREFIX = "SNAPSHOTTER"
_NOT_SETTINGS = ("help", "version", "config")  # they are about one call

Words = tuple[str, ...]
Commands = Mapping[Words, click.Command]


def commands(group: click.Command, words: Words = ()) -> Iterator[tuple[Words, click.Command]]:
    """Yield every command with the words that call it; the first is the group itself."""
    yield words, group
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, (*words, name))


def settings(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by the names of their settings."""
    options = [each for each in command.params if isinstance(each, click.Option)]
    named = {setting_name(option): option for option in options}
    return {name: option for name, option in named.items() if name not in _NOT_SETTINGS}


def setting_name(option: click.Option) -> str:
    """Return the long name of an option, as it stands in the configuration file."""
    longest = max(option.opts, key=len)
    return longest.lstrip("-").replace("-", "_")


def variable(words: Sequence[str], setting: str) -> str:
    """Return the variable that sets an option of a command."""
    return re.sub(r"\W", "_", "_".join((PREFIX, *words, setting))).upper()


def variables(words: Sequence[str], option: click.Option) -> list[str]:
    """Return the variables that set an option; the first that is set decides."""
    own = [option.envvar] if isinstance(option.envvar, str) else [*(option.envvar or ())]
    return list(dict.fromkeys((variable(words, setting_name(option)), *own)))


def name_variables(group: click.Group) -> None:
    """Let each option of each command read its variable, before the one that it had.

    This is click's `auto_envvar_prefix` with the names of the options, not of the parameters.
    """
    for words, command in commands(group):
        for option in settings(command).values():
            option.envvar = variables(words, option)


def unknown(options: Mapping[str, Any], group: click.Command, outside: Sequence[str]) -> str:
    """Return what is wrong with the names in a configuration file; empty if nothing is.

    `outside` are the names of settings at the top level that are not options.
    """
    return _unknown(options, (), dict(commands(group)), outside)


def _unknown(
    table: Mapping[str, Any], words: Words, known: Commands, outside: Sequence[str] = ()
) -> str:
    below = {each[len(words)] for each in known if len(each) > len(words) and _is_in(each, words)}
    inside = {
        name for each, command in known.items() if _is_in(each, words) for name in settings(command)
    }
    where = f"[{'.'.join(words)}]" if words else "the top level"
    for name, value in table.items():
        is_table = isinstance(value, Mapping)
        if is_table and name in below:
            if why := _unknown(value, (*words, name), known):
                return why
        elif name in below:
            return f"{name} must be a table: [{'.'.join((*words, name))}]"
        elif is_table and name in inside:
            return f"{name} in {where} is a setting, not a table"
        elif is_table:
            return f"unknown command {name!r} in {where}{nearest(name, below)}"
        elif name not in inside and name not in outside:
            hint = nearest(name, {*inside, *below, *outside})
            lister = " ".join(("snapshotter", *words, "--help"))
            return f"unknown setting {name!r} in {where}{hint or f'; see {lister!r}'}"
    return ""


def _is_in(words: Words, outer: Words) -> bool:
    return words[: len(outer)] == outer


def levels(options: Mapping[str, Any], words: Words) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the tables that set options of a command, the nearest first, with their names."""
    found = [("", options)]
    table: Any = options
    for place, word in enumerate(words, 1):
        table = table.get(word)
        if not isinstance(table, Mapping):
            break
        found.append((".".join(words[:place]), table))
    yield from reversed(found)
