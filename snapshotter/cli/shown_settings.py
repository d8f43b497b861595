"""Where each option of each command gets its value from, and what is wrong with the settings."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from snapshotter import configuration
from snapshotter.cli.configuration import of_file, require_known, unquoted
from snapshotter.cli.option_names import PREFIX, Words, commands, settings
from snapshotter.configuration import WITHOUT_OPTION, Configuration
from snapshotter.configured_accounts import Account, accounts
from snapshotter.errors import UsageError
from snapshotter.settings import ACCOUNT_VARIABLE, CONFIG_VARIABLE, DATABASE_URL_VARIABLE, setting
from snapshotter.texts import nearest

_BEGIN = f"{PREFIX}_"
_UNUSABLE = "cannot be used"


@dataclass(frozen=True)
class Shown:
    """The value of an option of a command without secrets; None if it is not set.

    `source`: `variable`, `file` or `default`; `origin`: the name of the variable, or the place in
    the file.
    """

    words: Words
    name: str
    value: str | bool | None
    source: str
    origin: str = ""

    @property
    def is_set(self) -> bool:
        return self.value is not None and (self.value is not False or self.source != "default")


@dataclass
class Findings:
    """The configuration, as far as it can be read, and what is wrong with it."""

    configuration: Configuration = field(default_factory=Configuration)
    named_by: str = ""
    accounts: list[tuple[Account, str]] = field(default_factory=list)
    settings: list[Shown] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find(root: click.Group, given: Path | None) -> Findings:
    """Read the configuration, without raising what is wrong with it."""
    found = Findings(Configuration(searched=configuration.places()))
    if given is not None:
        found.named_by = "--config"
    elif setting(os.environ, CONFIG_VARIABLE):
        found.named_by = CONFIG_VARIABLE
    try:
        found.configuration = configuration.load(os.environ, given)
        require_known(found.configuration, root)
        found.configuration = _with_key_file(found.configuration, root)
    except UsageError as error:
        found.problems.append(str(error))
    _find_accounts(found)
    for words, command in commands(root):
        context = click.Context(command)
        for name, option in settings(command).items():
            found.settings.append(_shown(found, context, (words, name), option))
    found.problems += _unknown_variables(root)
    found.problems = list(dict.fromkeys(found.problems))
    return found


def grouped(found: list[Shown]) -> Iterator[tuple[str, Shown]]:
    """Yield what is set, by name: once for all commands in which it is the same."""
    by_name: dict[str, list[Shown]] = {}
    for each in found:
        if each.is_set:
            by_name.setdefault(each.name, []).append(each)
    for name, several in sorted(by_name.items()):
        alike = Counter((each.value, each.source, each.origin) for each in several)
        usual, times = alike.most_common(1)[0]
        is_yielded = False
        for each in several:
            if times > 1 and (each.value, each.source, each.origin) == usual:
                if not is_yielded:
                    yield name, each
                is_yielded = True
            else:
                yield ".".join((*each.words, name)), each


def _with_key_file(found: Configuration, root: click.Group) -> Configuration:
    """Return the configuration with the key file of accounts without a source, as sync has it."""
    words = ("sync",)
    option = settings(dict(commands(root))[words])["api_key_file"]
    set_to = of_file(found, words, option)
    return found if set_to is None else replace(found, key_file=Path(set_to[1]))


def _find_accounts(found: Findings) -> None:
    """Find the accounts, each with why it has no key; empty if it has one."""
    selected = found.configuration.account_id(setting(os.environ, ACCOUNT_VARIABLE))
    names = [*found.configuration.accounts]
    if selected and selected not in map(found.configuration.account_id, names):
        names.append(selected)
    try:
        known = accounts(os.environ, found.configuration, names) if names else []
    except UsageError as error:
        found.problems.append(str(error))
        return
    for account in known:
        why = ""
        try:
            account.service()
        except UsageError as error:
            why = str(error)
            found.problems.append(why)
        found.accounts.append((account, why))


def _shown(
    found: Findings, context: click.Context, named: tuple[Words, str], option: click.Option
) -> Shown:
    words, name = named
    known = [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
    value: Any = None
    source, origin, subject = "default", "", ""
    if variable := next((each for each in known if setting(os.environ, each)), ""):
        source, origin, value = "variable", variable, setting(os.environ, variable)
        subject = variable
    else:
        try:
            set_to = of_file(found.configuration, words, option)
        except UsageError as error:
            found.problems.append(str(error))
            return Shown(words, name, _UNUSABLE, "file", str(found.configuration.path))
        if set_to is not None:
            source, origin = "file", str(found.configuration.path)
            subject, value = f"{origin}: {set_to[0]}", set_to[1]
    if subject and (why := _unusable(context, option, value)):
        found.problems.append(f"{subject}: {why}")
        value = _UNUSABLE
    if not subject:
        value = option.to_info_dict()["default"]
        value = None if callable(value) or (option.count and not value) else value
    return Shown(words, name, _without_secrets(option, value), source, origin)


def _unusable(context: click.Context, option: click.Option, value: Any) -> str:
    """Return why a value cannot be used, without quoting it; empty if it can."""
    if option.name == "api_key_file" and not os.path.lexists(value):  # it may be the key itself
        return "there is no such file; name the file with the key"
    if option.name == "database_url":
        return _unreadable(value)
    if isinstance(option.type, click.Path | click.File):
        return ""
    if option.multiple and isinstance(value, str):
        value = option.type.split_envvar_value(value)
    try:
        option.type_cast_value(context, value)
    except click.BadParameter as error:
        return unquoted(error.message, option, value).removesuffix(".")
    return ""


def _unreadable(database_url: str) -> str:
    from snapshotter.store import urls

    try:
        urls.parse(database_url)
    except UsageError as error:
        return str(error)
    return ""


def _without_secrets(option: click.Option, value: Any) -> str | bool | None:
    from snapshotter.secret_names import SecretNames
    from snapshotter.secret_text import SecretText

    if value is None or isinstance(value, bool) or value == ():
        return None if value == () else value
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if option.name == "database_url":
        from snapshotter.cli.connections import shown

        return shown(str(value))
    if option.name == "ping_url":
        from snapshotter.api.ping import shown_url

        return shown_url(str(value))
    return SecretText(SecretNames(), lambda _: "***")(str(value))


def _unknown_variables(root: click.Group) -> Iterator[str]:
    """Yield the variables that mean nothing, but are named like one that does."""
    known = {CONFIG_VARIABLE, DATABASE_URL_VARIABLE, *WITHOUT_OPTION.values()}
    for _, command in commands(root):
        for option in settings(command).values():
            known |= {*(option.envvar or ())}
    names = [name.removeprefix(_BEGIN) for name in known]
    for name in sorted(os.environ):
        if not name.startswith(_BEGIN) or name in known:
            continue
        if hint := nearest(name.removeprefix(_BEGIN), names):
            hint = hint.replace("'", f"'{_BEGIN}", 1)
            yield f"the variable {name} means nothing{hint}"
